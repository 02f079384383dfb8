"""What a large dataset takes of memory from its file to a record, beside what was estimated beforehand."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from offline_bench.algorithms import StackedLearner, build_learner, estimate_bytes, memory_of
from offline_bench.algorithms.determinism import one_thread
from offline_bench.benchmarks.loading_cost import STEPS, write_synthetic
from offline_bench.core.provenance import read_peak_memory
from offline_bench.data.loaders import load
from offline_bench.runs.experiment import Job, carry_out
from offline_bench.runs.record import Run

DATASET = "benchmark/large-v0"
ENVIRONMENT = "Hopper-v5"


@dataclass(frozen=True)
class LargeSetCost:
    """Bytes of a process that loads a set, trains one run on it, evaluates that and makes its record.

    peak       the most it held
    estimate   what slabs are sized by, stepper included
    available  all memory of this machine
    """

    algorithm: str
    transitions: int
    peak: int
    estimate: int
    available: int


def measure_large_set(algorithm: str, transitions: int = 1_000_000, steps: int = 4) -> LargeSetCost:
    """Write a synthetic set of about `transitions` to a scratch folder; carry out a run on it in a fresh process."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        write_synthetic(root / DATASET, max(transitions // STEPS, 1), ENVIRONMENT)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            found, peak, estimate = process.submit(_carry_out_one, root, algorithm, steps).result()
    return LargeSetCost(algorithm, found, peak, estimate, memory_of("cpu"))


def _carry_out_one(root: Path, algorithm: str, steps: int) -> tuple[int, int, int]:
    """Transitions, the most bytes this process held through a run, and the estimate for it."""
    os.environ["MINARI_DATASETS_PATH"] = str(root)
    run = Run(DATASET, "full", "negative", algorithm, seed=0, steps=steps, episodes=1)
    with one_thread():
        record = carry_out(Job(run, at=(steps,)))
    peak = read_peak_memory()
    if record.status != "ok":
        raise RuntimeError(f"the run on a large set {record.status}: {record.reason}")
    learner, data = build_learner(algorithm), load(DATASET)
    if not isinstance(learner, StackedLearner):
        raise TypeError(f"{algorithm} is not stacked")
    return data.n, peak, estimate_bytes(learner, data, run.episodes, 1)
