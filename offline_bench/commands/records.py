"""The records of a suite in a folder, and which folder that is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from offline_bench.commands.tell import tell
from offline_bench.core.errors import DatasetError, RecordError, SuiteError
from offline_bench.core.paths import is_carried, results_folder
from offline_bench.core.plain import plain_line
from offline_bench.data.loaders.tasks import find_task
from offline_bench.runs.record import Run
from offline_bench.runs.store import Reading, has_records, read_briefs, read_records
from offline_bench.runs.suites import Suite, load_suite

FIRST_SUITE = "quick"


def local_folder(name: str) -> Path:
    """Where records made here lie until they are published; ignored by git."""
    return results_folder() / "local" / name


def choose_suite(name: str | None, folder: Path | None) -> tuple[Suite, Path]:
    """The suite that is meant, and the folder whose records are shown; with `folder` alone, whatever lies there.

    Of a suite alone its committed records, else those made here. Raises `SuiteError`, and `RecordError` where there
    is nothing to show.
    """
    if folder is not None:
        return (load_suite(name) if name else gather_suite(folder)), folder
    suite = load_suite(name or FIRST_SUITE)
    local = local_folder(suite.name)
    if has_records(suite.folder) or not has_records(local):
        return suite, suite.folder
    tell(f"{suite.name} has no committed results: this shows the records in {local}", err=True)
    return suite, local


def gather_suite(folder: Path) -> Suite:
    """All runs that `folder` has a record of, beside those of its suite file where it has one. Raises as above."""
    reading = read_briefs(folder)
    if not reading.records:
        for problem in reading.problems:
            tell(plain_line(f"left out: {problem}"), err=True)
        raise RecordError(
            f"{folder} has no record to show: a results folder has records/ or records.parquet in it. "
            "Name a suite as well, to see which of its runs are missing there."
        )
    found = {one.run: tuple(point.step for point in one.curve) or (one.run.steps,) for one in reading.records}
    if (folder / "suite.toml").is_file():
        return replace(load_suite(str(folder / "suite.toml")), found=found)
    place = folder.resolve()
    return Suite(place.name, f"All that is in {place.name}", place, (), published=place, found=found)


def check_own(suite: Suite, what: str) -> None:
    """Raise `SuiteError` where `suite` came with an installed package, beside whose suite file `what` would write."""
    if is_carried(suite.folder):
        raise SuiteError(
            f"{what} writes beside the suite file, and {suite.folder} belongs to the installed package. "
            "Do it in a checkout of the project, or give the path of a suite file of your own."
        )


def tell_others(reading: Reading, folder: Path, name: str) -> None:
    """Say how many records of `folder` are of none of the runs of the suite `name`, if there are any."""
    if reading.others:
        tell(
            f"{reading.others} records in {folder} belong to no run of {name} and are left out: "
            "--results with that folder alone shows them too",
            err=True,
        )


def read_runs(folder: Path, runs: Collection[Run], read: Callable[[Path], Reading] = read_records) -> Reading:
    """The records of `runs` in `folder` as `read` reads them, and a sentence for each file of it that was refused."""
    wanted = set(runs)
    reading = read(folder)
    records = [record for record in reading.records if record.run in wanted]
    problems = [*reading.problems, *_tell_tasks({record.run.dataset for record in records})]
    return Reading(records, problems, len(reading.records) - len(records))


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
