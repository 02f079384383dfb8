"""Aggregates, probability of improvement, profiles and facts of cells: by hand, and by simulation of known effects."""

from __future__ import annotations

import numpy as np
import pytest

from offline_bench.analysis.resampling import Resampling
from offline_bench.analysis.scores.aggregates import aggregate
from offline_bench.analysis.scores.entrants import enter_runs
from offline_bench.analysis.scores.improvement import compare_rewards, probability_of_improvement
from offline_bench.analysis.scores.performance_profiles import performance_profiles
from offline_bench.analysis.scores.reward_effects import cell_facts
from tests.analysis.runs_by_hand import frame_of, runs

ANALYSES = (aggregate, compare_rewards, performance_profiles, cell_facts)


def rng(seed=0):
    return np.random.default_rng(seed)


def two_tasks(relabeling="original", algorithm="iql"):
    return runs([10, 20, 30, 40], relabeling, algorithm) + runs([120, 140], relabeling, algorithm, dataset="toy/two")


def test_aggregates_by_hand():
    (found,) = aggregate(frame_of(two_tasks()), rng())
    assert found.iqm.value == pytest.approx(np.mean([20, 30, 40, 120]))  # of six runs one goes at each end
    assert found.mean.value == pytest.approx((25 + 130) / 2)
    assert found.median.value == pytest.approx((25 + 130) / 2)
    assert found.optimality_gap.value == pytest.approx(75 / 2)  # what is above 100 lacks nothing
    assert (found.tasks, found.missing, found.iqm.n) == (2, (), 6)
    for part in (found.iqm, found.mean, found.median, found.optimality_gap):
        assert part.low < part.value < part.high


def test_the_median_is_that_of_tasks_and_not_of_runs():
    rows = [row for at, level in enumerate((0, 10, 90)) for row in runs([level] * 5, dataset=f"toy/{at}")]
    rows += runs([90] * 20, dataset="toy/3") + runs([90] * 20, dataset="toy/4")
    (found,) = aggregate(frame_of(rows), rng())
    assert (found.median.value, found.mean.value) == (90, pytest.approx(56))


def test_a_missing_cell_is_named_and_not_averaged_away():
    rows = two_tasks() + runs([50, 60], "zero") + runs([1], "zero", dataset="toy/two", status="diverged")
    by_reward = {found.relabeling: found for found in aggregate(frame_of(rows), rng())}
    assert by_reward["original"].missing == ()
    assert (by_reward["zero"].missing, by_reward["zero"].tasks) == (("toy/two",), 1)


def test_a_task_on_which_nobody_ended_well_is_missing_and_one_without_scores_is_no_task():
    rows = runs([50, 60]) + runs([0, 0], dataset="toy/two", status="failed")
    rows += runs([np.nan, np.nan], dataset="toy/no-card", behavior_score=np.nan)
    (found,) = aggregate(frame_of(rows), rng())
    assert (found.tasks, found.missing) == (1, ("toy/two",))


def test_stale_and_failed_runs_count_nowhere():
    rows = two_tasks() + two_tasks("zero")
    bad = [{**row, "seed": 90 + i, "score": 9e9, "true_return": 9e9} for i, row in enumerate(rows)]
    bad = [{**row, "stale": "old"} if i % 2 else {**row, "status": "failed"} for i, row in enumerate(bad)]
    for analysis in ANALYSES:
        assert repr(analysis(frame_of(rows + bad), rng())) == repr(analysis(frame_of(rows), rng()))


def test_the_order_of_rows_and_other_cells_change_nothing():
    # Many uneven runs: of few, resamples are so few that any draw of them gives the same quantiles.
    values = iter(rng(5).lognormal(4.0, 1.0, size=(5, 9)))
    rows = [row for name in ("original", "zero", "negative") for row in runs(next(values), name)]
    more = frame_of(rows + [row for name in ("original", "zero") for row in runs(next(values), name, "cql")])
    frame = frame_of(rows)
    for analysis in ANALYSES:
        alone = [repr(one) for one in analysis(frame, rng())]
        assert [repr(one) for one in analysis(frame.sample(frac=1, random_state=1), rng())] == alone
        assert set(alone) <= {repr(one) for one in analysis(more, rng())}


def test_two_budgets_of_one_algorithm_are_two_entrants():
    rows = runs([1, 2], steps=1000) + runs([50, 60], steps=200) + runs([5, 6], algorithm="bc")
    found = [(one.algorithm, one.iqm.value) for one in aggregate(frame_of(rows), rng())]
    assert found == [("bc", 5.5), ("iql, 200 steps", 55), ("iql, 1000 steps", 1.5)]


def test_curations_are_tasks_of_their_own():
    frame = frame_of(runs([1, 2]) + runs([5, 6], curation="top(p=0.5)"))
    assert list(enter_runs(frame)["task"].unique()) == ["toy/one", "toy/one; top(p=0.5)"]
    assert aggregate(frame, rng())[0].tasks == 2


def test_probability_of_improvement_by_hand():
    x, y = [np.array([1.0, 3.0, 5.0]), np.array([1.0])], [np.array([2.0, 3.0]), np.array([0.0])]
    found = probability_of_improvement(x, y, Resampling(0))
    assert found.value == pytest.approx((3.5 / 6 + 1) / 2)  # 3 > 2, 5 > 2, 5 > 3, and 3 = 3 by half; then 1 of 1
    assert 0 <= found.low <= found.value <= found.high <= 1
    back = probability_of_improvement(y, x, Resampling(0))
    assert back.value == pytest.approx(1 - found.value)


