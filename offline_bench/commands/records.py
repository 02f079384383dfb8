"""The records of a suite in a folder."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from offline_bench.core.errors import DatasetError
from offline_bench.data.loaders.tasks import find_task
from offline_bench.runs.record import Run
from offline_bench.runs.store import Reading, read_records


def read_runs(folder: Path, runs: Collection[Run]) -> Reading:
    """The records of `runs` in `folder`, and a sentence for each file of it that was refused."""
    wanted = set(runs)
    reading = read_records(folder)
    records = [record for record in reading.records if record.run in wanted]
    problems = [*reading.problems, *_tell_tasks({record.run.dataset for record in records})]
    return Reading(records, problems)


def _tell_tasks(datasets: Iterable[str]) -> Iterator[str]:
    """A sentence for each dataset whose reference returns cannot be read: its runs count, but have no scores."""
    for dataset in sorted(datasets):
        try:
            find_task(dataset)
        except DatasetError as error:
            yield f"{dataset} has no scores: {error}"


def tell_problems(reading: Reading, folder: Path) -> list[str]:
    """Its problems, naming files by where they lie in `folder`, not on this machine: they may be committed."""
    return [problem.replace(f"{folder}/", "") for problem in reading.problems]
