"""Results from elsewhere: a wrong row imports nothing, differences are named, the Hub is a stand-in."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer.testing

from offline_bench.cli import app
from offline_bench.core.errors import MissingExtraError, RecordError
from offline_bench.runs.external import read_external
from offline_bench.runs.hub import pull_packed, push_packed
from offline_bench.runs.merge import merge_records
from offline_bench.runs.store import pack_records, read_records

HEAD = "dataset,relabeling,curation,algorithm,seed,steps,return_0,return_1"
HOPPER = "offline-bench/hopper/medium-v1"
GOOD = f"{HOPPER},negative,full,theirs,0,1000,1100.5,1200"


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join([HEAD, *rows, ""]))
    return path


def test_a_row_is_an_external_run(tmp_path: Path) -> None:
    (record,) = read_external(write(tmp_path / "a.csv", GOOD))
    assert record.run.algorithm == "external(name='theirs')"
    assert (record.run.episodes, record.returns) == (2, [1100.5, 1200.0])


def test_the_leaderboard_marks_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", GOOD)
    result = typer.testing.CliRunner().invoke(app, ["results", "import", str(path), "--results", str(tmp_path / "r")])
    assert result.exit_code == 0, result.output
    assert "external(name='theirs')" in result.output
    assert len(read_records(tmp_path / "r").records) == 1


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (GOOD, "dataset"),
        (GOOD.replace("1200", "nan"), "return_1"),
        (GOOD.replace("1100.5", ""), "return_0"),
        (GOOD.replace("1100.5,1200", ","), "return_0"),
        (GOOD.replace("hopper", "hoper"), "dataset"),
        (GOOD.replace("negative", "negativ"), "relabeling"),
        (GOOD.replace("full", "full(p=1)"), "curation"),
        (GOOD.replace("theirs", ""), "algorithm"),
        (GOOD.replace(",0,", ",-1,"), "seed"),
        (GOOD.replace("1000", "1e3"), "steps"),
        (GOOD + ",7", "return_1"),
    ],
)
def test_a_wrong_row_imports_nothing(tmp_path: Path, row: str, column: str) -> None:
    with pytest.raises(RecordError, match=rf"row 3, column {column}: (?s:.*)Nothing was imported"):
        read_external(write(tmp_path / "a.csv", GOOD, row))


def test_a_merge_names_what_differs(tmp_path: Path) -> None:
    records = read_external(write(tmp_path / "a.csv", GOOD, GOOD.replace(",0,", ",1,")))
    other = replace(records[0], returns=[1.0, 2.0])
    assert merge_records(records, records[:1]) == records
    with pytest.raises(RecordError, match="seed 0: returns"):
        merge_records(records, [other])
    assert merge_records(records, [other], "first") == records
    assert merge_records(records, [other], "second") == [other, records[1]]


def test_the_hub_takes_and_gives_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def upload_file(path_or_fileobj: Path, path_in_repo: str, repo_id: str, repo_type: str) -> None:
        assert repo_type == "dataset"
        shutil.copy(path_or_fileobj, tmp_path / f"{repo_id.replace('/', '-')}-{path_in_repo}")

    def hf_hub_download(repo_id: str, name: str, repo_type: str) -> str:
        return str(tmp_path / f"{repo_id.replace('/', '-')}-{name}")

    client = SimpleNamespace(create_repo=lambda *_, **__: None, upload_file=upload_file)
    fake: Any = SimpleNamespace(HfApi=lambda: client, hf_hub_download=hf_hub_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    records = read_external(write(tmp_path / "a.csv", GOOD))
    pack_records(tmp_path / "up", records)
    push_packed(tmp_path / "up", "me/mine")
    pull_packed("me/mine", tmp_path / "down")
    assert read_records(tmp_path / "down").records == records
    with pytest.raises(RecordError, match="there already"):
        pull_packed("me/mine", tmp_path / "down")


def test_without_the_extra_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"offline-bench\[hub\]"):
        pull_packed("me/mine", tmp_path)
