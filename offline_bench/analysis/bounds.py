"""The possible range of each measure of a run: no interval leaves it, however few runs it is from."""

from __future__ import annotations

import math

from offline_bench.data.loaders.cards import Task
from offline_bench.data.loaders.tasks import try_task

Range = tuple[float, float]

ANYTHING: Range = (-math.inf, math.inf)
SHARE: Range = (0.0, 1.0)
KNOWN: dict[str, Range] = {
    "in_support": SHARE,
    "effective_share": SHARE,
    "concentrability": (0.0, math.inf),
}


def measure_range(dataset: str, measure: str) -> Range:
    """The least and the greatest that `measure`, a column of a frame of `to_frame`, can be on `dataset`.

    Shares lie in [0, 1] and density ratios above 0. An episode has a step at least and ends at its task's time limit;
    a return, and with it a score, is bounded where the task's card says what it pays. All else may be anything.
    """
    if measure in KNOWN:
        return KNOWN[measure]
    task = try_task(dataset)
    if measure == "length":
        return 1.0, float(task.longest) if task and task.longest else math.inf
    if measure not in ("score", "true_return") or task is None:
        return ANYTHING
    return score_range(task) if measure == "score" else (task.least_return, task.most_return)


def score_range(task: Task) -> Range:
    """The normalized scores of the least and of the greatest return that the task can pay."""
    low, high = sorted(float(task.normalize(bound)) for bound in (task.least_return, task.most_return))
    return low, high


def keep_within(low: float, high: float, within: Range) -> Range:
    """The part of an interval that is possible; NaN stays NaN."""
    least, most = within
    return (
        low if math.isnan(low) else min(max(low, least), most),
        high if math.isnan(high) else max(min(high, most), least),
    )
