"""Two results folders as one: the same run in both is compared, and no difference is passed over."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.core.errors import RecordError
from offline_bench.runs.record import Record, Run

SIDES = ("first", "second")
# What two copies of one result share. How long it took, and where, they need not.
COMPARED = ("status", "returns", "lengths", "fingerprints")
TOLD = 10


def merge_records(first: Sequence[Record], second: Sequence[Record], prefer: str | None = None) -> list[Record]:
    """All runs of both, in order; where the same run differs, that of the side `prefer`, first or second.

    Raises `RecordError`, naming each run and what differs in it, where some differ and no side is preferred.
    """
    if prefer not in (None, *SIDES):
        raise RecordError(f"--prefer {prefer!r}: choose first or second.")
    known = {record.run: record for record in first}
    differences = {record.run: list_differences(known[record.run], record) for record in second if record.run in known}
    differing = {run: names for run, names in differences.items() if names}
    if differing and prefer is None:
        raise RecordError(_tell(differing))
    merged = known | {r.run: r for r in second if r.run not in known or (prefer == "second" and r.run in differing)}
    return [merged[run] for run in sorted(merged)]


def list_differences(one: Record, other: Record) -> list[str]:
    """What differs between two records of one run, such as 'returns' or 'fingerprints.dataset'."""
    names = []
    for name in COMPARED:
        mine, theirs = getattr(one, name), getattr(other, name)
        if isinstance(mine, dict):
            keys = sorted(mine.keys() | theirs.keys())
            names += [f"{name}.{key}" for key in keys if mine.get(key) != theirs.get(key)]
        elif mine != theirs:
            names.append(name)
    return names


def _tell(differing: dict[Run, list[str]]) -> str:
    lines = [f"  {run}: {', '.join(names)}" for run, names in sorted(differing.items())[:TOLD]]
    more = [f"  and {len(differing) - TOLD} more"] if len(differing) > TOLD else []
    head = f"{len(differing)} runs lie in both folders and differ. Nothing was written."
    return "\n".join([head, *lines, *more, "Say which folder wins: --prefer first, or --prefer second."])
