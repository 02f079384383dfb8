"""Written D4RL files: the layout key by key, and the learner's rewards apart from the true ones."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.data.loaders import load_d4rl
from offline_bench.data.loaders.d4rl_writer import COLUMNS, write_d4rl


def small_data() -> Dataset:
    """Two episodes of Hopper's shapes, of 3 rows (terminal) and 4 (time-out), with rewards that are not the true."""
    random = np.random.default_rng(0)
    rows = np.arange(7)
    data = Dataset(
        "test/hopper",
        "Hopper-v5",
        ActionSpace(-np.ones(3, np.float32), np.ones(3, np.float32)),
        observations=random.normal(size=(7, 11)).astype(np.float32),
        actions=random.uniform(-1, 1, (7, 3)).astype(np.float32),
        next_observations=random.normal(size=(7, 11)).astype(np.float32),
        true_rewards=random.normal(size=7).astype(np.float32),
        terminals=rows == 2,
        timeouts=rows == 6,
    )
    return data.with_rewards(-data.true_rewards, "negate")


def test_the_layout_is_that_of_d4rl(tmp_path: Path) -> None:
    data = small_data()
    write_d4rl(data, tmp_path / "a.hdf5")
    with h5py.File(tmp_path / "a.hdf5") as file:
        assert set(file) == {*COLUMNS, "infos", "metadata"}
        for name in COLUMNS:
            assert np.array_equal(file[name][()], getattr(data, name)), name
        assert np.array_equal(file["infos/true_rewards"][()], data.true_rewards)
        assert file["metadata/relabeling"][()] == b"negate"
    assert [path.name for path in tmp_path.iterdir()] == ["a.hdf5"]


def test_what_was_written_loads_again(tmp_path: Path) -> None:
    data = small_data()
    write_d4rl(data, tmp_path / "a.hdf5")
    again = load_d4rl(tmp_path / "a.hdf5", "Hopper-v5", data.id)
    for name in (*COLUMNS, "true_rewards"):
        assert np.array_equal(getattr(again, name), getattr(data, name)), name
    assert (again.relabeling, again.curation) == ("negate", "full")
