"""Discrete algorithms, the tabular ones above all: exact, seeded, blind or pessimistic where they are to be."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from offline_bench import Dataset, algorithms, relabel
from offline_bench.algorithms import DISCRETE, EXTERNAL, PROGRAMS, Snapshot, build_learner
from offline_bench.algorithms.tabular.counts import tabulate
from offline_bench.algorithms.tabular.learners import IteratingLearner, iterate
from offline_bench.algorithms.tabular.planning import relabel_model, take_census
from offline_bench.core.errors import EnvironmentMismatchError, SpecError
from offline_bench.core.seeds import training_seed
from offline_bench.data.dataset import ActionSpace
from offline_bench.environments.make import find_model
from offline_bench.schemes.checks import sample_dataset
from tests.schemes.examples import USUAL

GRID = "offline_bench/SurvivalGrid-v0"
BY_D3RLPY = ["discrete-bc", "discrete-cql", "dqn"]
TABULAR = sorted(set(DISCRETE) - set(BY_D3RLPY))
NO_ACTIONS = np.empty(0, np.float32)


def made(rows: Sequence[tuple[int, int, float, int, bool]], n_states: int = 4, n_actions: int = 2) -> Dataset:
    """Episodes of one step each: (state, action, reward, next state, whether that ends the task), shown one-hot."""
    states, actions, rewards, onto, ended = (np.array(column) for column in zip(*rows, strict=True))
    eye = np.eye(n_states, dtype=np.float32)
    return Dataset(
        id="made",
        environment=GRID,
        action_space=ActionSpace(NO_ACTIONS, NO_ACTIONS, n_actions),
        observations=eye[states],
        actions=actions.astype(np.int64),
        next_observations=eye[onto],
        true_rewards=rewards.astype(np.float32),
        terminals=ended.astype(bool),
        timeouts=~ended.astype(bool),
    )


def walked(n: int = 2000, seed: int = 0) -> Dataset:
    """A uniform walk on four states in a ring, in episodes of 20; reward 1 at state 0, the task ends nowhere."""
    rng = np.random.default_rng(seed)
    actions, states = rng.integers(2, size=n), np.zeros(n + 1, int)
    for step in range(n):
        states[step + 1] = (states[step] + (1 if actions[step] else -1)) % 4
    eye = np.eye(4, dtype=np.float32)
    cut = np.arange(n) % 20 == 19
    return Dataset(
        id="walked",
        environment=GRID,
        action_space=ActionSpace(NO_ACTIONS, NO_ACTIONS, 2),
        observations=eye[states[:-1]],
        actions=actions,
        next_observations=eye[states[1:]],
        true_rewards=(states[1:] == 0).astype(np.float32),
        terminals=np.zeros(n, bool),
        timeouts=cut,
    )


def learn(text: str, data: Dataset, seed: int = 0, steps: int = 1) -> Snapshot:
    (snapshot,) = build_learner(text).learn(data, [steps], training_seed(seed), lambda step: None)
    return snapshot


def acts(text: str, data: Dataset, states: Sequence[int], seed: int = 0) -> list[int]:
    eye = np.eye(data.observations.shape[1], dtype=np.float32)
    return [int(action) for action in learn(text, data, seed).policy.act(eye[list(states)])]


@pytest.mark.slow
def test_every_discrete_algorithm_is_listed_and_every_listed_one_registered() -> None:
    assert set(DISCRETE) <= set(algorithms.names())
    refusals = 0
    for name in algorithms.names():
        if name in (*DISCRETE, *PROGRAMS, EXTERNAL):
            continue
        with pytest.raises(EnvironmentMismatchError, match="discrete actions"):
            learn(name, walked())
        refusals += 1
    assert refusals > 10


@pytest.mark.parametrize("name", [name for name in DISCRETE if name != "planning"])
def test_an_algorithm_of_discrete_actions_refuses_continuous_ones(name: str) -> None:
    with pytest.raises(EnvironmentMismatchError, match="continuous actions"):
        learn(name, sample_dataset([40], [True]))


@pytest.mark.parametrize("name", TABULAR)
def test_a_tabular_learner_repeats_to_the_bit_whatever_the_number_of_steps(name: str) -> None:
    data = walked()
    first, again = learn(name, data, seed=3), learn(name, data, seed=3, steps=500)
    assert first.weights == again.weights
    assert len(first.weights) == 16


@pytest.mark.parametrize("name", ["tabular-bc", pytest.param("discrete-bc", marks=pytest.mark.slow)])
def test_cloning_is_bitwise_blind_to_every_usual_relabeling(name: str) -> None:
    data = walked()
    weights = {text: learn(name, relabel(data, text, seed=3), seed=3, steps=20).weights for text in USUAL}
    assert len(set(weights.values())) == 1, weights


@pytest.mark.parametrize("name", ["vi-lcb", "value-iteration", "planning"])
def test_what_reads_rewards_follows_them(name: str) -> None:
    data = replace(walked(), environment=GRID)
    shown = {text: learn(name, relabel(data, text, 0)).weights for text in ("original", "negative")}
    assert shown["original"] != shown["negative"]


def test_cloning_takes_what_was_taken_most() -> None:
    data = made([(0, 1, 0.0, 1, False)] * 3 + [(0, 0, 9.0, 1, False)] * 2 + [(1, 0, 0.0, 2, True)])
    assert acts("tabular-bc", data, [0, 1]) == [1, 0]


def test_cloning_draws_between_equals_by_its_seed() -> None:
    data = made([(0, 1, 0.0, 1, False), (0, 0, 0.0, 1, False)])
    drawn = [acts("tabular-bc", data, [0], seed)[0] for seed in range(20)]
    assert set(drawn) == {0, 1}
    assert drawn == [acts("tabular-bc", data, [0], seed)[0] for seed in range(20)]


def test_value_iteration_finds_the_values_worked_out_by_hand() -> None:
    # 0 waits for 1 a step, or goes on to 1 where 10 are paid at the end.
    data = made([(0, 0, 1.0, 0, False), (0, 1, 0.0, 1, False), (1, 0, 10.0, 2, True), (1, 1, 0.0, 1, False)])
    table = tabulate(data)
    values = iterate(table, table.rewards, 0.0, 0.5)
    eye = np.eye(4, dtype=np.float32)
    assert values[table.states.find(eye[:2])] == pytest.approx(np.array([[3.5, 5.0], [10.0, 5.0]]))


def test_a_terminal_stops_values_and_a_cut_does_not() -> None:
    ways = {}
    for ended in (True, False):
        data = made([(0, 0, 0.0, 1, ended), (1, 0, 1.0, 1, False)])
        table = tabulate(data)
        ways[ended] = iterate(table, table.rewards, 0.0, 0.5)[table.states.find(np.eye(4, dtype=np.float32)[:1])][0, 0]
    assert ways == pytest.approx({True: 0.0, False: 1.0})


def test_rewards_of_one_pair_are_averaged() -> None:
    data = made([(0, 0, 0.0, 1, True), (0, 0, 1.0, 1, True), (0, 1, 0.6, 1, True)])
    assert tabulate(data).rewards[:2] == pytest.approx([0.5, 0.6])
    assert acts("value-iteration", data, [0]) == [1]


def test_pessimism_prefers_what_is_known_to_what_once_was_lucky() -> None:
    data = made([(0, 0, 1.0, 1, True)] + [(0, 1, 0.5, 1, True)] * 500 + [(2, 0, 0.0, 1, True)])
    assert acts("value-iteration", data, [0]) == [0]
    assert acts("vi-lcb", data, [0]) == [1]
    assert acts("vi-lcb(beta=0.0)", data, [0]) == [0]


@pytest.mark.parametrize("reward", [-1.0, 0.0, 1.0])
def test_pessimism_takes_nothing_that_never_was_whatever_is_paid(reward: float) -> None:
    data = made([(0, 1, reward, 1, False)] * 3 + [(1, 0, reward, 0, False)] * 5)
    assert acts("vi-lcb", data, [0, 1]) == [1, 0]


def test_without_pessimism_what_never_was_is_better_than_any_cost() -> None:
    data = made([(0, 1, -1.0, 1, False), (1, 0, -1.0, 0, False)])
    assert acts("value-iteration", data, [0, 1]) == [0, 1]
    assert acts("value-iteration(unseen=-100.0)", data, [0, 1]) == [1, 0]


def test_scaling_and_shifting_rewards_changes_no_pessimistic_policy() -> None:
    data = relabel(walked(), "random", 0)
    scaled = data.with_rewards((100.0 * data.rewards).astype(np.float32), "random")
    shifted = data.with_rewards((data.rewards + 50.0).astype(np.float32), "random")
    expected = acts("vi-lcb", data, range(4))
    assert acts("vi-lcb", scaled, range(4)) == expected
    assert acts("vi-lcb", shifted, range(4)) == expected


def test_the_penalty_is_hoeffdings_half_width() -> None:
    data = made([(0, 0, 0.0, 1, True)] * 4 + [(0, 1, 3.0, 1, True)])
    snapshot = learn("vi-lcb(gamma=0.5, delta=0.2)", data)
    pairs = 2 * 2
    one = 3.0 / 0.5 * np.sqrt(np.log(2 * pairs / 0.2) / 2)
    assert snapshot.facts["largest_penalty"] == pytest.approx(one)
    assert snapshot.facts["never_taken"] == pytest.approx((0.0 - one) / 0.5)


def test_an_entry_that_never_varies_tells_no_states_apart_and_a_new_state_has_a_drawn_action() -> None:
    data = walked()
    constant = np.tile(np.array([1, 0], np.float32), (data.n, 1))
    wide = replace(
        data,
        observations=np.concatenate([data.observations, constant], axis=1),
        next_observations=np.concatenate([data.next_observations, constant], axis=1),
    )
    eye = np.eye(4, dtype=np.float32)
    here, moved = (np.concatenate([eye, np.tile(coin, (4, 1))], axis=1) for coin in np.eye(2, dtype=np.float32))
    policy = learn("vi-lcb", wide).policy
    assert np.array_equal(policy.act(here), policy.act(moved))
    nowhere = np.full((30, 6), 0.5, np.float32) + np.arange(30, dtype=np.float32)[:, None]
    assert set(policy.act(nowhere)) == {0, 1}
    assert np.array_equal(policy.act(nowhere)[::-1], policy.act(nowhere[::-1]))


def test_too_many_observations_for_a_table_are_refused() -> None:
    data = sample_dataset([12_000], [True])
    space = ActionSpace(NO_ACTIONS, NO_ACTIONS, 2)
    discrete = replace(data, actions=np.zeros(data.n, np.int64), action_space=space)
    with pytest.raises(EnvironmentMismatchError, match="tabular algorithms are for grids"):
        learn("tabular-bc", discrete)


def test_the_census_has_every_possible_transition_once_and_its_true_reward() -> None:
    model = find_model(GRID)
    assert model is not None
    census = take_census(model)
    at, onto = model.states_of(census.observations), model.states_of(census.next_observations)
    triples = set(zip(at.tolist(), census.actions.tolist(), onto.tolist(), strict=True))
    assert len(triples) == census.n
    assert census.n == int(((model.probabilities > 0) & ~model.terminal[:, None, None]).sum())
    assert np.array_equal(
        relabel_model(model, "original", 0), np.where(model.terminal[:, None, None], 0, model.rewards)
    )


def test_planning_draws_a_random_reward_by_the_seed_of_its_run() -> None:
    model = find_model(GRID)
    assert model is not None
    data = relabel(walked(), "random", 4)
    assert learn("planning", data, 4).weights == learn("planning", data, 4).weights
    assert learn("planning", data, 4).weights != learn("planning", data, 5).weights
    assert not np.array_equal(relabel_model(model, "random", 4), relabel_model(model, "random", 5))


def test_planning_acts_step_by_step_alike_however_it_is_asked() -> None:
    model = find_model(GRID)
    assert model is not None
    policy = learn("planning", relabel(walked(), "random", 0)).policy
    some = model.observations[:5]
    for step in range(model.horizon):
        expected = policy.act_at(step, some)  # type: ignore[attr-defined]
        assert np.array_equal(policy.act_in(np.arange(5), some), expected)  # type: ignore[attr-defined]
    started = policy.act_in(np.arange(5, 10), some)  # type: ignore[attr-defined]
    assert np.array_equal(started, policy.act(some))


def test_planning_without_a_model_says_so() -> None:
    with pytest.raises(EnvironmentMismatchError, match="shows no tabular model"):
        learn("planning", replace(walked(), environment="CartPole-v1"))


@pytest.mark.parametrize("text", ["vi-lcb(gamma=1.0)", "vi-lcb(beta=-1.0)", "vi-lcb(delta=0.0)"])
def test_a_parameter_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        build_learner(text).check()
    assert IteratingLearner(0.9).check() is None


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_D3RLPY)
def test_same_seed_same_weights_and_actions_are_whole_numbers(name: str) -> None:
    data = walked()
    weights = [learn(name, data, seed, steps=10).weights for seed in (0, 0, 1)]
    assert weights[0] == weights[1] != weights[2]
    actions = learn(name, data, steps=10).policy.act(data.observations[:7])
    assert actions.shape == (7,)
    assert actions.dtype == np.int64


@pytest.mark.slow
@pytest.mark.parametrize("name", ["discrete-cql", "dqn"])
def test_a_deep_algorithm_of_discrete_actions_follows_the_reward(name: str) -> None:
    rng = np.random.default_rng(0)
    rows = [(int(state), int(action), float(action), 3, True) for state, action in rng.integers(2, size=(500, 2))]
    for reward, best in (("original", 1), ("negative", 0)):
        policy = learn(f"{name}(learning_rate=0.01)", relabel(made(rows), reward, 0), steps=150).policy
        assert (policy.act(np.eye(4, dtype=np.float32)[:2]) == best).all(), reward
