"""Carrying out a suite or a small grid, and saying how it compares with what is committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from offline_bench.algorithms.device import select_device
from offline_bench.commands.build import build_missing
from offline_bench.commands.display import describe_record, open_bar
from offline_bench.commands.report_page import write_page
from offline_bench.commands.tables import local_folder, print_leaderboard_of, write_tables
from offline_bench.runs.campaign import carry_out_slabs, check_jobs, list_missing, list_stale
from offline_bench.runs.experiment import Job
from offline_bench.runs.parts import select_runs
from offline_bench.runs.record import Run
from offline_bench.runs.slabs import group_jobs
from offline_bench.runs.store import read_records
from offline_bench.runs.suites import Grid, load_suite
from offline_bench.schemes.curate import needed_datasets


@dataclass(frozen=True)
class Means:
    """With what runs are carried out: workers, plug-in files, device; and whether failed ones are tried again."""

    workers: int = 2
    plugins: Sequence[Path] = ()
    device: str = "cpu"
    retry_failed: bool = False


def reproduce_suite(name: str, folder: Path | None, means: Means, only: Sequence[str] = ()) -> None:
    """Carry out what is missing of the suite, write its tables, and compare with the committed records run by run.

    With `only`, of that part of it, see `select_runs`; its tables show all that is finished.
    """
    suite = load_suite(name)
    folder = folder or local_folder(suite.name)
    carry_out_runs(select_runs(suite.runs(), only), folder, suite.name, means)
    write_tables(folder, suite)
    write_page(folder, suite)
    typer.echo(compare_with_committed(folder, suite.folder))


def run_grid(grid: Grid, folder: Path | None, means: Means) -> None:
    """Carry out what is missing of the grid and print its leaderboard."""
    folder = folder or local_folder("runs")
    runs = dict.fromkeys(grid.runs(), grid.evaluated_steps())
    carry_out_runs(runs, folder, "run", means)
    print_leaderboard_of(folder, list(runs))


def carry_out_runs(runs: Mapping[Run, tuple[int, ...]], folder: Path, title: str, means: Means) -> None:
    """Build what data is missing, check every job, then carry out those without a record, showing progress."""
    jobs = list_missing(runs, folder, means.retry_failed)
    if jobs:
        select_device(means.device)
        if build_missing(_datasets_of(jobs), max(means.workers, 1)):
            # What was built may differ from what older records are of.
            jobs = list_missing(runs, folder, means.retry_failed)
    typer.echo(f"{title}: {len(runs) - len(jobs)} of {len(runs)} runs are done in {folder}")
    if not jobs:
        return
    for reason, count in Counter(list_stale(runs, folder).values()).items():
        typer.echo(f"stale, so done again: {count} runs, as {reason}")
    check_jobs(jobs, means.device)
    slabs = group_jobs(jobs, folder, means.workers, means.device)
    with open_bar(title, len(jobs), "runs") as bar:
        for step in carry_out_slabs(slabs, folder, min(means.workers, len(slabs)), means.plugins):
            bar.show(step.share, step.finished)
            for record in step.records:
                bar.show(step.share, step.finished, describe_record(record))


def _datasets_of(jobs: Sequence[Job]) -> list[str]:
    """What the jobs load, each once: their datasets, and those that their curations mix in."""
    needed = [name for job in jobs for name in (job.run.dataset, *needed_datasets(job.run.curation))]
    return list(dict.fromkeys(needed))


def compare_with_committed(folder: Path, committed_folder: Path) -> str:
    """How many of the runs in `folder` came out as committed, episode by episode, to the bit."""
    committed = {record.run: record for record in read_records(committed_folder).records}
    ours = [record for record in read_records(folder).records if record.run in committed]
    if not ours:
        return "nothing is committed to compare these runs with"
    same = [record for record in ours if record.returns == committed[record.run].returns]
    datasets = [r for r in ours if r.fingerprints.get("dataset") != committed[r.run].fingerprints.get("dataset")]
    line = f"{len(same)} of {len(ours)} runs equal the committed ones to the bit"
    if len(same) < len(ours):
        machine = committed[ours[0].run].provenance.get("machine", "an unknown machine")
        line += f"; those were made on {machine}"
    if datasets:
        line += f"; {len(datasets)} had data that differs from the committed runs'"
    return line
