"""The records of a suite in a folder."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from offline_bench.record import Run
from offline_bench.store import Reading, read_records


def read_runs(folder: Path, runs: Collection[Run]) -> Reading:
    """The records of `runs` in `folder`; problems name files by where they lie in it, as what tells them may be
    committed."""
    wanted = set(runs)
    reading = read_records(folder)
    told = [problem.replace(f"{folder}/", "") for problem in reading.problems]
    return Reading([record for record in reading.records if record.run in wanted], told)
