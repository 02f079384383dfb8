"""What one reward did to one algorithm on one dataset: its score against the true reward's, and how far it strays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.bounds import Range, keep_within, measure_range
from offline_bench.analysis.findings import CellFacts, Estimate
from offline_bench.analysis.resampling import Resampling
from offline_bench.analysis.scores.entrants import enter_runs, split_runs
from offline_bench.analysis.scores.leaderboard import TRUE_RELABELING
from offline_bench.analysis.statistics import IQM, drawn_iqm, estimate, gap, iqm, widened_interval

Array = npt.NDArray[np.float64]
Scores = tuple[npt.NDArray[np.int64], Array]  # the seeds of a cell's runs, and their scores

MEASURES = ("score", "in_support", "concentrability", "effective_share", "length")


def cell_facts(frame: pd.DataFrame, rng: np.random.Generator) -> tuple[CellFacts, ...]:
    """One for each dataset, curation, algorithm and relabeling that has runs; every number an IQM over its seeds.

    gap        IQM under the true reward less that under this one, over the seeds that have both, resampled together
    retention  the same, this one over the true one; where resamples leave the true one no longer positive, the
               interval is open on the side of what stays. NaN where the true one is not positive

    No interval leaves what its number can be, see `measure_range`: a gap is at most all that the task can pay.
    A run that lacks a number, as one without a measured support does, is left out of that number and of its `n`.
    Scores, and with them gap and retention, are NaN for datasets without a task card.
    """
    draws = Resampling.of(rng)
    found = []
    runs = enter_runs(frame).sort_values("task_rank", kind="stable")
    for (dataset, curation, entrant), group in split_runs(runs, "dataset", "curation", "entrant"):
        by_reward = {name: cell for (name,), cell in split_runs(group, "relabeling")}
        scores_of = {name: _scores_of(cell) for name, cell in by_reward.items()}
        ranges = [measure_range(dataset, measure) for measure in MEASURES]
        for relabeling, cell in by_reward.items():
            scores, numbers = (
                _pair(scores_of.get(TRUE_RELABELING), scores_of[relabeling]),
                cell[list(MEASURES)].to_numpy(float).T,
            )
            score, in_support, weight, effective, length = (
                estimate([values[np.isfinite(values)]], IQM, draws, [within])
                for values, within in zip(numbers, ranges, strict=True)
            )
            lost, kept = _compare(scores, draws, ranges[0])
            row = (score, lost, kept, in_support, weight, effective, length)
            found.append(CellFacts(dataset, curation, entrant, relabeling, *row))
    return tuple(found)


def _scores_of(cell: pd.DataFrame) -> Scores:
    return cell["seed"].to_numpy(np.int64), cell["score"].to_numpy(float)


def _pair(true: Scores | None, here: Scores) -> Array:
    """(seeds, 2): the scores under the true reward and under this one, of the seeds that have both."""
    if true is None:
        return np.zeros((0, 2))
    # A cell has a seed once. The two columns lie one behind the other: that is the order in which they are summed.
    _, ours, theirs = np.intersect1d(true[0], here[0], assume_unique=True, return_indices=True)
    pairs = np.stack([true[1][ours], here[1][theirs]])
    return np.ascontiguousarray(pairs[:, ~np.isnan(pairs).any(axis=0)]).T


def _compare(pairs: Array, draws: Resampling, within: Range) -> tuple[Estimate, Estimate]:
    """Gap and retention, of the same resamples of the pairs."""
    if not len(pairs):
        return Estimate(), Estimate()
    counts = draws.counts([len(pairs)])
    drawn = drawn_iqm(pairs[:, 0], counts), drawn_iqm(pairs[:, 1], counts)
    return _gap(pairs, drawn, within), _retention(pairs, drawn, within)


def _gap(pairs: Array, drawn: tuple[Array, Array], within: Range) -> Estimate:
    true, here = iqm(pairs, axis=0)
    low, high = widened_interval(gap(true, here), np.subtract(*drawn), [len(pairs)])
    width = within[1] - within[0]
    return Estimate(float(gap(true, here)), *keep_within(float(low), float(high), (-width, width)), len(pairs))


def _retention(pairs: Array, drawn: tuple[Array, Array], within: Range) -> Estimate:
    true, here = iqm(pairs, axis=0)
    if not true > 0:
        return Estimate()
    under, over = drawn
    positive = under > 0
    ratios = np.where(positive, over, np.copysign(np.inf, over)) / np.where(positive, under, 1.0)
    low, high = widened_interval(here / true, ratios, [len(pairs)])
    # Of scores that cannot be negative, neither can their ratio.
    least = 0.0 if within[0] >= 0.0 else -np.inf
    return Estimate(float(here / true), *keep_within(float(low), float(high), (least, np.inf)), len(pairs))
