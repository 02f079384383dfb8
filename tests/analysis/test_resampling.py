"""Draws as counts: what is made of them is what the drawn runs themselves give, and they are made once."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_bench.analysis import resampling
from offline_bench.analysis.resampling import Resampling
from offline_bench.analysis.scores.aggregates import task_means
from offline_bench.analysis.scores.leaderboard import build_leaderboard
from offline_bench.analysis.statistics import drawn_iqm, iqm, widened_interval, widening
from tests.analysis.runs_by_hand import frame_of, runs

LISTS = st.lists(st.lists(st.integers(-50, 50), min_size=1, max_size=9), min_size=1, max_size=4)


def draw(tasks, seed, resamples):
    """The drawn runs of each resample, (resamples, runs), one task after the other from one generator."""
    rng = np.random.default_rng(seed)
    return np.concatenate([of[rng.integers(len(of), size=(resamples, len(of)))] for of in tasks], axis=1)


@settings(max_examples=80, deadline=None)
@given(LISTS, st.integers(0, 9))
def test_statistics_of_counts_are_those_of_the_drawn_runs(lists, seed):
    tasks = [np.array(of, float) for of in lists]
    sizes, together, drawn = [len(of) for of in tasks], np.concatenate(tasks), draw(tasks, seed, 40)
    counts = Resampling(seed, 40).counts(sizes)
    assert drawn_iqm(together, counts) == pytest.approx(iqm(drawn), rel=1e-12, abs=1e-12)
    for of in (lambda means: means.mean(axis=-1), lambda means: np.median(means, axis=-1)):
        statistic = task_means(sizes, of)
        assert statistic.drawn(together, counts) == pytest.approx(statistic.plain(drawn), rel=1e-12, abs=1e-12)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), min_size=1, max_size=30), st.sampled_from([0, 1]))
def test_the_iqm_is_the_trimmed_mean_to_the_bit(values, axis):
    table = np.array([values, values[::-1]]).T if axis == 0 else np.array([values, values[::-1]])
    assert np.array_equal(iqm(table, axis), scipy.stats.trim_mean(table, 0.25, axis=axis), equal_nan=True)
    assert np.array_equal(iqm(values), scipy.stats.trim_mean(values, 0.25), equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=3, max_size=60), st.integers(1, 3))
def test_the_ends_of_an_interval_are_those_of_the_sorted_draws(draws, width):
    table = np.array([draws] * width).T + np.arange(width)
    low, high = widened_interval(table[0], table, [5, 5], level=0.5)
    ordered, last, wide = np.sort(table, axis=0), len(draws) - 1, widening([5, 5], 0.5)
    below, above = ordered[int(np.floor(0.25 * last))], ordered[int(np.ceil(0.75 * last))]
    assert np.array_equal(low, table[0] - np.maximum(table[0] - below, 0.0) * wide)
    assert np.array_equal(high, table[0] + np.maximum(above - table[0], 0.0) * wide)


def test_many_runs_do_not_overflow_their_counts():
    values = np.arange(400.0)
    counts = Resampling(1, 30).counts([200, 200])
    assert (counts.sum(axis=0, dtype=int) == 400).all()
    assert drawn_iqm(values, counts) == pytest.approx(iqm(draw([values[:200], values[200:]], 1, 30)))


def test_nobody_changes_the_draws_that_all_share():
    for drawn in (Resampling(0, 5).counts([3]), Resampling(0, 5).weights([3])):
        with pytest.raises(ValueError, match="read-only"):
            drawn[0] = 0


def test_a_leaderboard_draws_once_for_all_cells_of_equally_many_runs(monkeypatch):
    asked = []
    made = resampling._count_each
    monkeypatch.setattr(resampling, "_count_each", lambda *what: asked.append(what[2]) or made(*what))
    resampling._count.cache_clear()
    names = [f"constant(value={at}.0)" for at in range(20)]
    build_leaderboard(frame_of([row for name in names for row in runs([1, 2, 4, 9], name)]))
    assert asked == [(4,)]
