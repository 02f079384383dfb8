"""A campaign: the runs of a study that are not done yet, carried out slab by slab and saved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from offline_bench.core.claims import Claims
from offline_bench.core.errors import StorageError
from offline_bench.core.storage import check_writable, remove_scratch
from offline_bench.runs.executors import Died, Done, Event, Progressed, execute
from offline_bench.runs.experiment import Job, JobSlab, carry_out_slab, record_failure
from offline_bench.runs.folding import fold_records, stamp_of
from offline_bench.runs.pace import Pace
from offline_bench.runs.record import Record, Run
from offline_bench.runs.slabs import checkpoint_folder, drop_checkpoints, drop_finished, form_slab
from offline_bench.runs.staleness import find_stale_among
from offline_bench.runs.store import (
    find_in_parts,
    find_loose,
    find_parts,
    read_heads,
    read_record,
    record_path,
    save_record,
)

if TYPE_CHECKING:
    from offline_bench.runs.executors.ray_cluster import RayCluster

ALONE = ", with this run alone in it. Where its memory ran out, --retry-failed on a larger machine does it again."
# Files of one run that are folded at a time; fewer are left as they are.
PART = 1_000
BLIND = "this file system has no locks: a second start in the same folder would do the same runs again"


@dataclass(frozen=True)
class Step:
    """What just happened: `share` in [0, 1] of the campaign's time is over; `records` of finished runs.

    finished  how many runs have been so far
    left      seconds to go; None while nothing is measured
    undone    runs that come to no record in this campaign, each with the reason
    note      a word on the campaign itself
    """

    share: float
    finished: int
    records: Sequence[Record] = ()
    left: float | None = None
    undone: Sequence[tuple[Run, str]] = ()
    note: str = ""


@dataclass(frozen=True)
class Standing:
    """How far runs are in a folder, from one look at it.

    records   of these runs, without what came out of them, see `read_heads`
    stale     those of the runs whose records no longer count, each with the reason; the data here was looked at
    problems  a sentence per file that was refused
    others    how many records are of none of these runs
    """

    records: list[Record]
    stale: dict[Run, str]
    problems: list[str]
    others: int

    def done(self, retry_failed: bool = False) -> set[Run]:
        """The runs with a record that counts: no stale one, and no failed one that is to be retried."""
        return {
            record.run
            for record in self.records
            if record.run not in self.stale and not (retry_failed and record.status != "ok")
        }

    def missing(self, runs: Mapping[Run, tuple[int, ...]], retry_failed: bool = False) -> list[Job]:
        """The jobs of the others."""
        done = self.done(retry_failed)
        return [Job(run, at) for run, at in runs.items() if run not in done]


def survey(runs: Collection[Run], folder: Path) -> Standing:
    """How far `runs` are in `folder`: every file of it is read once."""
    reading = read_heads(folder)
    records = [record for record in reading.records if record.run in runs]
    stale = find_stale_among(records, everywhere=True)
    return Standing(records, stale, reading.problems, len(reading.records) - len(records))


def list_stale(runs: Collection[Run], folder: Path) -> dict[Run, str]:
    """Those of `runs` whose records in `folder` no longer count, each with the reason; the data here is looked at."""
    return survey(runs, folder).stale


def list_missing(runs: Mapping[Run, tuple[int, ...]], folder: Path, retry_failed: bool = False) -> list[Job]:
    """The jobs of `runs` with no record in `folder` that counts: none, a stale one, or a failed one to be retried."""
    return survey(runs, folder).missing(runs, retry_failed)


def carry_out_slabs(
    slabs: Sequence[JobSlab],
    folder: Path,
    workers: int,
    plugins: Sequence[Path] = (),
    past: Iterable[Record] = (),
    cluster: RayCluster | None = None,
    shared: Path | None = None,
) -> Generator[Step, None, None]:
    """Carry out `slabs`, saving the records of each to `folder` as it finishes.

    What another process has in hand in that folder is left to it, and what it has finished meanwhile is not done
    again. A slab that this machine let down gets no records: the next start takes it up again. One whose process was
    killed at every try is tried in halves, and a run that is killed alone, too, is `failed`. Whatever stops this
    loses what the slabs in flight did since their last checkpoints. With `workers` 0, in this process; with a
    `cluster`, on its nodes. `past` records say what algorithms cost, for the time left. `shared` is the folder that has
    the checkpoints, where that is another one. Raises `StorageError` where the folder or disk takes no more.
    """
    check_writable(folder)
    shared = shared or folder
    with Claims(folder) as claims:
        claims.when_alone(lambda: _clear(folder, slabs, shared))
        campaign = _Campaign(slabs, folder, claims, Pace(slabs, workers, past), shared)
        if claims.blind:
            yield campaign.step(note=BLIND)
        # Closed at once whatever happens, or the workers would go on while an error is being told.
        with closing(execute(carry_out_slab, campaign, workers, plugins, cluster)) as events:
            for event in events:
                yield campaign.see_to(event)
        yield campaign.step(undone=campaign.left_to_others)


def tidy_up(folder: Path, shared: Path | None = None) -> None:
    """Remove what a kill left in `folder`, and of checkpoints in `shared`, of a campaign that had nothing more to do.

    Raises `StorageError`.
    """
    if any((folder / "claims").glob("*.lock")):
        with Claims(folder) as claims:
            claims.when_alone(lambda: _clear(folder, [], shared or folder))


def _clear(folder: Path, slabs: Sequence[JobSlab], shared: Path) -> None:
    """Remove what a kill left half written, and the checkpoints that nothing is left to do of."""
    for place in (folder / "records", checkpoint_folder(shared)):
        remove_scratch(place)
    drop_finished(folder, (run for slab in slabs for run in slab.wanted), shared)


@dataclass(frozen=True)
class _Begun:
    """What was begun of slab number `number`: this `share` of it; and whether it goes on from a checkpoint."""

    number: int
    slab: JobSlab
    share: float
    resumed: bool


class _Campaign:
    """The slabs, who has them, and what has come of them so far.

    As an iterator it gives one slab after the other, each in hand; last those that others had in hand at first and have
    no more. It may have another after it had none: a part of one that was killed.
    """

    def __init__(self, slabs: Sequence[JobSlab], folder: Path, claims: Claims, pace: Pace, shared: Path) -> None:
        self._slabs, self._folder, self._claims, self._pace, self._shared = slabs, folder, claims, pace, shared
        # Of the files that there are, not of the runs that are wanted: these are many more.
        self._loose = find_loose(folder)
        self._before = {path.name: stamp_of(path) for path in self._loose}
        self._parts_before = set(find_parts(folder))
        self._begun: list[_Begun] = []
        self._parts: list[tuple[int, JobSlab, float]] = []
        self._rest = self._take_slabs()
        # By number of the slab, how far each task of it is.
        self._shares: dict[int, dict[int, float]] = defaultdict(dict)
        self._finished = 0
        self.left_to_others: list[tuple[Run, str]] = []

    def __iter__(self) -> Iterator[JobSlab]:
        return self

    def __next__(self) -> JobSlab:
        number, slab, share = self._parts.pop(0) if self._parts else (*next(self._rest), 1.0)
        resumed = slab.checkpoint is not None and slab.checkpoint.exists()
        self._begun.append(_Begun(number, slab, share, resumed))
        self._pace.begin(number)
        return slab

    def _take_slabs(self) -> Iterator[tuple[int, JobSlab]]:
        """The slabs with their numbers, as none is tried in parts."""
        theirs: list[tuple[int, list[Job]]] = []
        for number, slab in enumerate(self._slabs):
            taken, refused = self._take(slab)
            if refused:
                theirs.append((number, [job for job in slab.jobs if job.run in refused]))
            if taken is not None:
                yield number, taken
            else:
                self._pace.leave(number)
        for number, jobs in theirs:
            taken, refused = self._take(form_slab(jobs, self._shared, self._slabs[number].device))
            self.left_to_others += refused.items()
            if taken is not None:
                yield number, taken

    def see_to(self, event: Event) -> Step:
        """Save what `event` brings."""
        begun = self._begun[event.task]
        slab, runs = begun.slab, begun.slab.wanted
        if isinstance(event, Died) and event.killed and len(slab.jobs) > 1:
            return self._split(event, begun)
        shares = self._shares[begun.number]
        shares[event.task] = begun.share * (event.share if isinstance(event, Progressed) else 1.0)
        self._pace.note(begun.number, min(1.0, sum(shares.values())), begun.resumed)
        if isinstance(event, Progressed):
            return self.step()
        try:
            if isinstance(event, Done):
                return self._save(slab, event.result)
            if event.killed:
                return self._save(slab, [record_failure(run, f"{event.reason}{ALONE}", slab.device) for run in runs])
            return self.step(undone=[(run, event.reason) for run in runs])
        finally:
            self._claims.release([run.key for run in runs])

    def step(self, records: Sequence[Record] = (), undone: Sequence[tuple[Run, str]] = (), note: str = "") -> Step:
        """Where the campaign stands."""
        self._finished += len(records)
        return Step(self._pace.share(), self._finished, records, self._pace.seconds_left(), undone, note)

    def _split(self, died: Died, begun: _Begun) -> Step:
        """Have the halves of a slab tried in its place, as one of its runs may be to blame, or all be too large."""
        slab, jobs = begun.slab, [job for job in begun.slab.jobs if job.run not in begun.slab.done]
        drop_checkpoints(self._shared, slab)
        self._shares[begun.number].pop(died.task, None)
        middle = len(jobs) // 2
        halves = [half for half in (jobs[:middle], jobs[middle:]) if half]
        self._parts[:0] = [
            (begun.number, form_slab(half, self._shared, slab.device), begun.share * len(half) / len(jobs))
            for half in halves
        ]
        return self.step(note=f"{died.reason}, with {len(slab.jobs)} runs: they are tried apart")

    def _save(self, slab: JobSlab, result: Sequence[Record]) -> Step:
        records = [record for record in result if record.run not in slab.done]
        for record in records:
            save_record(self._folder, record)
            self._loose.append(record_path(self._folder, record.run))
        drop_checkpoints(self._shared, slab)
        self._fold()
        return self.step(records)

    def _fold(self) -> None:
        """Fold some files of one run, those of earlier campaigns first: many are slow to read, and a part is not."""
        if len(self._loose) < PART:
            return
        folded, self._loose = self._loose[:PART], self._loose[PART:]
        # It saves time later; nothing depends on it.
        with suppress(StorageError):
            part = fold_records(self._folder, folded)
            if part is not None:
                self._parts_before.add(part)

    def _take(self, slab: JobSlab) -> tuple[JobSlab | None, dict[Run, str]]:
        """What of `slab` is now in hand; and the runs that others have in hand, each with who that is."""
        theirs = self._claims.take([run.key for run in slab.wanted])
        refused = {run: f"it is being carried out by {theirs[run.key]}" for run in slab.wanted if run.key in theirs}
        # Looked up once it is in hand: from now on nobody else finishes it.
        parts = [part for part in find_parts(self._folder)[::-1] if part not in self._parts_before]
        finished = {run for run in slab.wanted if run not in refused and self._is_finished(run, parts)}
        self._claims.release([run.key for run in finished])
        if not finished and not refused:
            return slab, {}
        jobs = [job for job in slab.jobs if job.run not in refused and job.run not in finished]
        if not refused and slab.checkpoint is not None and slab.checkpoint.exists():
            kept = replace(slab, done=slab.done | finished)
            return (kept if kept.wanted else None), {}
        jobs = [job for job in jobs if job.run not in slab.done]
        return (form_slab(jobs, self._shared, slab.device) if jobs else None), refused

    def _is_finished(self, run: Run, parts: Sequence[Path]) -> bool:
        """Whether another process has written the record of `run`, or folded it into `parts`, since this one looked."""
        record = read_record(self._folder, run) or _find_folded(run, parts)
        if record is None or find_stale_among([record], everywhere=True):
            return False
        # A failed one may be from before, and this one here to try again.
        return record.status == "ok" or stamp_of(path := record_path(self._folder, run)) != self._before.get(path.name)


def _find_folded(run: Run, parts: Sequence[Path]) -> Record | None:
    """What is in `parts` of `run`; a failed one may be from before, and does not count."""
    record = find_in_parts(parts, run)
    return record if record is not None and record.status == "ok" else None
