"""Exported sets: what was taken away comes back the same, other readers read it, and nothing is written over."""

from __future__ import annotations

import json
from pathlib import Path

import d3rlpy
import h5py
import minari
import numpy as np
import pytest
from typer.testing import CliRunner

import offline_bench as ob
from offline_bench.cli import app
from offline_bench.core.errors import DatasetError, OfflineBenchError
from offline_bench.data.dataset import CONTENT, hash_rewards
from offline_bench.data.loaders import load_d4rl
from offline_bench.data.loaders.export import export
from offline_bench.data.loaders.minari import read_minari
from tests.data.test_d4rl_writer import small_data


def read_again(to: str, path: Path) -> ob.Dataset:
    return load_d4rl(path, "Hopper-v5", "test/again") if to == "d4rl" else read_minari(path, "test/again")


@pytest.fixture(params=["d4rl", "minari"])
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    path = tmp_path / ("a.hdf5" if request.param == "d4rl" else "mine-v0")
    export(small_data(), request.param, path, {"seed": "3", "version": "1"})
    return request.param, path


def test_what_is_exported_loads_again_with_the_same_fingerprint_and_both_rewards(exported: tuple[str, Path]) -> None:
    data, again = small_data(), read_again(*exported)
    assert again.fingerprint == data.fingerprint
    for name in (*CONTENT, "rewards"):
        assert np.array_equal(getattr(again, name), getattr(data, name)), name
    assert not np.array_equal(again.rewards, again.true_rewards)
    assert (again.relabeling, again.curation) == (data.relabeling, data.curation)
    assert np.array_equal(ob.relabel(again, "original").rewards, data.true_rewards), "a relabeling starts from the true"
    assert [path.name for path in exported[1].parent.iterdir()] == [exported[1].name]


def test_one_whose_content_was_changed_afterwards_is_refused(exported: tuple[str, Path]) -> None:
    to, path = exported
    file, name = (path, "actions") if to == "d4rl" else (path / "data" / "main_data.hdf5", "episode_0/actions")
    with h5py.File(file, "r+") as stored:
        stored[name][0] = 0.0
    with pytest.raises(DatasetError, match="it names the fingerprint"):
        read_again(to, path)


def test_one_whose_rewards_were_changed_afterwards_is_refused(exported: tuple[str, Path]) -> None:
    to, path = exported
    file, name = (path, "rewards") if to == "d4rl" else (path / "data" / "main_data.hdf5", "episode_0/rewards")
    with h5py.File(file, "r+") as stored:
        stored[name][0] = 0.5
    with pytest.raises(DatasetError, match="it names the rewards_fingerprint"):
        read_again(to, path)


def test_it_says_what_it_is(exported: tuple[str, Path]) -> None:
    to, path = exported
    if to == "d4rl":
        with h5py.File(path) as file:
            told = {name: file["metadata"][name][()].decode() for name in file["metadata"]}
    else:
        told = json.loads((path / "data" / "metadata.json").read_text())["offline_bench"]
    assert told == {
        "dataset": "test/hopper",
        "environment": "Hopper-v5",
        "curation": "full",
        "relabeling": "negate",
        "fingerprint": small_data().fingerprint,
        "rewards_fingerprint": hash_rewards(small_data()),
        "seed": "3",
        "version": "1",
    }


def test_readers_of_minari_and_d3rlpy_see_the_relabeled_rewards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = small_data()
    export(data, "minari", tmp_path / "mine-v0", {})
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    first, second = minari.load_dataset("mine-v0").iterate_episodes()
    assert np.array_equal(np.concatenate([first.rewards, second.rewards]), data.rewards)
    assert np.array_equal(first.infos["offline_bench"]["true_rewards"], data.true_rewards[:3])
    read, environment = d3rlpy.datasets.get_minari("mine-v0")
    environment.close()
    assert np.array_equal(np.concatenate([one.rewards[:, 0] for one in read.episodes]), data.rewards)
    assert [one.terminated for one in read.episodes] == [True, False]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x.hdf5", "--to", "csv"], "choose minari or d4rl"),
        (["folder", "--to", "d4rl"], "is a folder"),
        (["there.hdf5", "--to", "d4rl"], "--force"),
        (["plain", "--to", "minari"], "ends in a version"),
        (["folder-v0", "--to", "minari"], "is not a Minari dataset"),
        (["x.hdf5", "--to", "d4rl", "--relabeling", "negativ"], "negative"),
        (["x.hdf5", "--to", "d4rl", "--curation", "truncate(step=3)"], "steps"),
        (["x.hdf5", "--to", "d4rl"], "no/such-v0"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_read(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder-v0").mkdir()
    (tmp_path / "there.hdf5").write_text("kept")
    call = ["datasets", "export", "no/such-v0", str(tmp_path / arguments[0]), *arguments[1:]]
    error = CliRunner().invoke(app, call).exception
    assert isinstance(error, OfflineBenchError)
    assert said in str(error)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "folder-v0", "there.hdf5"]
    assert (tmp_path / "there.hdf5").read_text() == "kept"


@pytest.mark.parametrize(("to", "name"), [("minari", "there/mine-v0"), ("d4rl", "there/mine.hdf5")])
def test_a_path_from_the_current_folder_is_one(
    to: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    export(small_data(), to, Path(name), {})
    assert read_again(to, tmp_path / name).fingerprint == small_data().fingerprint
    assert [path.name for path in Path("there").iterdir()] == [Path(name).name]


def test_a_set_is_replaced_whole(tmp_path: Path) -> None:
    data = small_data()
    export(data, "minari", tmp_path / "mine-v0", {})
    export(data.with_rewards(2.0 * data.true_rewards, "double"), "minari", tmp_path / "mine-v0", {})
    assert read_again("minari", tmp_path / "mine-v0").relabeling == "double"
    assert [path.name for path in tmp_path.iterdir()] == ["mine-v0"]


def test_a_set_that_cannot_be_replaced_is_still_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, target = small_data(), tmp_path / "mine-v0"
    export(data, "minari", target, {})
    rename = Path.rename

    def fail(path: Path, to: Path) -> Path:
        if to == target and path.name == target.name:
            raise OSError("the disk is gone")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OfflineBenchError, match="the disk is gone"):
        export(data.with_rewards(2.0 * data.true_rewards, "double"), "minari", target, {})
    assert read_again("minari", target).relabeling == "negate"
    assert [path.name for path in tmp_path.iterdir()] == ["mine-v0"]


def test_a_seed_given_to_curate_is_one_written_into_its_text() -> None:
    data = small_data()
    assert ob.curate(data, "fraction(p=0.5)", seed=3).curation == "fraction(p=0.5, seed=3)"
    assert ob.curate(data, "fraction(p=0.5, seed=2)", seed=3).curation == "fraction(p=0.5, seed=2)"
    assert ob.curate(data, "truncate(steps=2)", seed=3).curation == "truncate(steps=2)", "it draws nothing"
    assert ob.curate(data, "fraction(p=0.5)").curation == "fraction(p=0.5)"
    assert np.array_equal(ob.relabel(data, "random").rewards, ob.relabel(data, "random", seed=0).rewards)
