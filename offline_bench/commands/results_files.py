"""Results that come from elsewhere and go there: tables of others, other folders, the Hub."""

from __future__ import annotations

from pathlib import Path

from offline_bench.commands.tables import print_leaderboard_of
from offline_bench.commands.tell import tell
from offline_bench.core.errors import RecordError
from offline_bench.runs.external import read_external
from offline_bench.runs.hub import pull_packed, push_packed
from offline_bench.runs.merge import list_differences, merge_records
from offline_bench.runs.record import Record
from offline_bench.runs.store import PACKED, pack_records, read_records, save_record


def import_results(file: Path, folder: Path) -> None:
    """Write the rows of the CSV `file` into `folder` as external records, and print their leaderboard."""
    records = read_external(file)
    merge_records(_read_whole(folder), records)  # refuses other returns of a run that is there
    for record in records:
        save_record(folder, record)
    tell(f"imported {len(records)} external runs into {folder}")
    print_leaderboard_of(folder, [record.run for record in records])


def merge_results(one: Path, two: Path, target: Path, prefer: str | None) -> None:
    """Pack the records of `one` and `two` into `target`, which has none yet, and print what was compared."""
    for folder in (one, two):
        if not folder.is_dir():
            raise RecordError(f"{folder} is no folder. Name two results folders.")
    if (target / PACKED).exists() or (target / "records").exists():
        raise RecordError(f"{target} has records already; nothing was written. Name a new folder by -o.")
    first, second = _read_whole(one), _read_whole(two)
    merged = merge_records(first, second, prefer)
    known = {record.run: record for record in first}
    both = [(known[record.run], record) for record in second if record.run in known]
    for mine, theirs in both:
        names = list_differences(mine, theirs)
        if names:
            tell(f"differs, {prefer} wins: {mine.run}: {', '.join(names)}")
    path = pack_records(target, merged)
    tell(f"{len(first)} and {len(second)} records, {len(both)} runs in both: packed {len(merged)} into {path}")


def push_results(folder: Path, repository: str) -> None:
    """Upload the packed records of `folder` to the dataset `repository`."""
    push_packed(folder, repository)
    tell(f"pushed {folder / PACKED} to {repository}")


def pull_results(repository: str, folder: Path) -> None:
    """Fetch the packed records of the dataset `repository` into `folder`."""
    path = pull_packed(repository, folder)
    tell(f"pulled {len(_read_whole(folder))} records into {path}")


def _read_whole(folder: Path) -> list[Record]:
    """All records of `folder`. Raises `RecordError` where one cannot be read: it would be lost without a word."""
    reading = read_records(folder)
    if reading.problems:
        raise RecordError("\n".join([*reading.problems, "Nothing was written."]))
    return reading.records
