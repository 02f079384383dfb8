"""No interval leaves what its number can be: shares, lengths, density ratios, and what a task can pay."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_bench.analysis.bounds import ANYTHING, measure_range, score_range
from offline_bench.analysis.findings import Estimate
from offline_bench.analysis.predictions.prediction import Prediction, Selection
from offline_bench.analysis.predictions.verdicts import _contrast, _estimate
from offline_bench.analysis.published.bias import positive_bias
from offline_bench.analysis.resampling import Resampling
from offline_bench.analysis.scores.aggregates import aggregate, task_means
from offline_bench.analysis.scores.leaderboard import build_leaderboard
from offline_bench.analysis.scores.reward_effects import cell_facts
from offline_bench.analysis.statistics import IQM, bootstrap_interval
from offline_bench.core.errors import MissingExtraError
from offline_bench.core.paths import project_root
from offline_bench.data.loaders.cards import Task, load_cards
from offline_bench.environments.make import find_model, find_spec
from offline_bench.environments.model import TabularModel
from tests.analysis.runs_by_hand import frame_of, runs

CORRIDOR = "offline-bench/coin-corridor/right-v0"
HOPPER = "offline-bench/hopper/medium-v0"
TASKS = {card.task.name: card.task for card in load_cards(project_root() / "datasets" / "cards.toml").values()}
Bounds = tuple[float, float]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(project_root()))


def wild_runs(dataset: str, seed: int) -> pd.DataFrame:
    """Runs of the true reward and three wrong ones, three seeds, each number at one end of its range or the other."""
    rng = np.random.default_rng(seed)
    task = next(card.task for card in load_cards().values() if card.id == dataset)
    low, high = (-20.0, 120.0) if math.isinf(task.most_return) else score_range(task)
    rows = []
    for reward in ("original", "zero", "random", "negative"):
        ends = {"in_support": (0.0, 1.0), "effective_share": (0.0, 1.0), "concentrability": (0.0, 900.0)}
        drawn = {name: rng.choice(of, 3) for name, of in {**ends, "length": (1.0, float(task.longest))}.items()}
        for at, row in enumerate(runs(rng.choice([low, high], 3), reward, dataset=dataset)):
            rows.append({**row, **{name: float(values[at]) for name, values in drawn.items()}})
    return frame_of(rows)


def inside(estimate: Estimate, bounds: Bounds) -> bool:
    """Whether the interval lies within the bounds and around its number."""
    return bounds[0] - 1e-9 <= estimate.low <= estimate.value <= estimate.high <= bounds[1] + 1e-9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([CORRIDOR, HOPPER]))
def test_no_number_of_a_cell_leaves_what_it_can_be(seed: int, dataset: str) -> None:
    for item in cell_facts(wild_runs(dataset, seed), np.random.default_rng(0)):
        for name in ("score", "in_support", "effective_share", "concentrability", "length"):
            assert inside(getattr(item, name), measure_range(dataset, name)), (name, getattr(item, name))
        low, high = measure_range(dataset, "score")
        assert inside(item.gap, (low - high, high - low))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_no_score_leaves_what_the_task_can_pay_in_any_table(seed: int) -> None:
    frame = wild_runs(CORRIDOR, seed)
    low, high = measure_range(CORRIDOR, "score")
    for cell in build_leaderboard(frame).tables[0].rows[0].cells:
        assert inside(Estimate(cell.value, cell.low, cell.high), (low, high))
    for found in aggregate(frame, np.random.default_rng(0)):
        assert all(inside(one, (low, high)) for one in (found.iqm, found.median, found.mean))
        assert inside(found.optimality_gap, (0.0, 100.0 - low))
    (bias,) = positive_bias(frame, None, np.random.default_rng(0))
    assert inside(bias.epsilon, (1.0 - high / 100.0, 1.0 - low / 100.0))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["score", "length", "in_support", "lift"]))
def test_a_prediction_is_not_told_by_what_cannot_be(seed: int, measure: str) -> None:
    frame = wild_runs(CORRIDOR, seed)
    rows = frame.assign(lift=frame["score"] - frame["behavior_score"])
    a, b = (Selection((("relabeling", (name,)),)) for name in ("original", "zero"))
    shift = 30.0 if measure == "lift" else 0.0
    low, high = measure_range(CORRIDOR, "score" if measure == "lift" else measure)
    for kind, second, bounds in (
        ("mean", None, (low - shift, high - shift)),
        ("difference", b, (low - high, high - low)),
    ):
        contrast = _contrast(Prediction("p", "p", kind, "greater", measure=measure, a=a, b=second), rows)
        assert contrast is not None
        assert inside(_estimate(contrast), bounds)


def test_over_tasks_a_statistic_ends_where_it_would_be_if_all_runs_did() -> None:
    """A bounded task and one without bounds: the mean of the two has no bound, the bounded one alone keeps its own."""
    values = [np.array([0.0, 1.0, 1.0]), np.array([0.0, 90.0, 3.0])]
    mean = task_means([6], lambda means: means[..., 0])
    free = bootstrap_interval(values, mean, Resampling(2))
    assert bootstrap_interval(values, mean, Resampling(2), ranges=[(0.0, 1.0), ANYTHING]) == free
    low, high = bootstrap_interval(values[:1], IQM, Resampling(1), ranges=[(0.0, 1.0)])
    assert (low, high) == (0.0, 1.0)
    low, high = bootstrap_interval(values, mean, Resampling(2), ranges=[(0.0, 1.0), (0.0, 90.0)])
    assert low == 0.0 and high == min(free[1], (3 * 1.0 + 3 * 90.0) / 6)


def best_and_worst(model: TabularModel) -> Bounds:
    """The greatest and the least return of any episode that the model lets happen."""
    possible = model.probabilities > 0
    ends = []
    for sign in (1.0, -1.0):
        values = np.zeros(model.n_states)
        for _ in range(model.horizon):
            ahead = np.where(model.terminal, 0.0, values)[model.successors]
            values = np.where(possible, sign * model.rewards + ahead, -np.inf).max(axis=(1, 2))
        ends.append(sign * float(values[model.initial > 0].max()))
    return ends[1], ends[0]


def is_finite(task: Task) -> bool:
    try:
        return find_model(task.environment) is not None
    except MissingExtraError:  # a point maze, on a Python that gymnasium-robotics has no build for
        return False


FINITE = [task for task in TASKS.values() if is_finite(task)]


@pytest.mark.parametrize("task", FINITE, ids=lambda task: task.name)
def test_the_bounds_of_a_grid_are_those_of_its_model(task: Task) -> None:
    model = find_model(task.environment)
    assert model is not None
    assert (task.least_return, task.most_return) == best_and_worst(model)


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_the_longest_episode_of_a_card_is_the_environments_clock(task: Task) -> None:
    assert task.longest == find_spec(task.environment).max_episode_steps


def test_what_is_not_known_is_not_bounded() -> None:
    assert measure_range("nobody/knows-v0", "score") == measure_range(HOPPER, "score") == ANYTHING
    assert measure_range("nobody/knows-v0", "length") == (1.0, math.inf)
    assert measure_range(HOPPER, "length") == (1.0, 1000.0)
