"""What a gradient step costs beside JAX: the stacked trainer and a vmapped, jitted learner, taking turns."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from offline_bench.benchmarks.opponent import Size
from offline_bench.benchmarks.sampling_cost import synthetic_data
from offline_bench.benchmarks.training_cost import Pace, StackedSide, Turns
from offline_bench.core.threads import one_thread

if TYPE_CHECKING:
    from offline_bench.benchmarks.jax_peer import JaxTraining

PEERS = ("td3-plus-bc", "iql")
PEER_SIZES = (Size(64, 256), Size(256, 256))
PEER_SLABS = (8, 20)
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"


@dataclass(frozen=True)
class PeerCost:
    """Medians over the rounds, in milliseconds of processor time per run and step; `ratio` is that of ours / jax."""

    algorithm: str
    size: Size
    runs: int
    ratio: float
    ours: float
    jax: float


def has_jax() -> bool:
    """Whether the extra `jax` is installed."""
    return find_spec("jax") is not None


def measure_peer(
    algorithm: str, size: Size, slabs: Sequence[int] = PEER_SLABS, pace: Pace | None = None
) -> list[PeerCost]:
    """Ours and JAX's cost of a step of `algorithm`, both for `slabs` runs at once, rows and noise drawn."""
    data = synthetic_data()
    with one_thread(), ExitStack() as stack:
        ours = [StackedSide(algorithm, size, data, runs) for runs in slabs]
        theirs = [stack.enter_context(closing(JaxProcess(algorithm, size, runs))) for runs in slabs]
        taken = np.array(Turns([*ours, *theirs], pace or Pace()).take())
    costs = []
    for runs, mine, jax in zip(slabs, taken[: len(slabs)], taken[len(slabs) :], strict=True):
        ratio = float(np.median(mine / jax))
        costs.append(
            PeerCost(
                algorithm, size, runs, ratio, 1e3 * float(np.median(mine)) / runs, 1e3 * float(np.median(jax)) / runs
            )
        )
    return costs


class JaxProcess:
    """A learner in JAX, in a process of its own, made to believe in one core: it starts a thread for each."""

    longest: int | None = None

    def __init__(self, algorithm: str, size: Size, runs: int) -> None:
        self._process = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        self.period: int = self._process.submit(_start, algorithm, size, runs).result()

    def run(self, steps: int) -> float:
        """Seconds of processor time per step, over `steps` of them, compiled before."""
        return self._process.submit(_run, steps).result()

    def close(self) -> None:
        self._process.shutdown()


_training: JaxTraining | None = None
_compiled: set[int] = set()


def _start(algorithm: str, size: Size, runs: int) -> int:
    global _training
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_THREAD}"
    os.environ["JAX_PLATFORMS"] = "cpu"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from offline_bench.benchmarks.jax_peer import JaxTraining

    data = synthetic_data()
    arrays = {
        "observations": data.observations,
        "actions": data.actions,
        "next_observations": data.next_observations,
        "continues": 1.0 - data.terminals.astype(np.float32),
    }
    rewards = np.random.default_rng(0).standard_normal((runs, data.n), dtype=np.float32)
    _training = JaxTraining(algorithm, arrays, rewards, size.width, size.batch)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    return _training.period


def _run(steps: int) -> float:
    assert _training is not None
    if steps not in _compiled:
        _training.train(steps)
        _compiled.add(steps)
    started = time.process_time()
    _training.train(steps)
    return (time.process_time() - started) / steps
