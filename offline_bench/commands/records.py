"""The records of a suite in a folder."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from offline_bench.runs.record import Run
from offline_bench.runs.store import Reading, read_records


def read_runs(folder: Path, runs: Collection[Run]) -> Reading:
    """The records of `runs` in `folder`, and a sentence for each file of it that was refused."""
    wanted = set(runs)
    reading = read_records(folder)
    return Reading([record for record in reading.records if record.run in wanted], reading.problems)


def tell_problems(reading: Reading, folder: Path) -> list[str]:
    """Its problems, naming files by where they lie in `folder`, not on this machine: they may be committed."""
    return [problem.replace(f"{folder}/", "") for problem in reading.problems]
