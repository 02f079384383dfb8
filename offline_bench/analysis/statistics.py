"""Statistics over runs: pure functions of numbers. Source: Agarwal et al. 2021, arXiv 2108.13264."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from offline_bench.analysis.bounds import ANYTHING, Range, keep_within
from offline_bench.analysis.findings import Estimate
from offline_bench.analysis.resampling import Counts, Resampling

Array = npt.NDArray[np.float64]

LEVEL = 0.95


@dataclass(frozen=True)
class Statistic:
    """A number of the runs of all tasks, side by side: as they are, and of resamples of them.

    plain   (..., Σ n_t) values to (...)
    drawn   (Σ n_t,) values and how often each is in each resample, (Σ n_t, resamples), to (resamples,)
    """

    plain: Callable[[Array], Any]
    drawn: Callable[[Array, Counts], Array]


def iqm(values: npt.ArrayLike, axis: int = -1) -> Any:
    """Interquartile mean along `axis`: the mean of what is left without the lowest and the highest quarter.

    ⌊n/4⌋ values go at each end, so for n ≤ 3 none goes and this is the plain mean. NaN where there are no values, or
    where one is NaN.
    """
    array = np.moveaxis(np.asarray(values, float), axis, -1)
    count = array.shape[-1]
    if count == 0:
        return np.full(array.shape[:-1], np.nan)[()]
    cut = count // 4
    middle = np.partition(array, (cut, count - cut - 1))[..., cut : count - cut].mean(axis=-1)
    return np.where(np.isnan(array).any(axis=-1), np.nan, middle)[()]


def drawn_iqm(values: Array, counts: Counts) -> Array:
    """`iqm` of each resample of finite `values` (n,): (resamples,), from `counts` (n, resamples) as in `Resampling`."""
    cut = len(values) // 4
    reached, weights = np.zeros_like(counts[0]), np.full_like(counts[0], cut)
    kept, product, total = np.empty_like(weights), np.empty(len(weights)), np.zeros(len(weights))
    # From the least value on: of what a resample has reached with it, the quarter at each end does not count.
    for at in np.argsort(values, kind="stable"):
        reached += counts[at]
        np.minimum(np.maximum(reached, cut, out=kept), len(values) - cut, out=kept)
        np.subtract(kept, weights, out=weights)
        total += np.multiply(weights, values[at], out=product)
        kept, weights = weights, kept
    return np.asarray(total / (len(values) - 2 * cut))


IQM = Statistic(iqm, drawn_iqm)


def bootstrap_interval(
    values_by_task: Sequence[npt.ArrayLike],
    statistic: Statistic,
    draws: Resampling,
    *,
    level: float = LEVEL,
    ranges: Sequence[Range] = (),
) -> tuple[float, float]:
    """Interval of `statistic` by stratified bootstrap, runs resampled within each task; as wide as few runs ask for.

    values_by_task: one (n_t,) array per task, lengths may differ. (NaN, NaN) where no task has two runs: one run has
    no spread.
    ranges: what a run of each task can be, where that is known. The statistic is to grow with each of its runs, as
    means do: then it lies between what it is of the least and of the greatest runs, and the interval ends there.
    How often it holds the truth is on `widened_interval`.
    """
    bounds = [of for values, of in zip(values_by_task, ranges, strict=True) if np.size(values)] if ranges else []
    tasks = [np.asarray(values, float) for values in values_by_task if np.size(values)]
    sizes = [len(values) for values in tasks]
    if max(sizes, default=0) < 2:
        return np.nan, np.nan
    together = np.concatenate(tasks)
    value, drawn = float(statistic.plain(together)), statistic.drawn(together, draws.counts(sizes))
    low, high = widened_interval(value, drawn, sizes, level)
    return keep_within(float(low), float(high), _reach(statistic, sizes, bounds))


def _reach(statistic: Statistic, sizes: Sequence[int], ranges: Sequence[Range]) -> Range:
    """What `statistic` can be of so many runs of each task, each within its range."""
    if not ranges or set(ranges) == {ANYTHING}:
        return ANYTHING
    ends = np.array([np.repeat([of[end] for of in ranges], sizes) for end in (0, 1)], float)
    least, most = np.asarray(statistic.plain(ends), float)
    return float(least), float(most)


def widened_interval(value: Any, draws: npt.ArrayLike, sizes: Iterable[int], level: float = LEVEL) -> tuple[Any, Any]:
    """The percentile interval of bootstrap `draws` (resamples, ...), stretched away from `value` (...) on both sides.

    sizes: how many runs each stratum had that was resampled, (n,) where seeds were resampled jointly. The factor is
    √(Σn / Σ(n − 1)) · t / z, t and z the quantiles of Student's distribution with Σ(n − 1) degrees of freedom and of
    the normal: a resample's variance is too small by the first, and it is itself a guess from few runs. Both are from
    Hesterberg (2015, arXiv 1411.5279); there they move the percentiles, which cannot leave the range of the runs, and
    that holds the mean of 3 normal runs 75 % of the time. NaN where no stratum has two runs.

    Measured for 95 %, 1,000 frames each, least and most of IQM, mean and median, the truth being that of very many
    runs; a, normal or t(3) runs; b, lognormal(0.8), or normal of which one in four collapses; c, of two kinds:

        1 task, 3 runs   a 93–96   b 86–96   c 80–82        3 tasks, 3 runs   a 86–95   b 83–91   c 78–91
        1 task, 5 runs   a 95–99   b 84–98   c 94–95        3 tasks, 5 runs   a 92–95   b 90–96   c 91–93
        1 task, 10 runs  a 95–97   b 89–98   c 96–97        15 tasks, 3 runs  a 92–95   b 90–96   c 93–96

    The least are medians and tasks of unequal spread under a and c, and means under b: a tail that no run is in, or a
    kind that no run is of, is in no resample either. Of the IQM of one task: 3 runs 95–96, but c 80; 5 runs 94–97.
    """
    draws = np.asarray(draws, float)
    factor = widening(sizes, level)
    if not np.isfinite(factor):
        none = np.full(draws.shape[1:], np.nan)[()]
        return none, none
    tail = (1.0 - level) / 2.0 * (len(draws) - 1)
    ends = math.floor(tail), math.ceil(len(draws) - 1 - tail)
    # As the axis is the last one, what is drawn of one number lies side by side.
    below, above = np.moveaxis(np.partition(np.moveaxis(draws, 0, -1), ends), -1, 0)[list(ends)]
    # Not past the value itself: the draws of a biased statistic, as a minimum is, may all lie on one side of it.
    return value - np.maximum(value - below, 0.0) * factor, value + np.maximum(above - value, 0.0) * factor


def widening(sizes: Iterable[int], level: float = LEVEL) -> float:
    """The factor of `widened_interval`: 2.7 for 3 runs, 1.6 for 5, 1.0 for very many; NaN where no stratum has two."""
    counts = list(sizes)
    return _widen(sum(counts), sum(count - 1 for count in counts), level)


@cache
def _widen(runs: int, freedom: int, level: float) -> float:
    if freedom < 1:
        return np.nan
    upper = (1.0 + level) / 2.0
    return float(np.sqrt(runs / freedom) * (stdtrit(freedom, upper) / ndtri(upper)))


def estimate(
    values_by_task: Sequence[npt.ArrayLike],
    statistic: Statistic,
    draws: Resampling,
    ranges: Sequence[Range] = (),
) -> Estimate:
    """`statistic` over all runs of the tasks with its `bootstrap_interval`; NaN without runs."""
    tasks = [np.asarray(values, float) for values in values_by_task if np.size(values)]
    if not tasks:
        return Estimate()
    together = np.concatenate(tasks)
    low, high = bootstrap_interval(values_by_task, statistic, draws, ranges=ranges)
    return Estimate(float(statistic.plain(together)), low, high, len(together))


def lift(score: float, reference: float) -> float:
    """How far a score under some reward lies above a reference: the data's own mean score, or BC's."""
    return score - reference


def gap(true_score: float, score: float) -> float:
    """What a reward lost against the true one: score(true) − score(r̃)."""
    return true_score - score
