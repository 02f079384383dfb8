"""Fingerprints kept in the cache: trusted only while the files of a set are what they were."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from offline_bench.core.errors import DatasetNotFoundError
from offline_bench.data.loaders import fingerprints
from offline_bench.data.loaders.fingerprints import find_fingerprint

ID = "mine/set-v0"


class Loaded:
    """What `load` is taken to give: its content is that of the file."""

    def __init__(self, text: str) -> None:
        self.fingerprint = text


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

    def load(dataset_id: str) -> Loaded:
        seen.append(dataset_id)
        return Loaded(file.read_text())

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
