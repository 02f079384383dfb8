"""Performance profiles: the share of runs above each score. Source: Agarwal et al. 2021, arXiv 2108.13264."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.findings import Profile
from offline_bench.analysis.resampling import Resampling
from offline_bench.analysis.scores.entrants import score_runs, split_runs, split_tasks
from offline_bench.analysis.statistics import widened_interval

Array = npt.NDArray[np.float64]

THRESHOLDS = tuple(float(score) for score in np.arange(-10.0, 122.5, 2.5))


def performance_profiles(
    frame: pd.DataFrame, rng: np.random.Generator, thresholds: Sequence[float] = THRESHOLDS
) -> tuple[Profile, ...]:
    """Per algorithm and relabeling, at each threshold the share of runs whose score is above it, the mean over tasks.

    Tasks are the pairs (dataset, curation) with a score. Intervals are pointwise, by bootstrap within each task, and
    kept within 0 and 1; where all runs of every task lie on one side, no resample differs and there is none to see.
    """
    draws = Resampling.of(rng)
    at = tuple(float(threshold) for threshold in thresholds)
    return tuple(
        Profile(entrant, relabeling, at, *_profile(list(split_tasks(group).values()), at, draws))
        for (entrant, relabeling), group in split_runs(score_runs(frame), "entrant", "relabeling")
    )


def _profile(
    values: Sequence[Array], thresholds: Sequence[float], draws: Resampling
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    sizes = [len(of) for of in values]
    above = (np.concatenate(values)[:, None] > np.array(thresholds)).astype(float)
    share = np.concatenate([np.full(size, 1.0 / size) for size in sizes]) @ above / len(sizes)
    low, high = widened_interval(share, draws.weights(sizes) @ above / len(sizes), sizes)
    # Weights are multiples of 1/n in binary: what is 1 may come out a rounding above it.
    curves = [np.clip(np.round(curve, 9), 0.0, 1.0).tolist() for curve in (share, low, high)]
    return tuple(curves[0]), tuple(curves[1]), tuple(curves[2])
