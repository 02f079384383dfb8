"""Where a results folder came from: versions, machines, time and data, gathered over its records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from offline_bench.runs.record import Record, Run


@dataclass(frozen=True)
class Provenance:
    """What the records of one folder say of their making; every tuple is sorted and without repeats.

    versions      (package, versions seen); more than one where the folder was filled in several sittings
    fingerprints  (dataset and its curation, content fingerprints seen); more than one means that the data was not the
                  same for all runs
    seconds       summed over runs; a run trained beside others carries its share
    evaluation    the share of it that evaluations took, over the runs that tell; nan where none does
    command       what reproduces the folder; '' where it is not known
    """

    runs: int
    seconds: float
    machines: tuple[str, ...]
    devices: tuple[str, ...]
    trainers: tuple[str, ...]
    versions: tuple[tuple[str, tuple[str, ...]], ...]
    fingerprints: tuple[tuple[str, tuple[str, ...]], ...]
    command: str = ""
    evaluation: float = math.nan


def collect_provenance(records: Sequence[Record], command: str = "") -> Provenance:
    """The provenance of `records`; the same for any order, and with no clock in it."""
    made = [record.provenance for record in records]
    versions = [(name, version) for entry in made for name, version in (entry.get("versions") or {}).items()]
    contents = [(_coverage(record.run), record.fingerprints.get("dataset", "")) for record in records]
    return Provenance(
        runs=len(records),
        seconds=math.fsum(entry.get("seconds") or 0.0 for entry in made),
        machines=_distinct(entry.get("machine") for entry in made),
        devices=_distinct(entry.get("device") for entry in made),
        trainers=_distinct(entry.get("trainer") for entry in made),
        versions=_by_name(versions),
        fingerprints=_by_name(contents),
        command=command,
        evaluation=_share_of_evaluation(made),
    )


def tell_time(made: Provenance) -> str:
    """How long the runs took by the clock, and how much of that their evaluations."""
    took = f"{timedelta(seconds=round(made.seconds))} of training and evaluation in all."
    if math.isnan(made.evaluation):
        return took
    return f"{took} Evaluation took {made.evaluation:.0%} of it, in the runs that tell."


def _share_of_evaluation(made: Sequence[Mapping[str, Any]]) -> float:
    told = [entry for entry in made if entry.get("evaluation_seconds") is not None and entry.get("seconds")]
    whole = math.fsum(entry["seconds"] for entry in told)
    return math.fsum(entry["evaluation_seconds"] for entry in told) / whole if told else math.nan


def _coverage(run: Run) -> str:
    return run.dataset if run.curation == "full" else f"{run.dataset} · {run.curation}"


def _distinct(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(sorted({str(value) for value in values if value}))


def _by_name(pairs: Sequence[tuple[str, object]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    names = sorted({name for name, _ in pairs})
    found = [(name, _distinct(value for other, value in pairs if other == name)) for name in names]
    return tuple((name, values) for name, values in found if values)
