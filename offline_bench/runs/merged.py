"""Two results folders made into one, where they agree or where it was said which of them to believe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from offline_bench.core.errors import RecordError
from offline_bench.runs.record import Record
from offline_bench.runs.store import read_records

SIDES = ("first", "second")
TOLD = 10


@dataclass(frozen=True)
class Merged:
    """The records of both, in the order of their runs; how many runs both had; a sentence for each that differs."""

    records: list[Record]
    shared: int
    differences: list[str]


def merge_records(first: Path, second: Path, prefer: str | None = None) -> Merged:
    """All records of the two folders; of a run that both have, the one that is preferred, the first where they agree.

    Runs agree where their status, their returns and the fingerprints of data and policy do. How long they took, and on
    which machine, is no difference. Raises `RecordError` where a folder has no record or one that cannot be read, and
    where runs differ and none is preferred: then each is named.
    """
    ours, theirs = (_read(folder) for folder in (first, second))
    known = {record.run: record for record in ours}
    merged, differences, shared = dict(known), [], 0
    for record in theirs:
        other = known.get(record.run)
        if other is None:
            merged[record.run] = record
            continue
        shared += 1
        differs = _compare(other, record)
        differences += [f"{record.run}: {differs}"] if differs else []
        if differs and prefer == SIDES[1]:
            merged[record.run] = record
    if differences and prefer is None:
        more = f"\n  and {len(differences) - TOLD} more" if len(differences) > TOLD else ""
        told = "".join(f"\n  {line}" for line in differences[:TOLD])
        raise RecordError(
            f"{len(differences)} of the {shared} runs that both folders have differ:{told}{more}\n"
            f"Nothing was written. --prefer first takes those of {first}, --prefer second those of {second}."
        )
    return Merged(sorted(merged.values(), key=lambda record: record.run), shared, differences)


def _read(folder: Path) -> Sequence[Record]:
    reading = read_records(folder)
    if reading.problems:
        raise RecordError(f"{len(reading.problems)} files of {folder} cannot be read: {reading.problems[0]}")
    if not reading.records:
        raise RecordError(f"{folder} has no record: a results folder has records/ or records.parquet in it.")
    return reading.records


def _compare(one: Record, other: Record) -> str:
    """In what the two differ, in words; '' where in nothing that counts."""
    if one.status != other.status:
        return f"{one.status} and {other.status}"
    if one.returns != other.returns:
        means = (sum(record.returns) / max(len(record.returns), 1) for record in (one, other))
        return "mean return {:.2f} and {:.2f}".format(*means)
    for name, what in (("dataset", "data"), ("policy", "policies")):
        if one.fingerprints.get(name) != other.fingerprints.get(name):
            return f"other {what}: {one.fingerprints.get(name)} and {other.fingerprints.get(name)}"
    return ""
