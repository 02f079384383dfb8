"""One number per algorithm and reward, over all tasks. Source: Agarwal et al. 2021, arXiv 2108.13264."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.bounds import Range, measure_range
from offline_bench.analysis.findings import Aggregate, Estimate
from offline_bench.analysis.resampling import Counts, Resampling
from offline_bench.analysis.scores.entrants import name_tasks, score_runs, split_runs, split_tasks
from offline_bench.analysis.statistics import IQM, Statistic, estimate

Array = npt.NDArray[np.float64]

GAMMA = 100.0


def aggregate(frame: pd.DataFrame, rng: np.random.Generator) -> tuple[Aggregate, ...]:
    """Every algorithm under every relabeling over its tasks: the pairs (dataset, curation) that have a score.

    iqm             of all runs of all tasks together: a task with more runs counts for more
    median, mean    of the means of the tasks
    optimality_gap  how much a run lacks to 100, 0 where it has more: the mean of the tasks' means

    Datasets without a task card have no normalized score and are left out; they are no missing cells. Intervals by
    stratified bootstrap over the runs of each task: the tasks are taken as given, and not as drawn from more of them.
    """
    runs = score_runs(frame)
    has_score = np.isfinite(frame[["score", "behavior_score"]].to_numpy(float)).any(axis=1)
    tasks = sorted(set(name_tasks(frame)[has_score]))
    draws = Resampling.of(rng)
    return tuple(
        _aggregate(entrant, relabeling, split_tasks(group), tasks, _ranges(group), draws)
        for (entrant, relabeling), group in split_runs(runs, "entrant", "relabeling")
    )


def task_means(sizes: Sequence[int], of: Callable[[Array], Array]) -> Statistic:
    """`of`, (..., tasks) → (...), of the means of tasks of so many runs."""
    starts = np.cumsum([0, *sizes[:-1]])

    def plain(values: Array) -> Array:
        return of(np.add.reduceat(values, starts, axis=-1) / np.array(sizes, float))

    def drawn(values: Array, counts: Counts) -> Array:
        return plain((values[:, None] * counts).T)

    return Statistic(plain, drawn)


def _ranges(group: pd.DataFrame) -> list[Range]:
    """What a score of each task can be, in the order of `split_tasks`."""
    return [measure_range(str(runs["dataset"].iloc[0]), "score") for _, runs in split_runs(group, "task")]


def _aggregate(
    entrant: str,
    relabeling: str,
    by_task: dict[str, Array],
    tasks: Sequence[str],
    ranges: Sequence[Range],
    draws: Resampling,
) -> Aggregate:
    values = list(by_task.values())
    sizes = [len(of) for of in values]
    lacking = [np.maximum(GAMMA - of, 0.0) for of in values]
    short = [(max(GAMMA - most, 0.0), max(GAMMA - least, 0.0)) for least, most in ranges]
    mean = task_means(sizes, lambda means: means.mean(axis=-1))

    def found(numbers: Sequence[Array], statistic: Statistic, within: Sequence[Range] = ranges) -> Estimate:
        return estimate(numbers, statistic, draws, within)

    return Aggregate(
        algorithm=entrant,
        relabeling=relabeling,
        iqm=found(values, IQM),
        median=found(values, task_means(sizes, lambda means: np.median(means, axis=-1))),
        mean=found(values, mean),
        optimality_gap=found(lacking, mean, short),
        tasks=len(values),
        missing=tuple(task for task in tasks if task not in by_task),
    )
