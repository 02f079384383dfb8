"""Exported data: the learner's rewards, the true ones beside, and no file that is not what it names."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

from offline_bench.core.errors import DatasetError
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders import load, load_d4rl
from offline_bench.data.loaders.intake import take_in
from offline_bench.data.loaders.minari import read_minari
from offline_bench.data.loaders.origin import hash_rewards
from offline_bench.schemes.export import export
from offline_bench.schemes.relabel import relabel
from tests.data.test_d4rl_writer import small_data
from tests.data.test_import import home  # noqa: F401

NAMES = {"d4rl": "a.hdf5", "minari": "hopper-negative-v0"}
CONTENT = ("observations", "actions", "next_observations", "rewards", "true_rewards", "terminals", "timeouts")


def read(layout: str, path: Path) -> Dataset:
    return load_d4rl(path, "Hopper-v5", "test/x") if layout == "d4rl" else read_minari(path, "test/x")


@pytest.mark.parametrize("layout", ["d4rl", "minari"])
def test_an_export_reads_as_what_was_exported(tmp_path: Path, layout: str) -> None:
    data, path = small_data(), tmp_path / NAMES[layout]
    export(data, 3, layout, path)
    again = read(layout, path)
    for name in CONTENT:
        assert np.array_equal(getattr(again, name), getattr(data, name)), name
    assert (again.relabeling, again.curation) == ("negate", "full")
    assert (again.fingerprint, hash_rewards(again)) == (data.fingerprint, hash_rewards(data))
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("layout", ["d4rl", "minari"])
def test_an_imported_export_keeps_its_rewards_apart(tmp_path: Path, layout: str) -> None:
    data, path = small_data(), tmp_path / NAMES[layout]
    export(data, 0, layout, path)
    take_in(path, "Hopper-v5", "mine/back-v0")
    again = load("mine/back-v0")
    assert again.fingerprint == data.fingerprint
    assert np.array_equal(again.rewards, data.rewards)
    assert np.array_equal(relabel(again, "original", 0).rewards, data.true_rewards)


def test_the_provenance_lies_inside(tmp_path: Path) -> None:
    data = small_data()
    export(data, 3, "d4rl", tmp_path / "a.hdf5")
    export(data, 3, "minari", tmp_path / "a-v0")
    told = json.loads((tmp_path / "a-v0" / "data" / "metadata.json").read_text())["offline_bench"]
    with h5py.File(tmp_path / "a.hdf5") as file:
        assert {name: text[()].decode() for name, text in file["metadata"].items()} == told
    assert (told["dataset"], told["seed"], told["fingerprint"]) == (data.id, "3", data.fingerprint)
    assert told["version"] != "unknown"


@pytest.mark.parametrize(("name", "print_"), [("rewards", "rewards_fingerprint"), ("observations", "fingerprint")])
@pytest.mark.parametrize("layout", ["d4rl", "minari"])
def test_a_changed_export_is_refused(tmp_path: Path, layout: str, name: str, print_: str) -> None:
    path = tmp_path / NAMES[layout]
    export(small_data(), 0, layout, path)
    main, key = (path, name) if layout == "d4rl" else (path / "data" / "main_data.hdf5", f"episode_0/{name}")
    with h5py.File(main, "a") as file:
        file[key][0] = 0.5
    with pytest.raises(DatasetError, match=rf"changed after it was exported: it names the {print_}"):
        read(layout, path)


def test_d3rlpy_reads_a_minari_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = small_data()
    export(data, 0, "minari", tmp_path / "a-v0")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import minari
        from d3rlpy.dataset import MDPDataset

        episodes = list(minari.load_dataset("a-v0").iterate_episodes())
        buffer = MDPDataset(
            np.concatenate([episode.observations[:-1] for episode in episodes]),
            *(np.concatenate([getattr(e, name) for e in episodes]) for name in ("actions", "rewards", "terminations")),
            np.concatenate([episode.truncations for episode in episodes]),
        )
    rewards = np.concatenate([episode.rewards[:, 0] for episode in buffer.episodes])
    assert np.array_equal(rewards, data.rewards)
    seen = np.concatenate([episode.observations for episode in buffer.episodes])
    assert np.array_equal(seen, data.observations)


@pytest.mark.parametrize("layout", ["d4rl", "minari"])
def test_nothing_is_written_over_unasked(tmp_path: Path, layout: str) -> None:
    data, path = small_data(), tmp_path / NAMES[layout]
    export(data, 0, layout, path)
    with pytest.raises(DatasetError, match="is there already"):
        export(data, 0, layout, path)
    export(data.with_rewards(data.true_rewards, "original"), 0, layout, path, force=True)
    assert read(layout, path).relabeling == "original"


def test_force_spares_what_is_no_export(tmp_path: Path) -> None:
    (tmp_path / "a-v0").mkdir()
    (tmp_path / "a-v0" / "thesis.tex").touch()
    with pytest.raises(DatasetError, match="holds no Minari dataset"):
        export(small_data(), 0, "minari", tmp_path / "a-v0", force=True)
    assert (tmp_path / "a-v0" / "thesis.tex").exists()


@pytest.mark.parametrize(("layout", "name"), [("d4rl", "a-v0"), ("minari", "a.hdf5"), ("csv", "a.csv")])
def test_a_path_of_another_kind_is_refused(tmp_path: Path, layout: str, name: str) -> None:
    with pytest.raises(DatasetError, match=r"Give such a name|choose minari or d4rl"):
        export(small_data(), 0, layout, tmp_path / name)
    assert not list(tmp_path.iterdir())
