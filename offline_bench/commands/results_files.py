"""Results folders: taking in a CSV file, merging two, and the Hub."""

from __future__ import annotations

from pathlib import Path

from offline_bench.commands.tell import tell
from offline_bench.core.errors import RecordError, SpecError
from offline_bench.runs.hub import pull_records, push_records
from offline_bench.runs.imported import read_results
from offline_bench.runs.merged import SIDES, merge_records
from offline_bench.runs.store import has_records, pack_records, read_records, save_record


def import_results(file: Path, folder: Path) -> None:
    """Add the runs of the CSV `file` to the results in `folder`: all of them, or none."""
    records = read_results(file)
    known = {record.run: record for record in read_records(folder).records}
    for record in records:
        if record.run in known and known[record.run].returns != record.returns:
            raise RecordError(f"{folder} has other returns of {record.run} already. Nothing was imported.")
    for record in records:
        save_record(folder, record)
    tell(f"{len(records)} runs of {file} are in {folder}, as external: offline-bench leaderboard --results {folder}")


def merge_results(first: Path, second: Path, target: Path, prefer: str | None) -> None:
    """Write the records of both folders, packed, into `target`, which is to have none yet."""
    if prefer not in (None, *SIDES):
        raise SpecError(f"--prefer is {' or '.join(SIDES)}, not {prefer!r}")
    if has_records(target):
        raise RecordError(f"{target} has records already: nothing was written. Name a new folder.")
    merged = merge_records(first, second, prefer)
    path = pack_records(target, merged.records)
    agreed = merged.shared - len(merged.differences)
    tell(f"{path}: {len(merged.records)} runs. Both folders have {merged.shared} of them, and agree on {agreed}.")
    for line in merged.differences:
        tell(f"Of the {prefer} folder: {line}")


def push_results(folder: Path, repository: str) -> None:
    """Put the packed records of `folder` into a dataset repository of the Hub."""
    tell(f"{folder} is in {repository}: {push_records(folder, repository)}")


def pull_results(repository: str, folder: Path, force: bool) -> None:
    """Fetch the packed records of a dataset repository of the Hub into `folder`."""
    count = pull_records(repository, folder, force)
    tell(f"{count} runs of {repository} are in {folder}: offline-bench leaderboard --results {folder}")
