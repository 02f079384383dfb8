"""What must hold of every algorithm: it uses the reward, it repeats to the bit, and BC is blind."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from offline_bench import ActionSpace, Dataset, algorithms, relabel
from offline_bench.algorithms import DISCRETE, EXTERNAL, PROGRAMS, Snapshot, build_learner
from offline_bench.algorithms.sampler import MinibatchSampler
from offline_bench.algorithms.stacked.learner import OURS_ALONE
from offline_bench.core.errors import DatasetError, DivergedError, SpecError
from offline_bench.core.seeds import training_seed
from offline_bench.data.learner_view import LearnerView
from offline_bench.schemes.checks import sample_dataset
from tests.schemes.examples import USUAL

pytestmark = pytest.mark.slow

SMALL = "batch_size=32, hidden_units=[16, 16]"


def small(name: str, *more: str) -> str:
    size = "batch_size=16, hidden_size=16, num_layers=1" if name == "dt" else SMALL
    return f"{name}({', '.join([size, *more])})"


# Each with what it needs beside the learning rates to show in 250 steps what it makes of a reward.
PESSIMISTS = ", n_warm_start_steps=0"
REWARDED = {
    "pct-bc": "",
    "onestep": ", n_critic_steps=150",
    "td3-plus-bc": "",
    "rebrac": ", layer_norm=False",
    "iql": "",
    "cql": ", conservative_weight=0.1, n_action_samples=2",
    "awac": "",
    "sac": "",
    "atac": PESSIMISTS,
    "pspi": PESSIMISTS,
}
STACKED = ["atac", "bc", "cql", "iql", "onestep", "pct-bc", "pspi", "rebrac", "sac", "td3-plus-bc"]
BY_EITHER = [name for name in STACKED if name not in OURS_ALONE]
BY_D3RLPY = "trainer='d3rlpy'"
# Every algorithm of continuous actions in a small size, by either trainer where there are two.
TEXTS = [small(name) for name in algorithms.names() if name not in (*DISCRETE, *PROGRAMS, EXTERNAL)] + [
    small(name, BY_D3RLPY) for name in BY_EITHER
]


def learn(text: str, data: Dataset, at: Sequence[int], seed: int = 0, act: bool = False) -> list[Snapshot]:
    snapshots = []
    view = LearnerView.of(data)
    for snapshot in build_learner(text).learn(view, at, training_seed(seed), lambda step: None):
        if act:
            snapshot.policy.act(data.observations[:5])
        snapshots.append(snapshot)
    return snapshots


def bandit(n: int = 2000) -> Dataset:
    """Uniform actions in [-1, 1], reward = action, every episode one step: the best action is 1, the worst -1."""
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (n, 1)).astype(np.float32)
    observations = rng.standard_normal((n, 2)).astype(np.float32)
    return Dataset(
        id="bandit",
        environment="",
        action_space=ActionSpace(-np.ones(1, np.float32), np.ones(1, np.float32)),
        observations=observations,
        actions=actions,
        next_observations=observations.copy(),
        true_rewards=actions[:, 0].copy(),
        terminals=np.ones(n, bool),
        timeouts=np.zeros(n, bool),
    )


@pytest.mark.parametrize("text", TEXTS)
def test_every_algorithm_learns_and_acts_inside_the_box(text: str) -> None:
    data = sample_dataset([40] * 5, [True] * 5)
    (snapshot,) = learn(text, data, [20])
    actions = snapshot.policy.act(data.observations[:7])
    assert actions.shape == (7, 2)
    assert np.isfinite(actions).all()
    assert (np.abs(actions) <= 1.0 + 1e-6).all()


@pytest.mark.parametrize("text", TEXTS)
def test_same_seed_same_weights_to_the_bit_and_another_seed_others(text: str) -> None:
    data = sample_dataset([40] * 5, [True] * 5)
    weights = []
    for seed in (0, 0, 1):
        # Whatever drew from the global generators before must not matter.
        torch.rand(3), np.random.random(), random.random()  # noqa: NPY002
        weights.append(learn(text, data, [10], seed)[-1].weights)
    assert weights[0] == weights[1] != weights[2]


def test_some_algorithms_are_stacked_unless_d3rlpy_is_asked_for() -> None:
    trainers = {name: build_learner(name).trainer for name in algorithms.names() if name not in (*PROGRAMS, EXTERNAL)}
    assert sorted(name for name, trainer in trainers.items() if trainer == "stacked") == STACKED
    assert set(trainers.values()) == {"stacked", "d3rlpy", "tabular"}
    assert {build_learner(small(name, BY_D3RLPY)).trainer for name in BY_EITHER} == {"d3rlpy"}
    with pytest.raises(SpecError, match="trainer is 'stacked' or 'd3rlpy', not 'jax'"):
        build_learner("bc(trainer='jax')")


@pytest.mark.parametrize("text", [small("bc"), small("bc", BY_D3RLPY)])
def test_bc_weights_are_bitwise_equal_under_every_usual_relabeling(text: str) -> None:
    data = sample_dataset([40] * 5, [True] * 5)
    weights = {reward: learn(text, relabel(data, reward, seed=3), [50], seed=3)[-1].weights for reward in USUAL}
    assert len(set(weights.values())) == 1, weights


@pytest.mark.parametrize(
    ("name", "extra"),
    [*REWARDED.items(), *((name, f"{extra}, {BY_D3RLPY}") for name, extra in REWARDED.items() if name in BY_EITHER)],
)
def test_an_algorithm_that_reads_rewards_follows_them(name: str, extra: str) -> None:
    rates = "learning_rate=0.003" if name == "pct-bc" else "actor_learning_rate=0.003, critic_learning_rate=0.003"
    text = f"{name}({rates}, batch_size=64, hidden_units=[32, 32]{extra})"
    means = {}
    for reward in ("original", "negative"):
        data = relabel(bandit(), reward, seed=0)
        (snapshot,) = learn(text, data, [250])
        means[reward] = float(snapshot.policy.act(data.observations[:200]).mean())
    assert means["original"] > 0.2, means
    assert means["negative"] < -0.2, means


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        # The cloning loss of the first step is that of the initial actor on the first minibatch: no reward in it yet.
        (small("td3-plus-bc", BY_D3RLPY), "bc_loss"),
        # And in a warm start the actor does nothing but clone.
        (small("atac", "n_warm_start_steps=10"), "actor_loss"),
        (small("pspi", "n_warm_start_steps=10", BY_D3RLPY), "actor_loss"),
    ],
)
def test_runs_that_differ_in_reward_alone_start_from_the_same_weights_and_minibatches(text: str, loss: str) -> None:
    data = sample_dataset([40] * 5, [True] * 5)
    zero, original = (learn(text, relabel(data, reward, 0), [1, 20]) for reward in ("zero", "original"))
    assert zero[0].losses[loss] == original[0].losses[loss]
    assert zero[0].losses["critic_loss"] != original[0].losses["critic_loss"]
    assert zero[-1].weights != original[-1].weights


@pytest.mark.parametrize("text", [small("td3-plus-bc"), small("td3-plus-bc", BY_D3RLPY), small("bcq"), small("atac")])
def test_looking_at_a_policy_on_the_way_changes_nothing(text: str) -> None:
    data = sample_dataset([40] * 5, [True] * 5)
    looked = learn(text, data, [5, 10, 20], act=True)[-1]
    unseen = learn(text, data, [20])[-1]
    assert looked.weights == unseen.weights


@pytest.mark.parametrize("text", [small("bc"), small("bc", BY_D3RLPY)])
def test_training_leaves_the_global_generators_as_they_were(text: str) -> None:
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    learn(text, sample_dataset([40], [True]), [5])
    assert np.random.random() == expected  # noqa: NPY002


@pytest.mark.parametrize("text", [small("td3-plus-bc"), small("td3-plus-bc", BY_D3RLPY)])
@pytest.mark.parametrize("steps", [50, 1000])
def test_a_loss_that_overflows_is_told_as_divergence_with_its_step(text: str, steps: int) -> None:
    data = relabel(sample_dataset([40] * 5, [True] * 5), "constant(value=3e38)", 0)
    with pytest.raises(DivergedError, match="stopped being finite at step 1") as caught:
        learn(text, data, [steps])
    assert caught.value.step == 1


@pytest.mark.parametrize("trainer", ["stacked", "d3rlpy"])
def test_a_reward_scaler_is_refused_where_rewards_are_constant(trainer: str) -> None:
    data = relabel(sample_dataset([40], [True]), "zero", 0)
    with pytest.raises(DatasetError, match="these are constant"):
        learn(small("iql", "reward_scaler='standard'", f"trainer={trainer!r}"), data, [5])


def test_unknown_parameters_get_the_nearest_name() -> None:
    with pytest.raises(SpecError, match="did you mean expectile"):
        build_learner("iql(expectil=0.9)")
    with pytest.raises(SpecError, match="n_action_samples"):
        build_learner("bcq(n_action_sample=3)").check()


def test_minibatches_are_aligned_with_the_data_and_keep_to_their_episode() -> None:
    data = relabel(sample_dataset([5, 1, 8, 3], [True, False, False, True]), "random", 0)
    batch = MinibatchSampler(data, 500, np.random.default_rng(0)).sample()
    rows = [int(np.flatnonzero((data.observations == x).all(axis=1))[0]) for x in batch.observations]
    assert set(rows) == set(range(data.n))
    following = [row if row in data.episode_ends else row + 1 for row in rows]
    assert np.array_equal(batch.actions, data.actions[rows])
    assert np.array_equal(batch.rewards[:, 0], data.rewards[rows])
    assert np.array_equal(batch.next_observations, data.next_observations[rows])
    assert np.array_equal(batch.next_actions, data.actions[following])
    assert np.array_equal(batch.terminals[:, 0], data.terminals[rows].astype(np.float32))
    for row, transition in zip(rows, batch.transitions, strict=True):
        end = data.episode_ends[data.episode_of[row]]
        assert np.array_equal(transition.rewards_to_go[:, 0], data.rewards[row : end + 1])
