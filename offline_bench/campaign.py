"""A campaign: the runs of a study that are not done yet, carried out and saved one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from offline_bench.algorithms import build_learner
from offline_bench.analysis.frame import find_stale
from offline_bench.executors import Died, Progressed, execute
from offline_bench.experiment import Job, carry_out, prepare_data
from offline_bench.record import Record, Run
from offline_bench.storage import check_writable
from offline_bench.store import read_records, save_record


@dataclass(frozen=True)
class Step:
    """What just happened: `share` in [0, 1] of the campaign's gradient steps is done; `record` if a run finished."""

    share: float
    finished: int
    record: Record | None = None


def list_missing(runs: Mapping[Run, tuple[int, ...]], folder: Path, retry_failed: bool = False) -> list[Job]:
    """The jobs of `runs` with no record in `folder` that counts: none, a stale one, or a failed one to be retried."""
    counted = {
        record.run
        for record in read_records(folder).records
        if not find_stale(record) and not (retry_failed and record.status != "ok")
    }
    return [Job(run, at) for run, at in runs.items() if run not in counted]


def check_jobs(jobs: Sequence[Job]) -> None:
    """Raise before anything trains what every job would: unknown names, parameters, missing data, bad plug-ins.

    Every distinct relabeling of every distinct selection of data is tried once.
    """
    tried = set()
    for job in jobs:
        cell = (job.run.dataset, job.run.curation, job.run.relabeling)
        if cell not in tried:
            prepare_data(job.run)
            tried.add(cell)
    for text in dict.fromkeys(job.run.algorithm for job in jobs):
        build_learner(text).check()


def carry_out_jobs(jobs: Sequence[Job], folder: Path, workers: int, plugins: Sequence[Path] = ()) -> Iterator[Step]:
    """Carry out `jobs`, saving each record to `folder` as it finishes; whatever stops this loses the runs in flight.

    With `workers` 0, in this process. Raises `StorageError` where the folder or disk takes no more.
    """
    check_writable(folder)
    total = sum(job.run.steps for job in jobs)
    shares = dict.fromkeys(range(len(jobs)), 0.0)
    finished = 0
    # Closed at once whatever happens, or the workers would go on while an error is being told.
    with closing(execute(carry_out, jobs, workers, plugins)) as events:
        for event in events:
            record = None
            if isinstance(event, Progressed):
                shares[event.task] = event.share
            else:
                run = jobs[event.task].run
                record = Record(run, "failed", event.reason) if isinstance(event, Died) else event.result
                save_record(folder, record)
                shares[event.task] = 1.0
                finished += 1
            done = sum(shares[i] * job.run.steps for i, job in enumerate(jobs))
            yield Step(done / total, finished, record)
