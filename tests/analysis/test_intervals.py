"""Intervals by simulation: on frames whose truth is known they hold it at their stated rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_bench.analysis.resampling import Resampling
from offline_bench.analysis.statistics import IQM, bootstrap_interval, iqm, widened_interval, widening

FRAMES, DRAWS = 1000, 600


def normal(rng, shape):
    return rng.normal(size=shape)


def two_kinds(rng, shape):
    return np.where(rng.random(shape) < 0.5, -2.0, 2.0) + 0.5 * rng.normal(size=shape)


def skewed(rng, shape):
    return rng.exponential(size=shape) - 1.0


def mean(values):
    return values.mean(-1)


def rate_of_holding(draw, statistic, truth, tasks, runs) -> float:
    """How often the interval holds the truth, over frames whose tasks stand at 0, 10, 20, ..."""
    rng = np.random.default_rng(tasks * 100 + runs)
    base = 10.0 * np.arange(tasks)[:, None]
    held = []
    for _ in range(FRAMES // 100):
        values = draw(rng, (100, tasks, runs)) + base
        at = rng.integers(runs, size=(DRAWS, 100, tasks, runs))
        drawn = np.take_along_axis(np.broadcast_to(values, at.shape), at, axis=-1)
        value = statistic(values.reshape(100, -1))
        low, high = widened_interval(value, statistic(drawn.reshape(DRAWS, 100, -1)), [runs] * tasks)
        held.append((low <= truth) & (truth <= high))
    return float(np.mean(held))


# The binomial deviation of 1,000 frames at 95 % is 0.7 points; bounds are three of them beside the stated rate or more.
@pytest.mark.parametrize(
    ("draw", "statistic", "tasks", "runs", "least", "most"),
    [
        (normal, mean, 1, 3, 0.925, 0.975),
        (normal, mean, 1, 5, 0.925, 0.975),
        (normal, iqm, 1, 5, 0.94, 0.99),
        (normal, mean, 3, 5, 0.925, 0.975),
        (normal, mean, 10, 3, 0.925, 0.975),
        (two_kinds, iqm, 1, 5, 0.91, 0.97),
        (two_kinds, mean, 3, 5, 0.91, 0.975),
        (skewed, mean, 3, 5, 0.88, 0.95),  # stated: means of skewed runs do not reach the rate
        (two_kinds, mean, 1, 3, 0.70, 0.85),  # stated: three runs may all be of one kind
    ],
)
def test_intervals_hold_the_truth_at_the_stated_rate(draw, statistic, tasks, runs, least, most):
    truth = 10.0 * (tasks - 1) / 2
    assert least <= rate_of_holding(draw, statistic, truth, tasks, runs) <= most


def test_the_widening_is_that_of_students_distribution_and_goes_away_with_many_runs():
    assert widening([3]) == pytest.approx(np.sqrt(3 / 2) * 4.302653 / 1.959964, rel=1e-5)
    assert widening([5]) == pytest.approx(np.sqrt(5 / 4) * 2.776445 / 1.959964, rel=1e-5)
    assert widening([5, 5, 5]) == pytest.approx(np.sqrt(15 / 12) * 2.178813 / 1.959964, rel=1e-5)
    assert widening([100_000]) == pytest.approx(1.0, abs=1e-4)
    assert np.isnan(widening([1, 1]))
    assert np.isnan(widening([]))


def test_with_many_runs_the_interval_is_the_percentile_interval():
    draws = np.random.default_rng(0).normal(size=20_001)
    low, high = widened_interval(0.0, draws, [100_000])
    assert (low, high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=1e-3)


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=8), st.integers(0, 9), st.floats(0.1, 10), st.floats(-9, 9))
@settings(max_examples=60, deadline=None)
def test_the_interval_holds_its_value_and_moves_with_unit_and_origin(values, seed, unit, origin):
    values = np.array(values, float)
    low, high = bootstrap_interval([values], IQM, Resampling(seed, 300))
    assert low <= iqm(values) + 1e-9
    assert high >= iqm(values) - 1e-9
    moved = bootstrap_interval([unit * values + origin], IQM, Resampling(seed, 300))
    assert moved == pytest.approx((unit * low + origin, unit * high + origin), abs=1e-6)


def test_draws_on_one_side_of_the_value_end_the_interval_at_the_value():
    assert widened_interval(5.0, np.linspace(1, 4, 101), [5])[1] == 5.0
    assert widened_interval(0.0, np.linspace(1, 4, 101), [5])[0] == 0.0


def test_infinite_draws_make_an_open_end_and_no_nan():
    draws = np.array([1.0] * 50 + [np.inf] * 50)
    assert widened_interval(2.0, draws, [5]) == (pytest.approx(2 - widening([5])), np.inf)
