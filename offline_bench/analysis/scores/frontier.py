"""What a second of a processor buys: each setting of a learner by its score and by its cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from offline_bench.analysis.frame import mean_of
from offline_bench.analysis.scores.competence import FULL
from offline_bench.analysis.scores.setting_costs import SettingCosts
from offline_bench.core.spec import parse_spec, spec_name
from offline_bench.data.loaders.tasks import try_task
from offline_bench.runs.record import Record, Run
from offline_bench.runs.staleness import find_stale_among
from offline_bench.runs.suites import Grid

# The evaluations of a run that one figure is the mean of: one alone swings.
EVALUATIONS = 2


@dataclass(frozen=True)
class Bought:
    """A setting at one step: what it scored for what it took.

    change   what it does otherwise than the first setting of its algorithm; '' of that
    seconds  of a processor for one run to `step`: measured, else the run's whole in proportion; NaN if not known
    scores   one for each dataset of its part: mean over seeds and the last two evaluations; NaN without a run
    runs     how many runs that rests on, of `expected`
    least    whether no setting of the algorithm, at no step, has as high a mean for fewer seconds
    """

    algorithm: str
    name: str
    change: str
    step: int
    seconds: float
    scores: tuple[float, ...]
    runs: int
    expected: int
    least: bool = False

    @property
    def mean(self) -> float:
        """Over the datasets; NaN where one has no run."""
        return float(np.mean(self.scores))


@dataclass(frozen=True)
class Part:
    """Settings that were tried on the same `datasets`; `behavior` is the data's own score there."""

    datasets: tuple[str, ...]
    budget: int
    behavior: tuple[float, ...]
    bought: tuple[Bought, ...]


def find_frontier(
    records: Sequence[Record], grids: Sequence[Grid], costs: SettingCosts | None = None
) -> tuple[Part, ...]:
    """A part for the grids of `grids` that share datasets and budget, in their order.

    Counted are the runs that ended well and are not stale, on datasets that have a scale. With `costs` the seconds are
    theirs, of one machine; else those of each record, wherever it was made, evaluations included.
    """
    stale = find_stale_among(records)
    known = {r.run: r for r in records if r.status == "ok" and r.run not in stale and try_task(r.run.dataset)}
    parts: dict[tuple[tuple[str, ...], int], list[Run]] = defaultdict(list)
    for grid in grids:
        parts[tuple(sorted(grid.datasets)), grid.steps] += grid.runs()
    first: dict[str, str] = {}
    for runs in parts.values():
        for run in runs:
            first.setdefault(spec_name(run.algorithm), run.algorithm)
    return tuple(_part(datasets, budget, runs, known, first, costs) for (datasets, budget), runs in parts.items())


def _part(
    datasets: tuple[str, ...],
    budget: int,
    runs: Iterable[Run],
    known: dict[Run, Record],
    first: dict[str, str],
    costs: SettingCosts | None,
) -> Part:
    settings: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in dict.fromkeys(runs):
        settings[run.algorithm, run.curation].append(run)
    environments = [task.environment for name in datasets if (task := try_task(name)) is not None]
    bought = []
    for (text, curation), expected in settings.items():
        records = [known[run] for run in expected if run in known]
        change = tell_change(first[spec_name(text)], text, curation)
        for step in sorted({point.step for record in records for point in record.curve}):
            one = _buy(datasets, step, text, change, records, len(expected))
            bought.append(one if costs is None else replace(one, seconds=costs.of(text, environments, step)))
    behavior = [
        mean_of([_score(name, [r.data["mean_return"]]) for run, r in known.items() if run.dataset == name])
        for name in datasets
    ]
    marked = [replace(one, least=_is_least(one, bought)) for one in bought]
    return Part(datasets, budget, tuple(behavior), tuple(sorted(marked, key=_order)))


def _buy(
    datasets: Sequence[str], step: int, text: str, change: str, records: Sequence[Record], expected: int
) -> Bought:
    scores: dict[str, list[float]] = defaultdict(list)
    seconds = []
    for record in records:
        reached = sorted((point for point in record.curve if point.step <= step), key=lambda point: point.step)
        if not reached or reached[-1].step != step:
            continue
        returns = [value for point in reached[-EVALUATIONS:] for value in point.returns]
        scores[record.run.dataset].append(_score(record.run.dataset, returns))
        whole = record.provenance.get("processor_seconds", np.nan)
        seconds.append(whole * step / record.run.steps)
    return Bought(
        algorithm=text,
        name=spec_name(text),
        change=change,
        step=step,
        seconds=mean_of([value for value in seconds if np.isfinite(value)]),
        scores=tuple(mean_of(scores[name]) for name in datasets),
        runs=sum(map(len, scores.values())),
        expected=expected,
    )


def _score(dataset: str, returns: Sequence[float]) -> float:
    task = try_task(dataset)
    assert task is not None
    return float(task.normalize(mean_of(returns)))


def _is_least(one: Bought, bought: Sequence[Bought]) -> bool:
    if not np.isfinite([one.mean, one.seconds]).all():
        return False
    return not any(
        other is not one
        and other.name == one.name
        and (other.seconds < one.seconds or (other.seconds == one.seconds and other.mean > one.mean))
        and other.mean >= one.mean
        for other in bought
    )


def _order(one: Bought) -> tuple[str, str, str, int]:
    return (one.name, one.algorithm, one.change, one.step)


def tell_change(first: str, text: str, curation: str = FULL) -> str:
    """How `text` differs from `first`, a spec of the same name, and how its data is cut; '' if it does not."""
    before, after = dict(parse_spec(first).parameters), dict(parse_spec(text).parameters)
    said = [f"{name}={value!r}" for name, value in after.items() if before.get(name) != value]
    said += [f"without {name}" for name in before if name not in after]
    said += [] if curation == FULL else [curation]
    return ", ".join(said)
