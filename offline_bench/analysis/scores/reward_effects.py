"""What one reward did to one algorithm on one dataset: its score against the true reward's, and how far it strays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.findings import CellFacts, Estimate
from offline_bench.analysis.scores.entrants import enter_runs, split_runs
from offline_bench.analysis.scores.leaderboard import TRUE_RELABELING
from offline_bench.analysis.statistics import draw_places, estimate, gap, iqm, repeat_stream, widened_interval

Array = npt.NDArray[np.float64]

MEASURES = ("score", "in_support", "concentrability", "effective_share", "length")


def cell_facts(frame: pd.DataFrame, rng: np.random.Generator) -> tuple[CellFacts, ...]:
    """One for each dataset, curation, algorithm and relabeling that has runs; every number an IQM over its seeds.

    gap        IQM under the true reward less that under this one, over the seeds that have both, resampled together
    retention  the same, this one over the true one; where resamples leave the true one no longer positive, the
               interval is open on the side of what stays. NaN where the true one is not positive

    A run that lacks a number, as one without a measured support does, is left out of that number and of its `n`.
    Scores, and with them gap and retention, are NaN for datasets without a task card.
    """
    stream = repeat_stream(rng)
    found = []
    runs = enter_runs(frame).sort_values("task_rank", kind="stable")
    for (dataset, curation, entrant), group in split_runs(runs, "dataset", "curation", "entrant"):
        by_reward = {name: cell for (name,), cell in split_runs(group, "relabeling")}
        true = by_reward.get(TRUE_RELABELING)
        for relabeling, cell in by_reward.items():
            scores, numbers = _pair(true, cell), cell[list(MEASURES)].to_numpy(float).T
            score, in_support, weight, effective, length = (
                estimate([values[np.isfinite(values)]], iqm, stream()) for values in numbers
            )
            lost, kept = _gap(scores, stream()), _retention(scores, stream())
            row = (score, lost, kept, in_support, weight, effective, length)
            found.append(CellFacts(dataset, curation, entrant, relabeling, *row))
    return tuple(found)


def _pair(true: pd.DataFrame | None, runs: pd.DataFrame) -> Array:
    """(seeds, 2): the scores under the true reward and under this one, of the seeds that have both."""
    if true is None:
        return np.zeros((0, 2))
    pairs = true[["seed", "score"]].merge(runs[["seed", "score"]], on="seed", suffixes=("_true", "_here"))
    return pairs[["score_true", "score_here"]].dropna().to_numpy(float)


def _gap(pairs: Array, rng: np.random.Generator) -> Estimate:
    if not len(pairs):
        return Estimate()
    true, here = iqm(pairs, axis=0)
    drawn = iqm(pairs[draw_places(len(pairs), rng)], axis=1)
    low, high = widened_interval(gap(true, here), drawn[:, 0] - drawn[:, 1], [len(pairs)])
    return Estimate(float(gap(true, here)), float(low), float(high), len(pairs))


def _retention(pairs: Array, rng: np.random.Generator) -> Estimate:
    true, here = iqm(pairs, axis=0)
    if not true > 0:
        return Estimate()
    drawn = iqm(pairs[draw_places(len(pairs), rng)], axis=1)
    positive = drawn[:, 0] > 0
    ratios = np.where(positive, drawn[:, 1], np.copysign(np.inf, drawn[:, 1])) / np.where(positive, drawn[:, 0], 1.0)
    low, high = widened_interval(here / true, ratios, [len(pairs)])
    return Estimate(float(here / true), float(low), float(high), len(pairs))
