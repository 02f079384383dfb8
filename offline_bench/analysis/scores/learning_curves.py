"""How runs came to their scores: the evaluations on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from offline_bench.analysis.bounds import measure_range
from offline_bench.analysis.findings import Estimate
from offline_bench.analysis.frame import mean_of
from offline_bench.analysis.resampling import Resampling
from offline_bench.analysis.scores.leaderboard import BOOTSTRAP_SEED, algorithm_order, curation_order, relabeling_order
from offline_bench.analysis.statistics import IQM, estimate
from offline_bench.data.loaders.tasks import try_task
from offline_bench.runs.record import Record
from offline_bench.runs.staleness import find_stale_among


@dataclass(frozen=True)
class Curve:
    """IQM over seeds at each evaluation of one cell; scores where the dataset has a card, true returns where not.

    steps      gradient steps after which it was evaluated, ascending; `values` (len(steps),) their estimates
    behavior   the data's own mean on the same scale; NaN where no record tells it
    """

    dataset: str
    curation: str
    algorithm: str
    relabeling: str
    budget: int
    scored: bool
    steps: tuple[int, ...]
    values: tuple[Estimate, ...]
    behavior: float


def learning_curves(records: Sequence[Record]) -> tuple[Curve, ...]:
    """A curve for each dataset, curation, algorithm, budget and relabeling that has a run to count.

    Runs count that ended well and are not stale. A step's IQM is over the runs evaluated at it with finite returns; the
    interval resamples as the leaderboard does, so that the last point of a curve is the leaderboard's cell.
    """
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    stale = find_stale_among(records)
    for record in records:
        if record.status == "ok" and record.run not in stale:
            run = record.run
            groups[run.dataset, run.curation, run.algorithm, run.steps, run.episodes, run.relabeling].append(record)
    draws = Resampling(BOOTSTRAP_SEED)
    curves = [_curve(sorted(group, key=lambda record: record.run), draws) for group in groups.values()]
    return tuple(sorted((curve for curve in curves if curve.steps), key=_order))


def _curve(group: list[Record], draws: Resampling) -> Curve:
    run, task = group[0].run, try_task(group[0].run.dataset)
    found: dict[int, list[float]] = defaultdict(list)
    for record in group:
        for point in record.curve:
            found[point.step].append(mean_of(point.returns))
    arrays = {step: np.array(found[step], float) for step in sorted(found)}
    arrays = {step: array[np.isfinite(array)] for step, array in arrays.items()}
    within = measure_range(run.dataset, "score" if task else "true_return")
    estimates = {
        step: estimate([task.normalize(array) if task else array], IQM, draws, [within])
        for step, array in arrays.items()
        if len(array)
    }
    behavior = mean_of([record.data.get("mean_return", np.nan) for record in group])
    return Curve(
        dataset=run.dataset,
        curation=run.curation,
        algorithm=run.algorithm,
        relabeling=run.relabeling,
        budget=run.steps,
        scored=task is not None,
        steps=tuple(estimates),
        values=tuple(estimates.values()),
        behavior=float(task.normalize(behavior)) if task else behavior,
    )


def _order(curve: Curve) -> tuple[Any, ...]:
    names = (curation_order(curve.curation), algorithm_order(curve.algorithm))
    return (curve.dataset, *names, curve.budget, relabeling_order(curve.relabeling))
