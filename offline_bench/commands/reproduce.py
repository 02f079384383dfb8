"""Carrying out a suite or a small grid, and saying how it compares with what is committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import typer

from offline_bench.algorithms.device import DEVICES, select_device
from offline_bench.commands.build import build_missing
from offline_bench.commands.display import describe_record, open_bar
from offline_bench.commands.records import local_folder, read_runs
from offline_bench.commands.tell import tell
from offline_bench.core.errors import OfflineBenchError, SpecError
from offline_bench.core.registry import unknown_name
from offline_bench.runs.campaign import carry_out_slabs, list_stale, survey, tidy_up
from offline_bench.runs.executors.ray_cluster import open_cluster
from offline_bench.runs.executors.ray_place import RayPlace
from offline_bench.runs.experiment import Job
from offline_bench.runs.mirror import Mirror, is_url
from offline_bench.runs.parts import select_runs
from offline_bench.runs.record import Record, Run
from offline_bench.runs.rehearsal import rehearse
from offline_bench.runs.slabs import MEMORY_SHARE, checkpoint_folder, group_jobs
from offline_bench.runs.store import copy_packed, find_own, is_copy, read_heads, read_records, save_record
from offline_bench.runs.suites import Grid, load_suite
from offline_bench.schemes.curate import needed_datasets

EXECUTORS = ("workers", "ray")


@dataclass(frozen=True)
class Means:
    """How runs are carried out: workers, plug-in files, device, and whether failed ones are tried again.

    executor     a name of `EXECUTORS`
    ray_address  see `RayPlace`
    checkpoints  the folder with the checkpoints, or on Ray a URL; '' for the folder of the results
    """

    workers: int = 2
    plugins: Sequence[Path] = ()
    device: str = "cpu"
    retry_failed: bool = False
    executor: str = "workers"
    ray_address: str = ""
    checkpoints: str = ""

    def __post_init__(self) -> None:
        if self.executor not in EXECUTORS:
            raise SpecError(unknown_name("executor", self.executor, EXECUTORS))
        if self.ray_address and self.executor != "ray":
            raise SpecError("--ray-address is for --executor ray")
        if is_url(self.checkpoints) and self.executor != "ray":
            raise SpecError("--checkpoints is a folder; a URL is for --executor ray")

    def find_shared(self, folder: Path) -> Path:
        """The folder with the checkpoints of results in `folder`; with a URL, that with the copies of them."""
        return (Path(self.checkpoints) if self.checkpoints and not is_url(self.checkpoints) else folder).resolve()

    def find_device(self) -> str:
        """The device to try things on here, before anything trains: where Ray has a GPU this machine may have none.

        Raises `SpecError` where there is no such device.
        """
        try:
            select_device(self.device)
        except SpecError:
            if self.executor != "ray" or self.device not in DEVICES:
                raise
            return "cpu"
        return self.device

    def find_place(self, folder: Path) -> RayPlace | None:
        """The Ray that is wanted for results in `folder`; None where none is.

        Raises what `RayPlace.check` and `find_device` raise.
        """
        self.find_device()
        if self.executor != "ray":
            return None
        mirror = Mirror(self.checkpoints) if is_url(self.checkpoints) else None
        # A Ray on this machine sees what this machine has.
        shared = None if mirror or (self.ray_address and not self.checkpoints) else self.find_shared(folder)
        if shared is not None:
            checkpoint_folder(shared).mkdir(parents=True, exist_ok=True)
        place = RayPlace(self.ray_address, max(self.workers, 1), self.device, shared, mirror)
        place.check()
        return place

    def count_hands(self, folder: Path) -> int:
        """How many slabs are under way at once for results in `folder`; a Ray is asked, which takes some seconds.

        Raises what `open_cluster` raises.
        """
        place = self.find_place(folder)
        if place is None:
            return max(self.workers, 1)
        with open_cluster(place) as cluster:
            return cluster.slots


def reproduce_suite(name: str, folder: Path | None, means: Means, only: Sequence[str] = ()) -> None:
    """Carry out what is missing of the suite, write its tables, and compare with the committed records run by run.

    With `only`, of that part of it, see `select_runs`; its tables show all that is finished. A suite that says to be
    unfinished goes on from its committed records.
    """
    suite = load_suite(name)
    folder = folder or local_folder(suite.name)
    runs = select_runs(suite.runs(), only)
    if suite.unfinished and copy_packed(suite.folder, folder):
        tell(f"{suite.name} is not finished: going on from the records in {suite.folder}")
    undone = carry_out_runs(runs, folder, suite.name, means, read_heads(suite.folder).records)
    # What analyzes takes a second to import, and is wanted when all is trained.
    from offline_bench.commands.tables import write_both

    write_both(folder, suite)
    tell(compare_with_committed(folder, suite.folder))
    _end(runs, folder, undone)


def run_grid(grid: Grid, folder: Path | None, means: Means) -> None:
    """Carry out what is missing of the grid and print its leaderboard."""
    folder = folder or local_folder("runs")
    runs = dict.fromkeys(grid.runs(), grid.evaluated_steps())
    undone = carry_out_runs(runs, folder, "run", means)
    from offline_bench.commands.board import print_leaderboard_of

    print_leaderboard_of(folder, list(runs))
    _end(runs, folder, undone)


def carry_out_runs(
    runs: Mapping[Run, tuple[int, ...]], folder: Path, title: str, means: Means, past: Sequence[Record] = ()
) -> list[tuple[Run, str]]:
    """Build what data is missing, rehearse every job, then carry out those without a record, showing progress.

    Gives the runs that are not done, each with the reason. `past` records tell what algorithms cost. Raises
    `OfflineBenchError` where a name or parameter is wrong or data is missing, and where not one run can be.
    """
    standing = survey(runs, folder)
    jobs = standing.missing(runs, means.retry_failed)
    if jobs:
        means.find_place(folder)
        if build_missing(_datasets_of(jobs), max(means.workers, 1)):
            # What was built may differ from what older records are of.
            standing = survey(runs, folder)
            jobs = standing.missing(runs, means.retry_failed)
    tell(f"{title}: {len(runs) - len(jobs)} of {len(runs)} runs are done in {folder}")
    if not jobs:
        tidy_up(folder, means.find_shared(folder))
        return []
    for reason, count in Counter(standing.stale.values()).items():
        tell(f"{count} runs are stale and are done again: {reason}")
    shown = [record.run for record in standing.records if record.status == "ok" and record.run not in standing.stale]
    rehearsal = rehearse(jobs, means.find_device(), shown)
    if len(jobs) == len(runs) and not rehearsal.possible:
        # Nothing is, and nothing can be: a mistake, and no grid with a gap.
        raise OfflineBenchError([*(record.reason for record in rehearsal.failed), *dict(rehearsal.undone).values()][0])
    for record in rehearsal.failed:
        save_record(folder, record)
        tell(describe_record(record), err=True)
    known = [*past, *standing.records]
    return [*rehearsal.undone, *_train(rehearsal.possible, runs, folder, title, means, known)]


def _train(
    jobs: Sequence[Job],
    runs: Mapping[Run, tuple[int, ...]],
    folder: Path,
    title: str,
    means: Means,
    past: Sequence[Record],
) -> list[tuple[Run, str]]:
    """Carry out `jobs`, which are of `runs`, showing progress; those not done, each with the reason."""
    waiting = {job.run for job in jobs}
    done = [Job(run, at) for run, at in runs.items() if run not in waiting]
    undone: list[tuple[Run, str]] = []
    shared = means.find_shared(folder)
    with ExitStack() as stack:
        place = means.find_place(folder)
        cluster = stack.enter_context(open_cluster(place)) if place else None
        workers, memory = (cluster.slots, int(MEMORY_SHARE * cluster.memory)) if cluster else (means.workers, None)
        if place and place.mirror:
            stack.enter_context(place.mirror.copied_to(checkpoint_folder(shared)))
        slabs = group_jobs(jobs, shared, workers, means.device, memory, done, past)
        bar = stack.enter_context(open_bar(title, len(jobs), "runs"))
        steps = carry_out_slabs(slabs, folder, min(workers, len(slabs)), means.plugins, past, cluster, shared)
        for step in stack.enter_context(closing(steps)):
            notes = [step.note, *map(describe_record, step.records)]
            if cluster:
                bar.place = cluster.describe()
                notes += cluster.take_notes()
            for note in notes:
                bar.show(step.share, step.finished, note, step.left)
            undone += step.undone
    return undone


def _end(runs: Collection[Run], folder: Path, undone: Sequence[tuple[Run, str]]) -> None:
    """Say what did not end well; exit with 1 where a run is not done, or not one of them ended well."""
    stale = list_stale(runs, folder)
    counts = Counter(record.status for record in read_runs(folder, runs).records if record.run not in stale)
    ill = {status: count for status, count in sorted(counts.items()) if status != "ok"}
    if ill:
        told = ", ".join(f"{count} {status}" for status, count in ill.items())
        tell(
            f"{sum(ill.values())} of {len(runs)} runs did not end well: {told}. --retry-failed does them again.",
            err=True,
        )
    for reason, count in Counter(reason for _, reason in undone).items():
        tell(f"{count} of {len(runs)} runs are not done and have no record: {reason}", err=True)
    if undone:
        tell("This is not a result. Run the same command to try these runs again.", err=True)
    if undone or not counts["ok"]:
        raise typer.Exit(1)


def _datasets_of(jobs: Sequence[Job]) -> list[str]:
    """What the jobs load, each once: their datasets, and those that their curations mix in."""
    pairs = dict.fromkeys((job.run.dataset, job.run.curation) for job in jobs)
    needed = [name for dataset, curation in pairs for name in (dataset, *needed_datasets(curation))]
    return list(dict.fromkeys(needed))


def compare_with_committed(folder: Path, committed_folder: Path) -> str:
    """How many of the runs in `folder` came out as committed, episode by episode, to the bit.

    What lies in `folder` as a copy of the committed file was not made again: it is counted apart, and proves nothing.
    """
    committed = {record.run: record for record in read_records(committed_folder).records}
    known = [record for record in read_records(folder).records if record.run in committed]
    if not known:
        return "nothing is committed to compare these runs with"
    ours = known
    if is_copy(folder, committed_folder):
        own = find_own(folder, committed_folder, (record.run for record in known))
        ours = [record for record in known if record.run in own]
    if not ours:
        return f"all {len(known)} runs are the committed records themselves: none was made again to compare"
    same = [record for record in ours if record.returns == committed[record.run].returns]
    datasets = [r for r in ours if r.fingerprints.get("dataset") != committed[r.run].fingerprints.get("dataset")]
    line = f"{len(same)} of {len(ours)} runs equal the committed ones to the bit"
    if len(same) < len(ours):
        machine = committed[ours[0].run].provenance.get("machine", "an unknown machine")
        line += f"; those were made on {machine}"
    if len(ours) < len(known):
        line += f"; {len(known) - len(ours)} more are the committed records themselves"
    if datasets:
        line += f"; {len(datasets)} had data that differs from the committed runs'"
    return line
