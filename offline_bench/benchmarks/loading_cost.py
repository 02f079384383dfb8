"""What loading, relabeling and the look at content cost, against reading the same arrays with bare h5py."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from offline_bench.core.errors import OfflineBenchError
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.minari import read_minari
from offline_bench.data.seal import watch
from offline_bench.environments.name import find_spec

ARRAYS = ("observations", "actions", "rewards", "terminations", "truncations")
STEPS = 500  # of an episode; 11 observations and 3 actions are Hopper's


@dataclass(frozen=True)
class LoadingCost:
    """Medians over `repeats` alternating measurements in one process, in seconds of wall time.

    ratio  load_seconds / bare_seconds
    watch_seconds, watch_ratio  comparing all content before and after one call of a plug-in; that / load_seconds
    relabeling_shares_memory  whether a relabeled dataset has its observations in the very same memory
    """

    transitions: int
    repeats: int
    bare_seconds: float
    load_seconds: float
    ratio: float
    relabel_seconds: float
    relabeling_shares_memory: bool
    watch_seconds: float
    watch_ratio: float


def measure_loading(transitions: int = 1_000_000, repeats: int = 5) -> LoadingCost:
    """Build a Minari dataset of about `transitions` in a scratch folder, and time what is done with it."""
    episodes = max(transitions // STEPS, 1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_synthetic(folder, episodes)
        bare, load, relabel, watched = [], [], [], []
        for _ in range(repeats):
            bare.append(_time(lambda: _read_bare(folder, episodes))[0])
            seconds, data = _time(lambda: read_minari(folder, "benchmark/loading-v0"))
            load.append(seconds)
            seconds, other = _time(partial(data.with_rewards, np.zeros(data.n, np.float32), "zero"))
            relabel.append(seconds)
            watched.append(_time(partial(_watch_nothing, data))[0])
            shared = all(
                np.shares_memory(getattr(data, name), getattr(other, name))
                for name in ("observations", "next_observations")
            )
    return LoadingCost(
        transitions=data.n,
        repeats=repeats,
        bare_seconds=median(bare),
        load_seconds=median(load),
        ratio=median(load) / median(bare),
        relabel_seconds=median(relabel),
        relabeling_shares_memory=shared,
        watch_seconds=median(watched),
        watch_ratio=median(watched) / median(load),
    )


def _watch_nothing(data: Dataset) -> None:
    with watch(data, OfflineBenchError):
        pass


def _time(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _read_bare(folder: Path, episodes: int) -> list[Any]:
    import h5py

    with h5py.File(folder / "data" / "main_data.hdf5", "r") as file:
        return [file[f"episode_{number}/{name}"][()] for number in range(episodes) for name in ARRAYS]


def write_synthetic(folder: Path, episodes: int, environment: str = "") -> None:
    """Write `episodes` of random numbers as Minari 0.5 lays them out: float64, actions float32, all chunked.

    With an `environment`, the metadata names it; it must be one with Hopper's spaces for a policy to act in it.
    """
    import h5py

    rng = np.random.default_rng(0)
    (folder / "data").mkdir(parents=True)
    with h5py.File(folder / "data" / "main_data.hdf5", "w", track_order=True) as file:
        for number in range(episodes):
            arrays = (
                rng.standard_normal((STEPS + 1, 11)),
                rng.uniform(-1, 1, (STEPS, 3)).astype(np.float32),
                rng.standard_normal(STEPS),
                np.zeros(STEPS, np.bool_),
                np.arange(STEPS) == STEPS - 1,
            )
            for name, array in zip(ARRAYS, arrays, strict=True):
                shape = (None, *array.shape[1:])
                file.create_dataset(f"episode_{number}/{name}", data=array, chunks=True, maxshape=shape)
    metadata = {
        "total_episodes": episodes,
        "total_steps": episodes * STEPS,
        "data_format": "hdf5",
        "observation_space": json.dumps({"type": "Box", "dtype": "float64", "shape": [11], "low": 0, "high": 0}),
        "action_space": json.dumps({"type": "Box", "dtype": "float32", "shape": [3], "low": [-1] * 3, "high": [1] * 3}),
    }
    if environment:
        metadata["env_spec"] = find_spec(environment).to_json()
    (folder / "data" / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
