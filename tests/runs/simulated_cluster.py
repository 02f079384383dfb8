"""A cluster whose workers only wait, by a clock that jumps: the campaign, its queue and its slabs are the real ones.

    python -m tests.runs.simulated_cluster 1000

prints what a study of 16,000 runs would make of that many workers.
"""

from __future__ import annotations

import heapq
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from offline_bench.runs import campaign, slabs
from offline_bench.runs.executors import Done, Event, Progressed, Work
from offline_bench.runs.executors.queue import TaskQueue
from offline_bench.runs.experiment import Job, JobSlab
from offline_bench.runs.pace import Pace
from offline_bench.runs.record import Record, Run

# Milliseconds per step of a run, as the records of results/competence and results/study have them.
COSTS = {
    "bc(hidden_units=(64, 64))": 1.453,
    "td3-plus-bc(hidden_units=(64, 64))": 3.266,
    "iql(hidden_units=(64, 64))": 4.075,
    "atac(hidden_units=(64, 64))": 2.321,
}
REWARDS = ("original", "zero", "negative", "random", "sign", "shuffled", "episodic", "placebo")
DATASETS = 10
STEPS = 100_000
SPREAD = 0.1  # by which the time of a slab differs from what was thought, as a standard deviation of its logarithm
NODE = 8  # workers
PARTS = 4  # words of progress per slab


