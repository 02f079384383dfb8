"""What a large dataset takes of memory from its file to a record, beside what was estimated beforehand."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from offline_bench.algorithms import StackedLearner, build_learner, estimate_bytes, memory_of
from offline_bench.benchmarks.loading_cost import STEPS, write_synthetic
from offline_bench.core.provenance import read_peak_memory
from offline_bench.core.threads import one_thread
from offline_bench.data.extent import Extent
from offline_bench.data.loaders import load
from offline_bench.runs.experiment import Job, JobSlab, carry_out_slab
from offline_bench.runs.record import Run

DATASET = "benchmark/large-v0"
ENVIRONMENT = "Hopper-v5"


@dataclass(frozen=True)
class LargeSetCost:
    """Bytes of a process that loads a set, trains a slab of `runs` on it, evaluates these and makes their records.

    peak       the most it held
    estimate   what slabs are sized by, stepper included
    available  all memory of this machine
    """

    algorithm: str
    transitions: int
    peak: int
    estimate: int
    available: int
    runs: int = 1


def measure_large_set(algorithm: str, transitions: int = 1_000_000, steps: int = 4, runs: int = 1) -> LargeSetCost:
    """Write a synthetic set of about `transitions` to a scratch folder; carry out a slab on it in a fresh process."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        write_synthetic(root / DATASET, max(transitions // STEPS, 1), ENVIRONMENT)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            found, peak, estimate = process.submit(_carry_out, root, algorithm, steps, runs).result()
    return LargeSetCost(algorithm, found, peak, estimate, memory_of("cpu"), runs)


def _carry_out(root: Path, algorithm: str, steps: int, runs: int) -> tuple[int, int, int]:
    """Transitions, the most bytes this process held through a slab, and the estimate for it."""
    os.environ["MINARI_DATASETS_PATH"] = str(root)
    slab = [Run(DATASET, "full", "negative", algorithm, seed, steps=steps, episodes=1) for seed in range(runs)]
    with one_thread():
        records = carry_out_slab(JobSlab(tuple(Job(run, at=(steps,)) for run in slab)))
    peak = read_peak_memory()
    for record in records:
        if record.status != "ok":
            raise RuntimeError(f"a run on a large set {record.status}: {record.reason}")
    learner, data = build_learner(algorithm), load(DATASET)
    if not isinstance(learner, StackedLearner):
        raise TypeError(f"{algorithm} is not stacked")
    return data.n, peak, estimate_bytes(learner, Extent.of(data), slab[0].episodes, runs)
