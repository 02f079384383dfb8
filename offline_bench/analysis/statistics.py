"""Statistics over runs: pure functions of numbers. Source: Agarwal et al. 2021, arXiv 2108.13264."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.stats

from offline_bench.analysis.bounds import ANYTHING, Range, keep_within
from offline_bench.analysis.findings import Estimate

Array = npt.NDArray[np.float64]
Statistic = Callable[[Array], Any]

RESAMPLES = 10_000
LEVEL = 0.95


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
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    ranges: Sequence[Range] = (),
) -> tuple[float, float]:
    """Interval of `statistic` by stratified bootstrap, runs resampled within each task; as wide as few runs ask for.

    values_by_task: one (n_t,) array per task, lengths may differ. `statistic` maps (resamples, Σ n_t) to
    (resamples,), all tasks' runs side by side. (NaN, NaN) where no task has two runs: one run has no spread.
    ranges: what a run of each task can be, where that is known. The statistic is to grow with each of its runs, as
    means do: then it lies between what it is of the least and of the greatest runs, and the interval ends there.
    How often it holds the truth is on `widened_interval`.
    """
    bounds = [of for values, of in zip(values_by_task, ranges, strict=True) if np.size(values)] if ranges else []
    tasks = [np.asarray(values, float) for values in values_by_task if np.size(values)]
    sizes = [len(values) for values in tasks]
    if max(sizes, default=0) < 2:
        return np.nan, np.nan
    value = float(np.asarray(statistic(np.concatenate(tasks)[None]))[0])
    low, high = widened_interval(value, statistic(draw_runs(tasks, rng, resamples)), sizes, level)
    return keep_within(float(low), float(high), _reach(statistic, sizes, bounds))


def _reach(statistic: Statistic, sizes: Sequence[int], ranges: Sequence[Range]) -> Range:
    """What `statistic` can be of so many runs of each task, each within its range."""
    if not ranges:
        return ANYTHING
    ends = np.array([np.repeat([of[end] for of in ranges], sizes) for end in (0, 1)], float)
    least, most = np.asarray(statistic(ends), float)
    return float(least), float(most)


def draw_runs(tasks: Sequence[Array], rng: np.random.Generator, resamples: int = RESAMPLES) -> Array:
    """`resamples` draws with replacement within each task: (resamples, Σ n_t), the tasks side by side."""
    return np.concatenate([values[draw_places(len(values), rng, resamples)] for values in tasks], axis=1)


def draw_places(runs: int, rng: np.random.Generator, resamples: int = RESAMPLES) -> npt.NDArray[np.int64]:
    """Which of `runs` runs each resample holds: (resamples, runs), with replacement."""
    return rng.integers(runs, size=(resamples, runs))


def weigh_runs(sizes: Sequence[int], rng: np.random.Generator, resamples: int = RESAMPLES) -> Array:
    """How much each run counts in each resample, (resamples, Σ n_t): times drawn over n_t, 1 in all for each task."""
    counts = [rng.multinomial(size, np.full(size, 1.0 / size), size=resamples) / size for size in sizes]
    return np.concatenate(counts, axis=1)


def repeat_stream(rng: np.random.Generator) -> Callable[[], np.random.Generator]:
    """Generators that all draw the same: equal runs get equal intervals, and no number moves with those beside it."""
    seed = int(rng.integers(2**63))
    return lambda: np.random.default_rng(seed)


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
    draws = np.sort(np.asarray(draws, float), axis=0)
    factor = widening(sizes, level)
    if not np.isfinite(factor):
        none = np.full(draws.shape[1:], np.nan)[()]
        return none, none
    tail = (1.0 - level) / 2.0 * (len(draws) - 1)
    below, above = draws[math.floor(tail)], draws[math.ceil(len(draws) - 1 - tail)]
    # Not past the value itself: the draws of a biased statistic, as a minimum is, may all lie on one side of it.
    return value - np.maximum(value - below, 0.0) * factor, value + np.maximum(above - value, 0.0) * factor


def widening(sizes: Iterable[int], level: float = LEVEL) -> float:
    """The factor of `widened_interval`: 2.7 for 3 runs, 1.6 for 5, 1.0 for very many; NaN where no stratum has two."""
    counts = list(sizes)
    freedom = sum(count - 1 for count in counts)
    if freedom < 1:
        return np.nan
    upper = (1.0 + level) / 2.0
    ratio = scipy.stats.t.ppf(upper, freedom) / scipy.stats.norm.ppf(upper)
    return float(np.sqrt(sum(counts) / freedom) * ratio)


def estimate(
    values_by_task: Sequence[npt.ArrayLike],
    statistic: Statistic,
    rng: np.random.Generator,
    ranges: Sequence[Range] = (),
) -> Estimate:
    """`statistic` over all runs of the tasks with its `bootstrap_interval`; NaN without runs."""
    tasks = [np.asarray(values, float) for values in values_by_task if np.size(values)]
    if not tasks:
        return Estimate()
    together = np.concatenate(tasks)
    low, high = bootstrap_interval(values_by_task, statistic, rng, ranges=ranges)
    return Estimate(float(np.asarray(statistic(together[None]))[0]), low, high, len(together))


def lift(score: float, reference: float) -> float:
    """How far a score under some reward lies above a reference: the data's own mean score, or BC's."""
    return score - reference


def gap(true_score: float, score: float) -> float:
    """What a reward lost against the true one: score(true) − score(r̃)."""
    return true_score - score
