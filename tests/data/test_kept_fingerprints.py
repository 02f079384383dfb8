"""Fingerprints kept in the cache: trusted only while the files of a set are what they were."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offline_bench.core.errors import DatasetNotFoundError
from offline_bench.data.action_range import find_action_range
from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.data.extent import Extent
from offline_bench.data.loaders import fingerprints
from offline_bench.data.loaders.fingerprints import find_extent, find_fingerprint, load_and_keep
from offline_bench.schemes.checks import sample_dataset

ID = "mine/set-v0"


def loaded(text: str) -> Dataset:
    """What `load` is taken to give: its fingerprint is the text of the file."""
    data = sample_dataset([3, 5], [True, False])
    vars(data)["fingerprint"] = text
    return data


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    monkeypatch.setattr(fingerprints, "TICK", -(10**18))  # no wait for a clock to tick
    path = tmp_path / "datasets" / "cache" / ID / "data" / "main_data.hdf5"
    path.parent.mkdir(parents=True)
    path.write_text("one")
    return path


@pytest.fixture
def loads(file: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of sets that were read."""
    seen: list[str] = []

    def load(dataset_id: str) -> Dataset:
        seen.append(dataset_id)
        return loaded(file.read_text())

    monkeypatch.setattr(fingerprints, "load", load)
    return seen


def test_a_set_is_read_once(loads: list[str]) -> None:
    assert [find_fingerprint(ID) for _ in range(3)] == ["one"] * 3
    assert loads == [ID]


def test_a_file_of_the_same_size_and_time_with_other_content_is_read_again(file: Path, loads: list[str]) -> None:
    find_fingerprint(ID)
    before = file.stat()
    other = file.with_name("other")
    other.write_text("two")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert find_fingerprint(ID) == "two"
    assert len(loads) == 2


def test_another_file_of_the_set_and_other_code_count(
    file: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find_fingerprint(ID)
    (file.parent / "metadata.json").write_text("{}")
    find_fingerprint(ID)
    monkeypatch.setattr(fingerprints, "_hash_code", lambda: "new")
    find_fingerprint(ID)
    assert len(loads) == 3


def test_a_file_written_just_now_is_not_kept(loads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "TICK", 10**18)
    find_fingerprint(ID)
    find_fingerprint(ID)
    assert len(loads) == 2


def test_a_set_that_was_read_for_its_numbers_is_not_read_for_its_extent(loads: list[str]) -> None:
    data = load_and_keep(ID)
    assert find_extent(ID) == Extent.of(data)
    assert find_fingerprint(ID) == "one"
    assert loads == [ID]


def test_what_is_kept_from_before_there_were_extents_is_read_again(file: Path, loads: list[str]) -> None:
    find_fingerprint(ID)
    kept = file.parents[3] / "fingerprints.json"
    content = json.loads(kept.read_text())
    for broken in (
        None,
        [],
        {"n": 3},
        {**content[ID]["extent"], "n": 3, "odd": 1},
        {**content[ID]["extent"], "low": 7},
    ):
        kept.write_text(json.dumps({ID: {**content[ID], "extent": broken}}))
        assert find_extent(ID) == Extent.of(loaded("one"))
    assert len(loads) == 6


@pytest.mark.parametrize("space", ["box", "open", "discrete"])
def test_a_stand_in_has_the_shapes_and_the_bounds_of_its_data(space: str) -> None:
    data = sample_dataset([3, 5], [True, False])
    size = data.actions.shape[1]
    if space == "open":
        bound = np.full(size, np.inf, np.float32)
        data = replace(data, action_space=ActionSpace(-bound, bound))
    if space == "discrete":
        empty = np.empty(0, np.float32)
        data = replace(data, action_space=ActionSpace(empty, empty, 4), actions=np.zeros(data.n, np.int64))
    kept = Extent.from_dict(json.loads(json.dumps(Extent.of(data).to_dict())))
    small = kept.stand_in()
    assert kept == Extent.of(data)
    assert (kept.n, kept.longest) == (data.n, data.lengths.max())
    assert small.observations.shape[1:] == data.observations.shape[1:]
    assert (small.id, small.environment, small.action_space.n) == (data.id, data.environment, data.action_space.n)
    if space != "discrete":
        there, here = find_action_range(data), find_action_range(small)
        for name in ("low", "high", "from_data"):
            assert np.array_equal(getattr(here, name), getattr(there, name))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"mine/set-v0": 3}', '{"mine/set-v0": {"state": null}}'])
def test_what_is_kept_may_be_broken(file: Path, loads: list[str], text: str) -> None:
    kept = file.parents[3] / "fingerprints.json"
    kept.write_text(text)
    assert find_fingerprint(ID) == find_fingerprint(ID) == "one"
    assert len(loads) == 1
    assert json.loads(kept.read_text())[ID]["fingerprint"] == "one"


def test_a_set_that_is_not_here_is_told(file: Path) -> None:
    with pytest.raises(DatasetNotFoundError):
        find_fingerprint("offline-bench/none-v0")
