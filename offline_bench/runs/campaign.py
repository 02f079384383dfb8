"""A campaign: the runs of a study that are not done yet, carried out slab by slab and saved."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from offline_bench.algorithms import build_learner
from offline_bench.core.storage import check_writable
from offline_bench.evaluation.fit import check_environment
from offline_bench.runs.executors import Died, Done, Progressed, execute
from offline_bench.runs.experiment import Job, JobSlab, carry_out_slab, prepare_data
from offline_bench.runs.record import Record, Run
from offline_bench.runs.slabs import drop_checkpoints
from offline_bench.runs.staleness import find_stale_among
from offline_bench.runs.store import read_records, save_record


@dataclass(frozen=True)
class Step:
    """What just happened: `share` in [0, 1] of the campaign's gradient steps is done; `records` of finished runs."""

    share: float
    finished: int
    records: Sequence[Record] = ()


def list_stale(runs: Collection[Run], folder: Path) -> dict[Run, str]:
    """Those of `runs` whose records in `folder` no longer count, each with the reason; the data here is looked at."""
    records = [record for record in read_records(folder).records if record.run in runs]
    return find_stale_among(records, everywhere=True)


def list_missing(runs: Mapping[Run, tuple[int, ...]], folder: Path, retry_failed: bool = False) -> list[Job]:
    """The jobs of `runs` with no record in `folder` that counts: none, a stale one, or a failed one to be retried."""
    stale = list_stale(runs, folder)
    counted = {
        record.run
        for record in read_records(folder).records
        if record.run not in stale and not (retry_failed and record.status != "ok")
    }
    return [Job(run, at) for run, at in runs.items() if run not in counted]


def check_jobs(jobs: Sequence[Job], device: str = "cpu") -> None:
    """Raise before anything trains what every job would: unknown names, parameters, missing data, bad plug-ins.

    Every distinct relabeling of every distinct selection of data is tried once, and every environment made.
    """
    tried: set[object] = set()
    for job in jobs:
        cell = (job.run.dataset, job.run.curation, job.run.relabeling)
        if cell not in tried:
            data = prepare_data(job.run)
            if cell[:2] not in tried:
                check_environment(data)
            tried |= {cell, cell[:2]}
    for text in dict.fromkeys(job.run.algorithm for job in jobs):
        build_learner(text, device).check()


def carry_out_slabs(
    slabs: Sequence[JobSlab], folder: Path, workers: int, plugins: Sequence[Path] = ()
) -> Iterator[Step]:
    """Carry out `slabs`, saving the records of each to `folder` as it finishes.

    Whatever stops this loses what the slabs in flight did since their last checkpoints. With `workers` 0, in this
    process. Raises `StorageError` where the folder or disk takes no more.
    """
    check_writable(folder)
    sizes = [sum(job.run.steps for job in slab.jobs) for slab in slabs]
    shares = [0.0] * len(slabs)
    finished = 0
    # Closed at once whatever happens, or the workers would go on while an error is being told.
    with closing(execute(carry_out_slab, slabs, workers, plugins)) as events:
        for event in events:
            records: list[Record] = []
            if isinstance(event, Progressed):
                shares[event.task] = event.share
            else:
                slab = slabs[event.task]
                records = _records_of(event, slab)
                for record in records:
                    save_record(folder, record)
                drop_checkpoints(folder, slab)
                shares[event.task] = 1.0
            done = sum(share * size for share, size in zip(shares, sizes, strict=True)) / sum(sizes)
            finished += len(records)
            yield Step(done, finished, records)


def _records_of(event: Done | Died, slab: JobSlab) -> list[Record]:
    if isinstance(event, Died):
        return [Record(job.run, "failed", event.reason) for job in slab.jobs]
    records: list[Record] = event.result
    return records
