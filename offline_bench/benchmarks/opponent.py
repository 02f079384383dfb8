"""d3rlpy as the stacked trainer's opponent in a measurement: end to end, and in a process of its own."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from offline_bench.algorithms.determinism import seeded
from offline_bench.algorithms.reference import ReferenceLearner
from offline_bench.algorithms.stacked.learner import StackedLearner
from offline_bench.algorithms.trainers import build_learner
from offline_bench.benchmarks.sampling_cost import d3rlpy_buffer, synthetic_data
from offline_bench.core.threads import one_thread
from offline_bench.data.dataset import Dataset

# The main phase is measured: a warm start comes once and does less.
SETTINGS = {"atac": "n_warm_start_steps=0", "pspi": "n_warm_start_steps=0"}


@dataclass(frozen=True)
class Size:
    """Two hidden layers of `width`, minibatches of `batch`; `plain` products of that size go at once (see `SIZES`)."""

    width: int
    batch: int
    plain: int = 1

    def __str__(self) -> str:
        return f"{self.width}×{self.width}, {self.batch}"

    def spec(self, algorithm: str, **more: Any) -> str:
        """The spec of `algorithm` at this size."""
        settings = [f"hidden_units=[{self.width}, {self.width}]", f"batch_size={self.batch}"]
        settings += [SETTINGS[algorithm]] if algorithm in SETTINGS else []
        return f"{algorithm}({', '.join(settings + [f'{name}={value!r}' for name, value in more.items()])})"


class D3rlpySide:
    """d3rlpy as its `fit` has it: `update` on what its own replay buffer samples."""

    longest: int | None = None

    def __init__(self, algorithm: str, size: Size, data: Dataset, buffer: Any) -> None:
        learner = build_learner(size.spec(algorithm, trainer="d3rlpy"))
        if not isinstance(learner, ReferenceLearner):
            raise TypeError(f"{algorithm} has no counterpart in d3rlpy")
        self.period = period_of(learner)
        self.algorithm = learner._create(data)
        self.buffer = buffer

    def run(self, steps: int) -> float:
        started = time.process_time()
        for _ in range(steps):
            self.algorithm.update(self.buffer.sample_transition_batch(self.algorithm.batch_size))
        return (time.process_time() - started) / steps


class D3rlpyProcess:
    """A `D3rlpySide` in a process of its own, as its user has it.

    The stacked trainer has its process keep freed memory (see `allocator.py`), which would speed d3rlpy up too.
    """

    longest: int | None = None

    def __init__(self, algorithm: str, size: Size) -> None:
        self._process = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        self.period: int = self._process.submit(_take_side, algorithm, size).result()

    def run(self, steps: int) -> float:
        return self._process.submit(_run_side, steps).result()

    def close(self) -> None:
        self._process.shutdown()


def period_of(learner: StackedLearner | ReferenceLearner) -> int:
    """Steps after which the work repeats: not every step of TD3+BC moves the actor."""
    return int(learner.parameters.get("update_actor_interval", 1))


_side: D3rlpySide | None = None


def _take_side(algorithm: str, size: Size) -> int:
    global _side
    data = synthetic_data()
    with one_thread(), seeded(np.random.SeedSequence(0)):
        _side = D3rlpySide(algorithm, size, data, d3rlpy_buffer(data))
    return _side.period


def _run_side(steps: int) -> float:
    assert _side is not None
    with one_thread():
        return _side.run(steps)
