"""D4RL files: which transitions are known, where episodes end, and errors that name file, field and row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import numpy as np
import pytest

from offline_bench.core.errors import DatasetError, DatasetNotFoundError, EnvironmentMismatchError
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders import load, load_d4rl

CARDS = """
[tasks.hopper]
environment = "Hopper-v5"
random_return = 0
expert_return = 1
source = "a test"
[datasets."d4rl/hopper-v2"]
task = "hopper"
file = "d4rl/hopper.hdf5"
good_for = "tests"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project root with one card."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "cards.toml").write_text(CARDS)
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))
    yield tmp_path


# Three episodes, of 3 (terminal), 4 (time-out) and 2 rows (left open). Rows are recognized by their first number.
ENDS = {"terminals": [2], "timeouts": [6]}


def d4rl_arrays() -> dict[str, np.ndarray]:
    n = 9
    observations = np.zeros((n, 11))
    observations[:, 0] = np.arange(n)
    following = observations.copy()
    following[:, 0] += 1
    following[[2, 6, 8], 0] = [103, 107, 109]
    arrays = {"observations": observations, "actions": np.full((n, 3), 0.5, np.float32)}
    arrays |= {"rewards": np.arange(n) * 10.0, "next_observations": following}
    for name, rows in ENDS.items():
        arrays[name] = np.isin(np.arange(n), rows)
    return arrays


def write_d4rl(path: Path, *without: str, **changed: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, array in (d4rl_arrays() | changed).items():
            if name not in without:
                file[name] = array
        file["infos/qpos"] = np.zeros(3)
    return path


def read_d4rl(path: Path) -> Dataset:
    return load_d4rl(path, "Hopper-v5", "d4rl/hopper-v2")


def rows_of(data: Dataset) -> tuple[list[int], list[int], list[int], list[int]]:
    """First numbers of observations and next observations, and the rows of terminals and time-outs."""
    first = (data.observations[:, 0].astype(int).tolist(), data.next_observations[:, 0].astype(int).tolist())
    return *first, np.flatnonzero(data.terminals).tolist(), np.flatnonzero(data.timeouts).tolist()


def test_a_card_with_a_file_is_read_as_d4rl(home: Path) -> None:
    write_d4rl(home / "datasets" / "d4rl" / "hopper.hdf5")
    data = load("d4rl/hopper-v2")
    assert (data.id, data.environment) == ("d4rl/hopper-v2", "Hopper-v5")
    assert rows_of(data) == (list(range(9)), [1, 2, 103, 4, 5, 6, 107, 8, 109], [2], [6, 8])
    assert data.true_rewards.tolist() == [10 * i for i in range(9)]
    assert data.action_space.high.tolist() == [1, 1, 1]


def test_without_next_observations_a_timeouts_last_row_goes(tmp_path: Path) -> None:
    data = read_d4rl(write_d4rl(tmp_path / "x.hdf5", "next_observations"))
    # Row 6 timed out and row 8 was left open: what followed them is not in the file.
    assert rows_of(data) == ([0, 1, 2, 3, 4, 5, 7], [1, 2, 2, 4, 5, 6, 8], [2], [5, 6])
    assert data.true_rewards.tolist() == [0, 10, 20, 30, 40, 50, 70]


def test_without_next_observations_a_timeout_of_one_row_disappears(tmp_path: Path) -> None:
    timeouts = np.isin(np.arange(9), [3, 6])
    data = read_d4rl(write_d4rl(tmp_path / "x.hdf5", "next_observations", timeouts=timeouts))
    assert rows_of(data) == ([0, 1, 2, 4, 5, 7], [1, 2, 2, 5, 6, 8], [2], [4, 5])


def test_without_timeouts_a_jump_ends_an_episode(tmp_path: Path) -> None:
    data = read_d4rl(write_d4rl(tmp_path / "x.hdf5", "timeouts"))
    assert rows_of(data)[2:] == ([2], [6, 8])


@pytest.mark.parametrize(
    ("limit", "without", "timeouts"),
    [
        (3, ("timeouts",), [5, 8]),  # the terminal of row 2 falls on the limit
        (3, ("timeouts", "next_observations"), [4, 6]),
        (4, ("timeouts",), [6, 8]),  # counted from the start of the file it would be rows 3 and 7
        (4, ("timeouts", "next_observations"), [5, 6]),
    ],
)
def test_without_timeouts_the_time_limit_counts_from_the_last_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, without: tuple[str, ...], timeouts: list[int]
) -> None:
    monkeypatch.setattr(gymnasium.registry["Hopper-v5"], "max_episode_steps", limit)
    following = d4rl_arrays()["observations"] + np.eye(1, 11)
    data = read_d4rl(write_d4rl(tmp_path / "x.hdf5", *without, next_observations=following))
    assert rows_of(data)[2:] == ([2], timeouts)


