"""What a minibatch costs: our sampler beside d3rlpy's own, in one process, taking turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from offline_bench.algorithms.library import import_d3rlpy
from offline_bench.algorithms.sampler import MinibatchSampler
from offline_bench.data.dataset import ActionSpace, Dataset

EPISODES, LENGTH = 100, 500


@dataclass(frozen=True)
class SamplingCost:
    """Median milliseconds for one minibatch of `batch_size` transitions."""

    batch_size: int
    ours: float
    d3rlpy: float

    @property
    def ratio(self) -> float:
        """How many times longer d3rlpy's sampler takes."""
        return self.d3rlpy / self.ours


def measure_sampling(batch_size: int = 256, repeats: int = 200) -> SamplingCost:
    """Draw `repeats` minibatches from each sampler, alternately, over 50,000 transitions of 11 + 3 dimensions."""
    data = synthetic_data()
    ours = MinibatchSampler(data, batch_size, np.random.default_rng(0))
    theirs = d3rlpy_buffer(data)
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(repeats):
        times["ours"].append(_time(ours.sample))
        times["theirs"].append(_time(lambda: theirs.sample_transition_batch(batch_size)))
    medians = {name: 1e3 * float(np.median(values)) for name, values in times.items()}
    return SamplingCost(batch_size, medians["ours"], medians["theirs"])


def _time(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def synthetic_data(n: int = EPISODES * LENGTH) -> Dataset:
    """`n` transitions of 11 + 3 dimensions, by chance."""
    rng = np.random.default_rng(0)
    observations = rng.standard_normal((n, 11), dtype=np.float32)
    return Dataset(
        id="synthetic",
        environment="",
        action_space=ActionSpace(-np.ones(3, np.float32), np.ones(3, np.float32)),
        observations=observations,
        actions=rng.uniform(-1, 1, (n, 3)).astype(np.float32),
        next_observations=np.roll(observations, -1, axis=0),
        true_rewards=rng.standard_normal(n, dtype=np.float32),
        terminals=np.zeros(n, bool),
        timeouts=np.arange(1, n + 1) % LENGTH == 0,
    )


def d3rlpy_buffer(data: Dataset) -> Any:
    """`data` as d3rlpy's own users hold it."""
    return import_d3rlpy().dataset.MDPDataset(
        observations=data.observations.copy(),
        actions=data.actions.copy(),
        rewards=data.true_rewards.copy(),
        terminals=data.terminals.astype(np.float32),
        timeouts=data.timeouts.astype(np.float32),
    )
