"""Statistics over runs: pure functions of numbers. Source: Agarwal et al. 2021, arXiv 2108.13264."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.stats

Array = npt.NDArray[np.float64]
Statistic = Callable[[Array], Any]

RESAMPLES = 2000


def iqm(values: npt.ArrayLike, axis: int = -1) -> Any:
    """Interquartile mean along `axis`: the mean of what is left without the lowest and the highest quarter.

    ⌊n/4⌋ values go at each end, so for n ≤ 3 none goes and this is the plain mean. NaN where there are no values.
    """
    array = np.asarray(values, float)
    if array.shape[axis] == 0:
        return np.full(np.delete(array.shape, axis), np.nan)[()]
    return scipy.stats.trim_mean(array, 0.25, axis=axis)


def bootstrap_interval(
    values_by_task: Sequence[npt.ArrayLike],
    statistic: Statistic,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """Percentile interval of `statistic` by stratified bootstrap: runs are resampled within each task.

    values_by_task: one (n_t,) array per task, lengths may differ. `statistic` maps (resamples, Σ n_t) to
    (resamples,), all tasks' runs side by side. (NaN, NaN) where no task has two runs: one run has no spread.
    Too narrow for few runs: for the mean of normal values it covers about 93 % of the time with 30 of them, 84 % with
    5 and 75 % with 3.
    """
    tasks = [np.asarray(values, float) for values in values_by_task]
    if not any(len(values) > 1 for values in tasks):
        return np.nan, np.nan
    draws = [values[rng.integers(len(values), size=(resamples, len(values)))] for values in tasks if len(values)]
    estimates = np.asarray(statistic(np.concatenate(draws, axis=1)))
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(estimates, [tail, 1.0 - tail])
    return float(low), float(high)


def lift(score: float, reference: float) -> float:
    """How far a score under some reward lies above a reference: the data's own mean score, or BC's."""
    return score - reference


def gap(true_score: float, score: float) -> float:
    """What a reward lost against the true one: score(true) − score(r̃)."""
    return true_score - score
