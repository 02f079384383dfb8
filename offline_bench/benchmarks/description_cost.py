"""What describing a dataset costs: seconds, and memory beside that of its arrays."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.provenance import read_peak_memory
from offline_bench.data.coverage import (
    cut_into_cells,
    episode_points,
    measure_coverage,
    measure_moments,
    states_of,
    view_states,
)
from offline_bench.data.dataset import CONTENT, ActionSpace, Dataset
from offline_bench.report.coverage.description import describe_json, describe_text
from offline_bench.report.coverage.picture import draw_coverage

Array = npt.NDArray[Any]

STEPS = 500  # of an episode, the last shorter; 11 observations and 3 actions are Hopper's


@dataclass(frozen=True)
class DescriptionCost:
    """Of one description, as text, JSON and PNG, in a process of its own that holds the arrays already.

    seconds, processor_seconds  by the clock, and of all threads together
    arrays  bytes of the dataset
    added   bytes by which the most that process ever held exceeds that of one which only holds the arrays, with the
            same libraries imported
    ratio   (arrays + added) / arrays
    """

    transitions: int
    seconds: float
    processor_seconds: float
    arrays: int
    added: int
    ratio: float


def measure_description(transitions: int = 1_000_000) -> DescriptionCost:
    """Describe a synthetic dataset of Hopper's size, its own reference for SACo; once, for it takes seconds."""
    _, _, idle = _in_a_process(transitions, False)
    seconds, processor, peak = _in_a_process(transitions, True)
    arrays = sum(getattr(synthetic_dataset(1_000), name).nbytes for name in CONTENT) * transitions // 1_000
    return DescriptionCost(transitions, seconds, processor, arrays, peak - idle, (arrays + peak - idle) / arrays)


def synthetic_dataset(transitions: int) -> Dataset:
    """Normal states of 11 numbers that follow from 5, about Hopper's effective dimension, and uniform actions."""
    rng = np.random.default_rng(0)
    ends = np.zeros(transitions, bool)
    ends[STEPS - 1 :: STEPS] = True
    ends[-1] = True
    terminals = ends & (rng.random(transitions, np.float32) < 0.5)
    # In place: what is held for a moment here would hide what the description adds.
    actions = rng.random((transitions, 3), np.float32)
    actions *= 2
    actions -= 1
    return Dataset(
        id="benchmark/description-v0",
        environment="",
        action_space=ActionSpace(-np.ones(3, np.float32), np.ones(3, np.float32)),
        observations=_draw_states(rng, transitions),
        actions=actions,
        next_observations=_draw_states(rng, transitions),
        true_rewards=rng.random(transitions, np.float32),
        terminals=terminals,
        timeouts=ends & ~terminals,
    )


def _draw_states(rng: np.random.Generator, n: int) -> Array:
    mixing = rng.standard_normal((5, 11), np.float32)
    states = np.empty((n, 11), np.float32)
    for start in range(0, n, STEPS):
        chunk = states[start : start + STEPS]
        chunk[:] = rng.standard_normal((len(chunk), 5), np.float32) @ mixing
        chunk += 0.05 * rng.standard_normal(chunk.shape, np.float32)
    return states


def _in_a_process(transitions: int, describe: bool) -> tuple[float, float, int]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_describe, transitions, describe).result()


def _describe(transitions: int, describe: bool) -> tuple[float, float, int]:
    """Seconds by the clock and of the processor, and the most bytes this process ever held."""
    _describe_once(synthetic_dataset(100))  # The libraries are imported by the first.
    data = synthetic_dataset(transitions)
    started, processor = time.perf_counter(), time.process_time()
    if describe:
        _describe_once(data)
    return time.perf_counter() - started, time.process_time() - processor, read_peak_memory()


def _describe_once(data: Dataset) -> None:
    moments = measure_moments(states_of(data))
    view = view_states(data, moments, None)
    coverage = measure_coverage(data, None, cut_into_cells(data), np.random.default_rng(0), moments)
    describe_text(coverage)
    describe_json(coverage)
    with tempfile.TemporaryDirectory() as folder:
        draw_coverage(Path(folder) / "figure.png", coverage, episode_points(data, None), view)