def test_runs_against_themselves_improve_half_the_time():
    frame = frame_of(two_tasks() + two_tasks("zero"))
    (found,) = compare_rewards(frame, rng())
    assert (found.first, found.second, found.tasks, found.probability.value) == ("original", "zero", 2, 0.5)
    assert found.probability.low < 0.5 < found.probability.high


def test_rewards_are_compared_on_the_tasks_that_have_both():
    rows = two_tasks() + runs([0, 0], "zero")
    (found,) = compare_rewards(frame_of(rows), rng())
    assert (found.tasks, found.probability.value) == (1, 1.0)
    assert compare_rewards(frame_of(runs([1, 2], "zero")), rng()) == ()


@pytest.mark.slow
@pytest.mark.parametrize("tasks", [1, 4])
def test_the_interval_of_the_probability_holds_the_truth_at_its_rate(tasks):
    # P(N(δ, 1) > N(0, 1)) = Φ(δ / √2); 0.7602 at δ = 1.
    source = rng(tasks)
    held = []
    for _ in range(200):
        x, y = source.normal(1.0, 1.0, (tasks, 6)), source.normal(0.0, 1.0, (tasks, 6))
        found = probability_of_improvement(list(x), list(y), Resampling.of(source))
        held.append(found.low <= 0.7602 <= found.high)
    assert 0.90 <= np.mean(held) <= 0.995


def test_profiles_by_hand():
    (found,) = performance_profiles(frame_of(two_tasks()), rng(), (-5, 10, 25, 130, 140))
    assert found.values == pytest.approx((1, (3 / 4 + 1) / 2, (2 / 4 + 1) / 2, 1 / 4, 0))  # above is not at
    assert found.thresholds == (-5, 10, 25, 130, 140)
    for low, value, high in zip(found.low, found.values, found.high, strict=True):
        assert 0 <= low <= value <= high <= 1
    assert found.low[2] < found.values[2] < found.high[2]


def test_profiles_never_rise_and_their_area_is_the_mean():
    values = rng(1).uniform(0, 100, 40)
    thresholds = np.arange(0, 100, 0.5)
    (found,) = performance_profiles(frame_of(runs(values)), rng(), thresholds)
    assert (np.diff(found.values) <= 0).all()
    assert np.sum(found.values) * 0.5 == pytest.approx(values.mean(), abs=0.5)


def cells(rows):
    return {found.relabeling: found for found in cell_facts(frame_of(rows), rng())}


def test_gap_and_retention_by_hand():
    found = cells(runs([40, 50, 60]) + runs([20, 25, 30], "zero"))
    assert (found["zero"].score.value, found["zero"].gap.value, found["zero"].retention.value) == (25, 25, 0.5)
    assert (found["zero"].retention.low, found["zero"].retention.high) == pytest.approx((0.5, 0.5))
    assert found["zero"].gap.low < 25 < found["zero"].gap.high
    assert (found["original"].gap.value, found["original"].retention.value) == (0, 1)


def test_gap_is_paired_by_seed():
    true = rng(2).normal(50, 20, 8)
    paired = cells(runs(true) + runs(true - 7, "zero"))["zero"].gap
    mixed = cells(runs(true) + runs(true[::-1] - 7, "zero"))["zero"].gap
    assert (paired.low, paired.high) == pytest.approx((7, 7))
    assert mixed.high - mixed.low > 5


def test_gap_is_of_the_seeds_that_both_have():
    found = cells(runs([40, 50, 60]) + runs([45], "zero", seed=1) + runs([99], "zero", seed=7))["zero"]
    assert (found.gap.value, found.gap.n, found.score.n) == (5, 1, 2)
    assert np.isnan(found.gap.low)
    assert np.isnan(cells(runs([1, 2], "zero"))["zero"].gap.value)


def test_retention_is_nan_where_the_true_reward_is_not_positive_and_open_where_it_may_not_be():
    assert np.isnan(cells(runs([-4, 0, -2]) + runs([20, 25, 30], "zero"))["zero"].retention.value)
    found = cells(runs([-10, -9, 60]) + runs([20, 25, 30], "zero"))["zero"].retention
    assert found.value == pytest.approx(25 / (41 / 3))
    assert found.high == np.inf
    assert not np.isnan(found.low)


def test_a_number_that_some_runs_lack_is_of_the_others_alone():
    rows = runs([1, 2, 3], in_support=0.5, length=100.0)
    rows[1]["in_support"] = np.nan
    found = cells(rows)["original"]
    assert (found.in_support.value, found.in_support.n, found.length.n) == (0.5, 2, 3)
    assert (found.concentrability.n, np.isnan(found.concentrability.value)) == (0, True)


def test_an_empty_frame_has_no_findings():
    for analysis in ANALYSES:
        assert analysis(frame_of([]), rng()) == ()


@pytest.mark.slow
def test_known_effects_are_recovered_at_the_stated_rate():
    # 50 algorithms, each a draw: 4 tasks at other levels, zero 12 points below the true reward.
    source = rng(3)
    rows = []
    for at in range(50):
        for task, level in enumerate((20, 40, 60, 80)):
            seeds = source.normal(0, 4, 5)
            for relabeling, lost in (("original", 0), ("zero", 12)):
                scores = level - lost + seeds + source.normal(0, 6, 5)
                rows += runs(scores, relabeling, f"a{at}", dataset=f"toy/{task}")
    frame = frame_of(rows)
    gaps = [one.gap for one in cell_facts(frame, rng()) if one.relabeling == "zero"]
    assert len(gaps) == 200
    assert 0.90 <= np.mean([gap.low <= 12 <= gap.high for gap in gaps]) <= 0.995
    means = [one.mean for one in aggregate(frame, rng()) if one.relabeling == "zero"]
    assert np.mean([mean.low <= 38 <= mean.high for mean in means]) >= 0.86