@dataclass
class Cluster:
    """`workers` workers in nodes of `NODE`; `lost` says at which second a node is taken away for good."""

    workers: int
    lost: Sequence[float] = ()
    now: float = 0.0
    busy: float = 0.0
    wasted: float = 0.0
    peak: int = 0
    ends: list[float] = field(default_factory=list)

    def execute(self, work: Work, tasks: Iterable[JobSlab], *_: Any) -> Generator[Event, None, None]:
        """As an executor: gives each idle worker the next task, and tells of it when its time is over."""
        queue, rng = TaskQueue(tasks), np.random.default_rng(0)
        events: list[tuple[float, int, int, int]] = [(at, -1, -1, 0) for at in self.lost]
        idle, begun = list(range(self.workers))[::-1], dict[int, tuple[int, float, JobSlab]]()
        heapq.heapify(events)
        while True:
            while idle and queue.waits():
                number, slab = queue.take()
                worker, seconds = idle.pop(), cost_of(slab.jobs) * float(np.exp(rng.normal(0.0, SPREAD)))
                begun[number] = (worker, self.now, slab)
                for part in range(1, PARTS + 1):
                    heapq.heappush(events, (self.now + seconds * part / PARTS, number, worker, part))
            self.peak = max(self.peak, len(begun))
            if not begun:
                return
            self.now, number, worker, part = heapq.heappop(events)
            if number < 0:
                self._lose(begun, queue, idle)
            elif begun.get(number, (None,))[0] != worker:
                continue  # It was on a node that is gone.
            elif part < PARTS:
                yield Progressed(number, part / PARTS)
            else:
                _, since, slab = begun.pop(number)
                self.busy += self.now - since
                self.ends.append(self.now)
                idle.append(worker)
                queue.finish(number)
                yield Done(number, [Record(job.run, "ok") for job in slab.jobs])

    def _lose(self, begun: dict[int, tuple[int, float, JobSlab]], queue: TaskQueue, idle: list[int]) -> None:
        node = max(worker // NODE for worker, _, _ in begun.values())
        for number, (worker, since, _) in list(begun.items()):
            if worker // NODE == node:
                self.wasted += self.now - since
                del begun[number]
                assert queue.take_back_lost(number)
        idle[:] = [worker for worker in idle if worker // NODE != node]


@dataclass(frozen=True)
class Report:
    """What came of it: seconds of the cluster, and of the driver.

    bound    what nobody could be faster than, all work shared out among the workers
    busy     share of the workers' time, up to the end, in which they had a slab
    wasted   worker seconds that were begun again
    alone    seconds at the end in which less than half of the workers had a slab
    driver   processor seconds of the driver in all
    memory   bytes that the driver held more at the end than after the first tenth of the runs
    """

    slabs: int
    makespan: float
    bound: float
    busy: float
    wasted: float
    alone: float
    driver: float
    memory: int
    done: int


def cost_of(jobs: Iterable[Job]) -> float:
    """Seconds that `jobs` take together."""
    return sum(COSTS[job.run.algorithm] / 1e3 * job.run.steps for job in jobs)


def make_jobs(seeds: int, datasets: int = DATASETS) -> list[Job]:
    """A grid of every algorithm, reward and dataset with that many seeds, seed by seed."""
    cells = product(range(seeds), range(datasets), COSTS, REWARDS)
    return [Job(Run(f"set-{d}", "full", reward, text, seed, STEPS, 1), (STEPS,)) for seed, d, text, reward in cells]


def past(costs: Mapping[str, float] = COSTS) -> list[Record]:
    """Records that tell what each algorithm costs."""
    runs = (Run("d", "full", "zero", text, 0, STEPS, 1) for text in costs)
    return [Record(run, "ok", provenance={"seconds": costs[run.algorithm] / 1e3 * STEPS}) for run in runs]


def simulate(jobs: Sequence[Job], cluster: Cluster, known: Sequence[Record], folder: Path) -> Report:
    """Carry `jobs` out on `cluster`, with `known` records of what they cost."""
    with ExitStack() as stack:
        # What fits is the learner's own affair and wants data; a disk wants time.
        stack.enter_context(patch.object(slabs, "fitting_runs", lambda *_: slabs.MOST_RUNS["cpu"]))
        stack.enter_context(patch.object(campaign, "execute", cluster.execute))
        saved = set[str]()
        stack.enter_context(patch.object(campaign, "save_record", lambda _, record: saved.add(record.run.key)))
        stack.enter_context(patch.object(campaign, "Pace", partial(Pace, clock=lambda: cluster.now)))
        formed = slabs.group_jobs(jobs, folder, cluster.workers, past=known)
        started, held = time.process_time(), 0
        steps: Iterator[campaign.Step] = campaign.carry_out_slabs(formed, folder, cluster.workers, past=known)
        tracemalloc.start()
        for step in steps:
            if not held and step.finished > len(jobs) // 10:
                held = tracemalloc.get_traced_memory()[0]
        memory = tracemalloc.get_traced_memory()[0] - held
        tracemalloc.stop()
    late = sorted(cluster.ends)[-(cluster.workers // 2)] if len(cluster.ends) > cluster.workers // 2 else 0.0
    return Report(
        slabs=len(formed),
        makespan=cluster.now,
        bound=cost_of(jobs) / cluster.workers,
        busy=cluster.busy / (cluster.now * cluster.workers),
        wasted=cluster.wasted,
        alone=cluster.now - late,
        driver=time.process_time() - started,
        memory=memory,
        done=len(saved),
    )


def main(workers: int) -> None:
    """Print the table of `benchmarks/README.md`."""
    jobs = make_jobs(seeds=16_000 // (DATASETS * len(COSTS) * len(REWARDS)))
    for title, known, lost in (
        ("costs not known", [], ()),
        ("costs known", past(), ()),
        ("costs known, a node lost half way", past(), (cost_of(jobs) / workers / 2,)),
    ):
        with tempfile.TemporaryDirectory() as folder:
            r = simulate(jobs, Cluster(workers, lost), known, Path(folder))
        sys.stdout.write(
            f"| {title} | {r.slabs} | {r.bound:.0f} s | {r.makespan:.0f} s | {r.busy:.0%} | {r.alone:.0f} s | "
            f"{r.wasted:.0f} s | {r.driver:.1f} s | {r.memory / 2**20:+.1f} MB |\n"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
