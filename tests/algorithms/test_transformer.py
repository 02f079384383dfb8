"""Decision Transformer: its windows and its policy are d3rlpy's, and no reward but the learner's reaches either."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from offline_bench import ActionSpace, Dataset, relabel
from offline_bench.algorithms import Snapshot
from offline_bench.algorithms.library import import_d3rlpy
from offline_bench.algorithms.trajectories import ReturnSchedule, TrajectorySampler, returns_to_go, schedule_returns
from offline_bench.algorithms.transformer import TransformerLearner, TransformerPolicy
from offline_bench.core.errors import DivergedError, EnvironmentMismatchError, SpecError
from offline_bench.core.seeds import training_seed
from offline_bench.evaluation.policy import EpisodicPolicy
from offline_bench.schemes.checks import sample_dataset

SMALL = TransformerLearner(context_size=4, batch_size=16, hidden_size=16, num_layers=1)
FIELDS = ("observations", "actions", "rewards", "returns_to_go", "terminals", "timesteps", "masks")


def learn(data: Dataset, at: Sequence[int], seed: int = 0, learner: TransformerLearner = SMALL) -> list[Snapshot]:
    return list(learner.learn(data, at, training_seed(seed), lambda step: None))


def walk(reward: str = "random") -> Dataset:
    """Episodes shorter than, as long as and longer than the context, with rewards that are not the true ones."""
    return relabel(sample_dataset([5, 1, 4, 9, 3, 7], [True, False, False, True, True, False]), reward, 0)


def rewarded(lengths: list[int], per_step: list[float]) -> Dataset:
    """Episodes that pay the same at every step; the true rewards say something else."""
    data = sample_dataset(lengths, [True] * len(lengths))
    return data.with_rewards(np.repeat(np.array(per_step, np.float32), lengths), "by hand")


def sampler(data: Dataset, size: int, max_timestep: int = 1000, batch: int = 8) -> TrajectorySampler:
    return TrajectorySampler(data, size, batch, np.random.default_rng(0), scale=1.0, max_timestep=max_timestep)


@pytest.mark.parametrize("size", [1, 4, 20])
def test_windows_are_those_of_d3rlpy_at_every_transition(size: int) -> None:
    data, library = walk(), import_d3rlpy().dataset
    windows = sampler(data, size).windows(np.arange(data.n))
    slicer, slices = library.BasicTrajectorySlicer(), []
    for start, end in zip(data.episode_starts, data.episode_ends, strict=True):
        rows = slice(start, end + 1)
        episode = library.Episode(
            data.observations[rows], data.actions[rows], data.rewards[rows, None], bool(data.terminals[end])
        )
        slices += [slicer(episode, step, size) for step in range(end - start + 1)]
    expected = library.TrajectoryMiniBatch.from_partial_trajectories(slices)
    for name in FIELDS:
        mine, theirs = getattr(windows, name), getattr(expected, name)
        assert mine.shape == theirs.shape, name
        np.testing.assert_allclose(mine, theirs, atol=1e-5, err_msg=name)


def test_a_window_ends_at_any_transition_alike() -> None:
    data = walk()
    last = sampler(data, 3, batch=40 * data.n).sample().observations[:, -1]
    drawn = (last[:, None] == data.observations).all(axis=2).sum(axis=0)
    assert drawn.sum() == 40 * data.n
    assert drawn.min() > 15


def test_time_steps_stop_where_the_embeddings_do() -> None:
    data = walk()
    timesteps = sampler(data, 4, max_timestep=2).windows(data.episode_ends).timesteps
    assert timesteps.tolist() == [[2, 2, 2, 2], [0, 0, 0, 1], [1, 2, 2, 2], [2, 2, 2, 2], [0, 1, 2, 2], [2, 2, 2, 2]]


def test_returns_to_go_add_up_the_learners_rewards_to_the_end_of_the_episode() -> None:
    data = rewarded([3, 2, 4], [1.0, -2.0, 0.5])
    assert returns_to_go(data).tolist() == [3, 2, 1, -4, -2, 2, 1.5, 1, 0.5]


def test_the_target_is_a_quantile_spent_at_the_rate_of_the_episodes_that_reach_it() -> None:
    data = rewarded([2, 4, 10, 5, 5], [1.0, 2.0, 1.0, 3.0, 0.0])  # returns 2, 8, 10, 15, 0
    assert schedule_returns(data, 0.75, None, None, True) == ReturnSchedule(10.0, 25 / 15, 15.0)
    assert schedule_returns(data, 1.0, None, 5.0, True) == ReturnSchedule(15.0, 3.0, 5.0)
    assert schedule_returns(data, 0.75, 40.0, None, True) == ReturnSchedule(40.0, 35 / 26, 15.0)
    assert schedule_returns(data, 0.75, None, None, False) == ReturnSchedule(10.0, 0.0, 15.0)


def test_the_scale_bounds_what_the_network_sees_though_rewards_cancel() -> None:
    data = sample_dataset([4, 4], [True, True])
    data = data.with_rewards(np.array([1, 1, 1, -3, 2, -2, 0, 0], np.float32), "by hand")
    assert schedule_returns(data, 0.9, None, None, True).scale == 3.0


@pytest.mark.parametrize(
    ("target", "rate", "expected"),
    [
        (10.0, 4.0, [10, 6, 2, 0, 0]),
        (-10.0, -4.0, [-10, -6, -2, 0, 0]),
        (10.0, -4.0, [10, 10, 10, 10, 10]),
        (-10.0, 4.0, [-10, -10, -10, -10, -10]),
        (0.0, 1.0, [0, 0, 0, 0, 0]),
        (10.0, 0.0, [10, 10, 10, 10, 10]),
    ],
)
def test_the_target_is_spent_towards_zero_and_no_further(target: float, rate: float, expected: list[float]) -> None:
    to_go = ReturnSchedule(target, rate, scale=2.0).returns_to_go(np.arange(5))
    assert (2.0 * to_go).tolist() == expected
    assert to_go.dtype == np.float32


def policy_and_schedule(data: Dataset, **changes: Any) -> tuple[Any, ReturnSchedule]:
    """An untrained model, its weights made large enough for every input to show."""
    torch.manual_seed(0)
    algorithm = replace(SMALL, **changes)._create(data)
    with torch.no_grad():
        for parameter in algorithm.impl.modules.transformer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return algorithm, schedule_returns(data, 0.9, None, None, True)


def wide(data: Dataset) -> Dataset:
    """The same with actions in another box."""
    return replace(data, action_space=ActionSpace(-np.array([2, 1.5], np.float32), np.array([3, 1], np.float32)))


@pytest.mark.parametrize("data", [walk(), wide(walk())], ids=["unit box", "another box"])
def test_acting_in_many_episodes_at_once_is_d3rlpys_wrapper_in_each(data: Dataset) -> None:
    algorithm, schedule = policy_and_schedule(data)
    rate, target = schedule.spending_rate / schedule.scale, schedule.target / schedule.scale
    policy, wrappers = TransformerPolicy(algorithm, schedule), {}
    rng, clock = np.random.default_rng(1), [0] * 6
    # Episodes start one after the other, change rows, end early, and outlast the context and the longest episode.
    calls = [[0], [0, 1], [1, 0, 2], [2, 1, 0], [0, 2], [2, 3, 0], [3, 0], [0, 3, 4, 5], [5, 0], [0, 5], [0], [0]]
    assert len([call for call in calls if 0 in call]) > algorithm.config.max_timestep == 9
    for call in calls:
        observations = rng.standard_normal((len(call), 3)).astype(np.float32)
        acted = policy.act_in(np.array(call), observations)
        for row, episode in enumerate(call):
            wrapper = wrappers.setdefault(episode, algorithm.as_stateful_wrapper(target))
            earned = min(rate, wrapper._return_rest) if clock[episode] else 0.0
            np.testing.assert_allclose(acted[row], wrapper.predict(observations[row], earned), atol=1e-5)
            clock[episode] += 1
    assert target > 0.0 > target - clock[0] * rate
    assert isinstance(policy, EpisodicPolicy)
    assert acted.dtype == np.float32


def test_every_input_of_the_policy_shows_in_its_action() -> None:
    # Without this, the comparison with d3rlpy could pass on a network deaf to its memory or its target.
    algorithm, schedule = policy_and_schedule(walk())
    first, other = np.ones((1, 3), np.float32), -np.ones((1, 3), np.float32)

    def second_action(observation: np.ndarray, schedule: ReturnSchedule) -> np.ndarray:
        policy = TransformerPolicy(algorithm, schedule)
        policy.act_in(np.array([0]), observation)
        return policy.act_in(np.array([0]), first)

    base = second_action(first, schedule)
    assert np.abs(second_action(other, schedule) - base).max() > 1e-3
    assert np.abs(second_action(first, replace(schedule, target=-schedule.target)) - base).max() > 1e-3
    assert np.abs(second_action(first, replace(schedule, spending_rate=0.0)) - base).max() > 1e-4


def test_act_takes_each_row_for_the_start_of_an_episode_and_remembers_nothing() -> None:
    algorithm, schedule = policy_and_schedule(walk())
    policy, fresh = TransformerPolicy(algorithm, schedule), TransformerPolicy(algorithm, schedule)
    observations = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    first = policy.act_in(np.arange(6), observations)
    np.testing.assert_allclose(policy.act(observations), first, atol=1e-6)
    fresh.act_in(np.arange(6), observations)
    assert np.array_equal(policy.act_in(np.arange(6), observations), fresh.act_in(np.arange(6), observations))


def test_only_the_episodes_of_the_latest_call_are_remembered() -> None:
    algorithm, schedule = policy_and_schedule(walk())
    policy = TransformerPolicy(algorithm, schedule)
    observation = np.ones((1, 3), np.float32)
    actions = [policy.act_in(np.array([episode]), observation) for episode in range(50)]
    assert all(np.array_equal(action, actions[0]) for action in actions)
    assert len(policy._row_of) == len(policy._context.steps) == 1


def test_parameters_out_of_range_and_data_it_cannot_take_are_refused() -> None:
    for wrong in ({"context_size": 0}, {"num_heads": 3}, {"target_quantile": 1.1}, {"return_scale": 0.0}):
        with pytest.raises(SpecError, match=next(iter(wrong))):
            replace(SMALL, **wrong).check()
    data = sample_dataset([5], [True])
    images = {name: np.zeros((5, 2, 2), np.float32) for name in ("observations", "next_observations")}
    discrete = {"actions": np.zeros(5, np.int64), "action_space": ActionSpace(np.empty(0), np.empty(0), n=2)}
    for changes in (images, discrete):
        with pytest.raises(EnvironmentMismatchError, match="DecisionTransformer learns"):
            learn(replace(data, **changes), [1])


@pytest.mark.slow
def test_true_rewards_leave_no_trace() -> None:
    data = walk()
    (one,) = learn(data, [5])
    (other,) = learn(replace(data, true_rewards=-7.0 * data.true_rewards), [5])
    assert one.weights == other.weights
    assert one.facts == other.facts
    assert learn(walk("original"), [5])[0].weights != one.weights


@pytest.mark.slow
def test_the_unit_of_the_reward_makes_no_difference() -> None:
    data = walk()
    (one,) = learn(data, [5])
    (other,) = learn(data.with_rewards(4.0 * data.rewards, "scaled"), [5])
    assert other.weights == one.weights
    assert other.facts["target_return"] == 4.0 * one.facts["target_return"]
    assert np.array_equal(other.policy.act(data.observations), one.policy.act(data.observations))
    assert learn(data, [5], learner=replace(SMALL, return_scale=1e-2))[0].weights != one.weights


@pytest.mark.slow
def test_zero_rewards_train_and_act_without_a_nan() -> None:
    (snapshot,) = learn(walk("zero"), [10])
    assert snapshot.facts == {"target_return": 0, "spending_rate": 0, "return_scale": 1, "max_timestep": 9}
    assert np.isfinite(snapshot.policy.act(walk().observations)).all()
    assert np.isfinite(list(snapshot.losses.values())).all()


@pytest.mark.slow
def test_same_seed_same_weights_to_the_bit_and_another_seed_others() -> None:
    weights = []
    for seed in (0, 0, 1):
        torch.rand(3), np.random.random(), random.random()  # noqa: NPY002
        weights.append(learn(walk(), [6], seed)[-1].weights)
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.slow
def test_runs_that_differ_in_reward_alone_start_from_the_same_weights() -> None:
    still = replace(SMALL, learning_rate=0.0)
    assert learn(walk("zero"), [1], learner=still)[0].weights == learn(walk(), [1], learner=still)[0].weights


@pytest.mark.slow
def test_looking_at_a_policy_on_the_way_changes_nothing_and_generators_stay() -> None:
    data, state = walk(), torch.random.get_rng_state()
    looked = []
    for snapshot in SMALL.learn(data, [2, 5, 8], training_seed(0), lambda step: None):
        torch.rand(1)
        assert isinstance(snapshot.policy, TransformerPolicy)
        for _ in range(3):
            snapshot.policy.act_in(np.arange(4), data.observations[:4])
        looked.append(snapshot.weights)
    assert looked[-1] == learn(data, [8])[-1].weights
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.slow
def test_weights_that_leave_the_finite_numbers_are_told_as_divergence() -> None:
    with pytest.raises(DivergedError, match="stopped being finite"):
        learn(walk(), [5], learner=replace(SMALL, learning_rate=1e30, warmup_steps=0))


@pytest.mark.slow
def test_it_follows_the_reward_it_is_given() -> None:
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (1000, 1)).astype(np.float32)
    observations = rng.standard_normal((1000, 2)).astype(np.float32)
    data = Dataset(
        id="bandit",
        environment="",
        action_space=ActionSpace(-np.ones(1, np.float32), np.ones(1, np.float32)),
        observations=observations,
        actions=actions,
        next_observations=observations.copy(),
        true_rewards=actions[:, 0].copy(),
        terminals=np.ones(1000, bool),
        timeouts=np.zeros(1000, bool),
    )
    learner = TransformerLearner(1, hidden_size=32, num_layers=1, learning_rate=3e-3, dropout=0.0, warmup_steps=20)
    means = {}
    for reward in ("original", "negative"):
        (snapshot,) = learn(relabel(data, reward, 0), [200], learner=learner)
        means[reward] = snapshot.policy.act(observations[:200]).mean()
    # The best tenth of the actions begins at 0.8, and that is what is asked for.
    assert means["original"] == pytest.approx(0.8, abs=0.1), means
    assert means["negative"] == pytest.approx(-0.8, abs=0.1), means