def test_columns_of_width_one_and_numeric_flags_are_taken(tmp_path: Path) -> None:
    plain = d4rl_arrays()
    wide = {name: plain[name].astype(np.float64)[:, None] for name in ("rewards", "terminals", "timeouts")}
    data = read_d4rl(write_d4rl(tmp_path / "wide.hdf5", **wide))
    assert data.fingerprint == read_d4rl(write_d4rl(tmp_path / "plain.hdf5")).fingerprint


def nan_at(name: str, row: int) -> np.ndarray:
    array = d4rl_arrays()[name]
    array[row] = np.nan
    return array


@pytest.mark.parametrize(
    ("without", "changed", "complaint"),
    [
        (("rewards",), {}, "lacks rewards"),
        (("observations",), {}, "lacks observations"),
        ((), {"rewards": np.zeros(8)}, "rewards has 8 rows, but observations has 9"),
        ((), {"rewards": np.full(9, b"x")}, "rewards holds |S1, not numbers"),
        ((), {"rewards": np.zeros((9, 2))}, "rewards has shape (9, 2)"),
        ((), {"rewards": np.float64(3)}, "rewards has shape ()"),
        ((), {"terminals": np.full(9, 2)}, "terminals is 2.0 at row 0, neither 0 nor 1"),
        ((), {"rewards": nan_at("rewards", 7)}, "rewards has 1 values that are not finite, the first at row 7"),
        (
            (),
            {"observations": nan_at("observations", 4)},
            "observations has 11 values that are not finite, the first at row 4",
        ),
        ((), {"actions": np.full((9, 3), 2.0)}, "actions leave the box"),
        ((), {"actions": np.zeros((9, 2))}, "actions have shape"),
    ],
)
def test_a_d4rl_file_that_is_wrong_is_refused_by_file_and_field(
    tmp_path: Path, without: tuple[str, ...], changed: dict[str, Any], complaint: str
) -> None:
    path = write_d4rl(tmp_path / "x.hdf5", *without, **changed)
    with pytest.raises(DatasetError) as caught:
        read_d4rl(path)
    assert str(path) in str(caught.value)
    assert complaint in str(caught.value)


def test_a_d4rl_file_cut_anywhere_is_refused_by_name(tmp_path: Path) -> None:
    path = write_d4rl(tmp_path / "x.hdf5")
    whole = path.read_bytes()
    for size in [0, 5, *np.linspace(100, len(whole) - 1, 18, dtype=int)]:
        path.write_bytes(whole[:size])
        with pytest.raises(DatasetError, match=r"x\.hdf5 looks half-downloaded, truncated or corrupt"):
            read_d4rl(path)


def test_a_d4rl_file_that_is_not_there(home: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"there is no file .*hopper\.hdf5"):
        load("d4rl/hopper-v2")


@pytest.mark.parametrize(
    ("environment", "width", "complaint"),
    [
        ("Hoper-v5", 11, "did you mean Hopper-v5"),
        ("Walker2d-v5", 11, "observations has shape .* length 17"),
        ("Hopper-v5", 10, "next_observations has shape .* length 11"),
    ],
)
def test_another_environment_is_refused(tmp_path: Path, environment: str, width: int, complaint: str) -> None:
    path = write_d4rl(tmp_path / "x.hdf5", "timeouts", next_observations=np.zeros((9, width)))
    with pytest.raises(EnvironmentMismatchError, match=complaint):
        load_d4rl(path, environment, "d4rl/x")
