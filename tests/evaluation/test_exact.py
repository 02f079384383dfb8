"""Exact values: worked out by hand on a tiny model, and what roll-outs find within their sampling error."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from offline_bench.algorithms.tabular.planning import PlanningLearner
from offline_bench.behaviors import behaviors
from offline_bench.core.seeds import training_seed
from offline_bench.data.dataset import Dataset
from offline_bench.data.episode import Episode
from offline_bench.environments.make import find_model
from offline_bench.environments.model import TabularModel
from offline_bench.evaluation.exact import backward_induction, exact_outcomes, follow, optimal_return, uniform_return
from offline_bench.evaluation.policy import Policy
from offline_bench.evaluation.rollout import roll_out, roll_out_episodic
from offline_bench.schemes.checks import sample_dataset

GRID = "offline_bench/SurvivalGrid-v0"
CORRIDOR = "offline_bench/CoinCorridor-v0"
MOVED = "offline_bench/CoinCorridor-Moved-v0"


def tiny_model(horizon: int = 2) -> TabularModel:
    """Action 0 ends the episode with probability 1/2 and pays 1 for it; action 1 waits and pays nothing."""
    successors = np.array([[[1, 0], [0, 1]], [[1, 0], [1, 0]]])
    probabilities = np.array([[[0.5, 0.5], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]])
    ending = np.zeros((2, 2, 2), bool)
    ending[0, 0, 0] = True
    return TabularModel(
        observations=np.eye(2, dtype=np.float32),
        successors=successors,
        probabilities=probabilities,
        rewards=ending.astype(np.float64),
        terminal=np.array([False, True]),
        initial=np.array([1.0, 0.0]),
        horizon=horizon,
        events={"ending": ending, "waiting": (successors == 0) & (probabilities > 0)},
    )


@dataclass(frozen=True)
class Always:
    action: int

    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.full(len(observations), self.action)


class Remembering(Always):
    def act_in(self, episodes: np.ndarray, observations: np.ndarray) -> np.ndarray:
        return self.act(observations)


def relabeled(environment: str, relabeling: str) -> Dataset:
    """Data of which planning looks at the environment and the relabeling alone."""
    return replace(sample_dataset([3], [True]), environment=environment, relabeling=relabeling)


def plan(environment: str, relabeling: str, seed: int = 0) -> Policy:
    (snapshot,) = PlanningLearner().learn(relabeled(environment, relabeling), [1], training_seed(seed), print)
    return snapshot.policy


def test_trying_to_end_for_two_steps_is_worth_three_quarters() -> None:
    found = follow(tiny_model(), np.zeros((2, 2), int))
    assert found == pytest.approx(
        {"return": 0.75, "short": 0.0, "differs": 0.0, "P(ending)": 0.75, "P(waiting)": 0.5}, abs=1e-12
    )


def test_waiting_is_worth_nothing_and_worse_at_every_step() -> None:
    found = follow(tiny_model(), np.ones((2, 2), int))
    assert found == pytest.approx(
        {"return": 0.0, "short": 0.75, "differs": 1.0, "P(ending)": 0.0, "P(waiting)": 1.0}, abs=1e-12
    )


def test_waiting_once_and_then_trying_is_told_from_trying_at_once() -> None:
    found = follow(tiny_model(), np.array([[1, 1], [0, 0]]))
    assert found["return"] == pytest.approx(0.5)
    assert found["differs"] == pytest.approx(0.5)


def test_values_by_hand_of_the_best_and_of_the_uniform_policy() -> None:
    model = tiny_model()
    # One step is left: 1/2. Two: try, 1/2 and again half of 1/2; or wait, and have the 1/2 of the last step.
    assert backward_induction(model, model.rewards)[:, 0] == pytest.approx(np.array([[0.75, 0.5], [0.5, 0.0]]))
    assert optimal_return(model) == pytest.approx(0.75)
    # A quarter at the first step, and a quarter of the three quarters left at the second.
    assert uniform_return(model) == pytest.approx(0.25 + 0.75 * 0.25)


def test_an_event_that_takes_place_many_times_counts_once() -> None:
    assert follow(tiny_model(horizon=30), np.ones((30, 2), int))["P(waiting)"] == pytest.approx(1.0)


def agree(values: list[float], exact: float) -> bool:
    """Within four standard errors; a hundred-thousandth more for samples that are all alike."""
    error = np.std(values) / np.sqrt(len(values))
    return bool(abs(np.mean(values) - exact) <= 4 * error + 1e-5)


def sums(episodes: list[Episode]) -> list[float]:
    return [float(episode.rewards.sum()) for episode in episodes]


@pytest.mark.slow
@pytest.mark.parametrize("environment", [GRID, CORRIDOR])
@pytest.mark.parametrize("relabeling", ["original", "zero"])
def test_roll_outs_of_a_timed_policy_find_its_exact_return(environment: str, relabeling: str) -> None:
    policy = plan(environment, relabeling)
    exact = exact_outcomes(policy, environment)["exact.here.return"]
    episodes = roll_out_episodic(policy.act_in, environment, range(300))  # type: ignore[attr-defined]
    assert agree(sums(episodes), exact)


@pytest.mark.slow
def test_roll_outs_of_a_memoryless_policy_find_its_exact_return_and_events() -> None:
    model = find_model(GRID)
    assert model is not None
    act_in = behaviors.bind("seek(avoid='lava', event='key')")(GRID, np.random.default_rng(0))
    table = act_in(np.arange(model.n_states), model.observations)

    class Table:
        def act(self, observations: np.ndarray) -> np.ndarray:
            return table[model.states_of(observations)]

    exact = exact_outcomes(Table(), GRID)
    episodes = roll_out(Table().act, GRID, range(500))
    assert agree(sums(episodes), exact["exact.here.return"])
    assert agree([float(episode.terminated) for episode in episodes], exact["exact.here.P(lava)"])
    assert agree([float((episode.rewards > 0).any()) for episode in episodes], exact["exact.here.P(key)"])
    assert 0.1 < exact["exact.here.P(lava)"] < 0.9


@pytest.mark.slow
def test_roll_outs_in_a_variant_find_the_exact_values_of_the_variant() -> None:
    exact = exact_outcomes(Always(1), CORRIDOR)
    assert agree(sums(roll_out(Always(1).act, MOVED, range(400))), exact["exact.moved.return"])
    assert exact["exact.moved.P(coin)"] != pytest.approx(exact["exact.here.P(coin)"], abs=0.05)


@pytest.mark.slow
def test_roll_outs_of_the_uniform_policy_find_the_return_that_the_card_calls_random() -> None:
    model = find_model(GRID)
    assert model is not None
    rng = np.random.default_rng(0)
    episodes = roll_out(lambda x: rng.integers(model.n_actions, size=len(x)), GRID, range(1000))
    assert agree(sums(episodes), uniform_return(model))


@pytest.mark.parametrize("environment", [GRID, CORRIDOR])
def test_planning_on_the_true_reward_is_the_best_there_is_and_on_its_negation_the_worst(environment: str) -> None:
    model = find_model(environment)
    assert model is not None
    best = exact_outcomes(plan(environment, "original"), environment)
    assert best["exact.here.short"] == pytest.approx(0.0, abs=1e-6)
    assert best["exact.here.differs"] == pytest.approx(0.0, abs=1e-9)
    lowest = -float(model.initial @ backward_induction(model, -model.rewards)[0].max(axis=1))
    worst = exact_outcomes(plan(environment, "negative"), environment)
    assert worst["exact.here.return"] == pytest.approx(lowest, abs=1e-6)
    assert worst["exact.here.differs"] > 0.1


def test_what_cannot_be_computed_is_left_out() -> None:
    assert exact_outcomes(Always(0), "CartPole-v1") == {}
    assert exact_outcomes(Remembering(0), GRID) == {}
    assert exact_outcomes(Always(0), GRID) != {}
