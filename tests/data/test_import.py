"""`datasets import`: a D4RL file becomes a Minari dataset of the same content, and nothing that was there changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import typer.testing

from offline_bench.cli import app
from offline_bench.core.errors import DatasetError, DatasetNotFoundError, StorageError
from offline_bench.data.loaders import load, load_d4rl
from offline_bench.data.loaders.intake import take_in

ID = "mine/hopper-v0"
ENVIRONMENT = "Pendulum-v1"
CARDS = """
[tasks.pendulum]
environment = "Pendulum-v1"
random_return = 0
expert_return = 50
source = "a test"
[datasets."mine/hopper-v0"]
task = "pendulum"
good_for = "tests"
[datasets."mine/file-v0"]
task = "pendulum"
good_for = "tests"
file = "file.hdf5"
[datasets."mine/built-v0"]
task = "pendulum"
good_for = "tests"
recipe = "pendulum"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty world: its own project root and home folder, and no Minari root but the cache."""
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path / "root"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    (tmp_path / "root" / "datasets").mkdir(parents=True)
    yield tmp_path


def arrays(n: int = 12, jump: bool = False) -> dict[str, Any]:
    """Three episodes: a terminal at row 3, a time-out at row 8, and one left open; rows follow each other inside."""
    rng = np.random.default_rng(0)
    following = rng.standard_normal((n, 3)).astype(np.float32)
    observations = np.concatenate([rng.standard_normal((1, 3)).astype(np.float32), following[:-1]])
    observations[[4, 9]] += 1.0
    if jump:
        following[5] -= 0.5
    found = {"observations": observations, "next_observations": following}
    found |= {"actions": rng.uniform(-2, 2, (n, 1)).astype(np.float32), "rewards": np.arange(n, dtype=np.float64) / 3}
    return found | {"terminals": np.arange(n) == 3, "timeouts": np.arange(n) == 8}


def write(path: Path, *without: str, **changed: Any) -> Path:
    jump = changed.pop("jump", False)
    with h5py.File(path, "w") as file:
        for name, array in (arrays(jump=jump) | changed).items():
            if name not in without:
                file[name] = array
    return path


def tree(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cache(home: Path) -> Path:
    return home / "root" / "datasets" / "cache"


@pytest.mark.parametrize(
    ("without", "changed"),
    [
        ((), {}),
        ((), {"jump": True}),
        (("next_observations",), {}),
        (("timeouts",), {}),
        (("timeouts",), {"jump": True}),
        (("timeouts", "next_observations"), {}),
        ((), {"next_observations": np.random.default_rng(9).standard_normal((12, 3))}),  # no row follows another
        ((), {"timeouts": np.arange(12) != 3}),  # all episodes but one have one step
    ],
)
def test_what_was_imported_has_the_files_fingerprint_and_episodes(
    home: Path, without: tuple[str, ...], changed: dict[str, Any]
) -> None:
    path = write(home / "x.hdf5", *without, **changed)
    there = load_d4rl(path, ENVIRONMENT, ID)
    take_in(path, ENVIRONMENT, ID)
    data = load(ID)
    assert data.fingerprint == there.fingerprint
    assert data.lengths.tolist() == there.lengths.tolist()
    assert data.environment == ENVIRONMENT


def test_only_episodes_with_rows_that_do_not_follow_each_other_keep_them_twice(home: Path) -> None:
    assert take_in(write(home / "x.hdf5"), ENVIRONMENT, ID).jumps == 0
    assert take_in(write(home / "y.hdf5", jump=True), ENVIRONMENT, "mine/jump-v0").jumps == 1
    with h5py.File(cache(home) / "mine" / "jump-v0" / "data" / "main_data.hdf5") as file:
        kept = [f"episode_{i}/infos/offline_bench/next_observations" in file for i in range(3)]
    assert kept == [False, True, False]


def test_minari_itself_reads_what_was_imported_and_combines_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import minari

    for name, jump in ((ID, True), ("mine/other-v0", False)):
        take_in(write(home / "x.hdf5", jump=jump), ENVIRONMENT, name)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(cache(home)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = [minari.load_dataset(name) for name in (ID, "mine/other-v0")]
        minari.combine_datasets(theirs, "both-v0")
    assert theirs[0].total_steps == 12
    parts = [load(ID), load("mine/other-v0")]
    both = load("both-v0")
    for name in ("observations", "next_observations", "true_rewards", "terminals", "timeouts"):
        np.testing.assert_array_equal(getattr(both, name), np.concatenate([getattr(part, name) for part in parts]))


def test_an_environment_may_be_named_with_its_arguments(home: Path) -> None:
    named = "Pendulum-v1(g=9.0, max_episode_steps=5)"
    take_in(write(home / "x.hdf5"), named, ID)
    assert load(ID).environment == named


@pytest.mark.parametrize(
    ("dataset_id", "said"),
    [
        ("offline-bench/hopper/mine-v0", "that this project builds"),
        ("mine/hopper", "is not an id for Minari"),
        ("mine/ho.pper-v0", "is not an id for Minari"),
        ("../hopper-v0", "is not a dataset id"),
        ("mine/file-v0", "its card says that it comes from the file file.hdf5"),
        ("mine/built-v0", "its card says that it comes from the recipe pendulum"),
        ("mine/there-v0", "is in .*nothing was overwritten"),
        ("mine/there-v0/inside-v0", "would lie inside the dataset mine/there-v0"),
    ],
)
def test_an_id_that_is_taken_or_none_is_refused_and_nothing_changes(home: Path, dataset_id: str, said: str) -> None:
    (home / "root" / "datasets" / "cards.toml").write_text(CARDS)
    path = write(home / "x.hdf5")
    take_in(path, ENVIRONMENT, "mine/there-v0")
    before = tree(home)
    with pytest.raises(DatasetError, match=said):
        take_in(path, ENVIRONMENT, dataset_id)
    assert tree(home) == before


def test_an_id_that_lies_in_another_root_is_refused(home: Path) -> None:
    path = write(home / "x.hdf5")
    take_in(path, ENVIRONMENT, ID)
    elsewhere = home / "home" / ".minari" / "datasets" / ID
    elsewhere.parent.mkdir(parents=True)
    shutil.move(cache(home) / ID, elsewhere)
    with pytest.raises(DatasetError, match=r"is in .*minari.* already"):
        take_in(path, ENVIRONMENT, ID)
    assert not (cache(home) / ID).exists()


@pytest.mark.parametrize("environment", [ENVIRONMENT, None])
def test_a_file_that_is_not_there_is_told_as_that(home: Path, environment: str | None) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"there is no file .*nowhere\.hdf5"):
        take_in(home / "nowhere.hdf5", environment, ID)


def test_a_writing_that_fails_half_way_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import minari

    def fill_the_disk(*args: Any, **kwargs: Any) -> None:
        root = Path(os.environ["MINARI_DATASETS_PATH"])
        (root / "half").mkdir()
        (root / "half" / "main_data.hdf5").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(minari, "create_dataset_from_buffers", fill_the_disk)
    with pytest.raises(StorageError, match=f"cannot write dataset {ID} .*No space left.*Nothing was left"):
        take_in(write(home / "x.hdf5"), ENVIRONMENT, ID)
    assert tree(cache(home)) == {}
    assert "MINARI_DATASETS_PATH" not in os.environ


def test_the_command_says_what_came_in(home: Path) -> None:
    (home / "root" / "datasets" / "cards.toml").write_text(CARDS)
    path = write(home / "x.hdf5", jump=True)
    arguments = ["datasets", "import", str(path), "--env", ENVIRONMENT, "--id", ID]
    shown = typer.testing.CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0
    # Row 11 was left open: it timed out. The rewards are 0, 1/3 .. 11/3, the mean return 22/3.
    fingerprint = load_d4rl(path, ENVIRONMENT, ID).fingerprint
    assert f"{ID}: 3 episodes, 12 transitions, mean return 7.3 (normalized 14.7), fingerprint {fingerprint}" in (
        shown.output
    )
    assert "In 1 episodes, some step's next observation differs" in shown.output


@pytest.mark.slow
def test_a_mistake_of_the_users_is_a_sentence_and_exit_code_2(home: Path) -> None:
    command = [sys.executable, "-m", "offline_bench.cli", "datasets", "import", str(home / "x.hdf5")]
    shown = subprocess.run(
        [*command, "--env", ENVIRONMENT, "--id", "offline-bench/x-v0"], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 2
    assert shown.stderr.startswith("error: 'offline-bench/x-v0': ids that begin with offline-bench/ belong")
    assert "Traceback" not in shown.stderr
