"""Results that come from elsewhere and go elsewhere: a CSV file, two folders made one, and the Hub."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from typer.testing import CliRunner

from offline_bench.cli import app
from offline_bench.core.errors import OfflineBenchError, RecordError, StorageError
from offline_bench.runs.hub import pull_records, push_records
from offline_bench.runs.imported import read_results
from offline_bench.runs.merged import merge_records
from offline_bench.runs.record import Record, Run
from offline_bench.runs.store import pack_records, read_records, save_record

MEDIUM = "offline-bench/hopper/medium-v0"
HEADER = "dataset,relabeling,curation,algorithm,seed,steps,return_1,return_2"
ROW = f"{MEDIUM},negative,full,my iql,0,1000,1.5,2.5"


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def call(*arguments: str | Path) -> str:
    shown = CliRunner().invoke(app, list(map(str, arguments)))
    if shown.exception and not isinstance(shown.exception, SystemExit):
        raise shown.exception
    return shown.output


def record(seed: int, value: float, **changes: object) -> Record:
    run = Run(MEDIUM, "full", "zero", "bc", seed, 100, 1)
    return replace(
        Record(run, "ok", returns=[value], lengths=[9], fingerprints={"policy": "a", "dataset": "b"}), **changes
    )


def test_imported_runs_are_external_in_every_table_and_stay_apart_from_runs_made_here(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    save_record(folder, Record(Run(MEDIUM, "full", "negative", "iql", 0, 1000, 2), "ok", returns=[9.0, 9.0]))
    path = write(tmp_path, HEADER, ROW, ROW.replace("negative", "random(high=1.0)").replace(",0,", ",1,"), "")
    call("results", "import", path, "--results", folder)
    found = {one.run: one for one in read_records(folder).records}
    assert len(found) == 3
    imported = [one for one in found.values() if one.provenance.get("trainer") == "external"]
    assert [one.run.algorithm for one in imported] == ["external(of='my iql')"] * 2
    assert {one.run.relabeling for one in imported} == {"negative", "random"}, "texts are canonical"
    assert imported[0].returns == [1.5, 2.5]
    assert "external(of='my iql')" in call("leaderboard", "--results", folder)
    call("report", "--results", folder)
    assert "external(of='my iql')" in (folder / "README.md").read_text(encoding="utf-8")
    call("results", "import", path, "--results", folder)
    with pytest.raises(RecordError, match="has other returns of"):
        call("results", "import", write(tmp_path, HEADER, ROW.replace("2.5", "3")), "--results", folder)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([HEADER, ROW, ROW.replace("2.5", "nan").replace(",0,", ",1,")], "row 3 column return_2: 'nan'"),
        ([HEADER, ROW.replace("2.5", "")], "row 2 column return_2: ''"),
        ([HEADER, ROW.replace("negative", "negativ")], "row 2 column relabeling"),
        ([HEADER, ROW.replace("full", "truncate")], "row 2 column curation"),
        ([HEADER, ROW.replace(MEDIUM, "../x")], "row 2 column dataset"),
        ([HEADER, ROW.replace(",0,", ",-1,")], "row 2 column seed"),
        ([HEADER, ROW.replace("1000", "1e3")], "row 2 column steps"),
        ([HEADER, ROW.replace("my iql", " ")], "row 2 column algorithm"),
        ([HEADER, ROW, ROW], "row 3 is of the same run as row 2"),
        ([HEADER, ROW + ",4"], "row 2 has 9 fields, but the header has 8"),
        ([HEADER.replace("steps", "step"), ROW], "lacks steps"),
        ([HEADER.replace("return_1,", "length,"), ROW], "has unknown length"),
        ([HEADER.replace("return_2", "return_std"), ROW], "returns in return_1, return_std"),
        ([HEADER.replace("return_1,return_2", "return_2,return_1"), ROW], "returns in return_2, return_1"),
        ([HEADER, ROW.replace("2.5", "2_5")], "row 2 column return_2: '2_5'"),
        ([HEADER], "no row below its header"),
        ([], "lacks dataset"),
        ([HEADER, ROW.replace("2.5", '"2.5')], "cannot be read as a CSV"),
    ],
)
def test_a_wrong_row_imports_nothing_and_is_named(lines: list[str], said: str, tmp_path: Path) -> None:
    path = write(tmp_path, *lines)
    with pytest.raises(RecordError) as error:
        call("results", "import", path, "--results", tmp_path / "results")
    assert said in str(error.value)
    assert not (tmp_path / "results").exists()
    with pytest.raises(RecordError, match="cannot be read"):
        read_results(tmp_path / "none.csv")


def test_merging_compares_the_runs_that_both_have_and_writes_nothing_where_they_differ(tmp_path: Path) -> None:
    first, second, both = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    for seed in (0, 1):
        save_record(first, record(seed, 5.0, provenance={"seconds": 1.0}))
    pack_records(second, [record(seed, 5.0, provenance={"seconds": 2.0}) for seed in (1, 2)])
    assert "Both folders have 1 of them, and agree on 1" in call("results", "merge", first, second, "-o", both)
    assert [one.run.seed for one in read_records(both).records] == [0, 1, 2]
    with pytest.raises(OfflineBenchError, match="has records already"):
        call("results", "merge", first, second, "-o", both)
    for changes, said in (
        ({"returns": [7.0]}, "mean return 5.00 and 7.00"),
        ({"status": "failed", "returns": []}, "ok and failed"),
        ({"fingerprints": {"policy": "z", "dataset": "b"}}, "other policies: a and z"),
        ({"fingerprints": {"policy": "a", "dataset": "z"}}, "other data: b and z"),
    ):
        pack_records(second, [record(1, 5.0, **changes)])
        with pytest.raises(RecordError, match=said):
            merge_records(first, second)
        for prefer, kept in (("first", record(1, 5.0)), ("second", record(1, 5.0, **changes))):
            merged = merge_records(first, second, prefer)
            assert len(merged.differences) == 1
            assert merged.records[1].returns == kept.returns
            assert merged.records[1].fingerprints == kept.fingerprints
    (first / "records" / "broken.json").write_text("{")
    with pytest.raises(RecordError, match="cannot be read"):
        merge_records(first, second)
    with pytest.raises(OfflineBenchError, match="--prefer is first or second"):
        call("results", "merge", first, second, "-o", tmp_path / "d", "--prefer", "third")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the Hub: a file a repository. Nothing here reaches the real one."""
    place = tmp_path / "hub"

    def create_repo(repo_id: str, **about: object) -> None:
        assert about == {"repo_type": "dataset", "private": True, "exist_ok": True}
        (place / repo_id).mkdir(parents=True, exist_ok=True)

    def upload_file(path_or_fileobj: Path, path_in_repo: str, repo_id: str, **about: object) -> SimpleNamespace:
        (place / repo_id / path_in_repo).write_bytes(path_or_fileobj.read_bytes())
        return SimpleNamespace(commit_url=f"https://hub/{repo_id}/1")

    def download(repo_id: str, filename: str, **about: object) -> str:
        if not (place / repo_id / filename).exists():
            raise FileNotFoundError("404: there is no such file\nmore")
        return str(place / repo_id / filename)

    api = SimpleNamespace(create_repo=create_repo, upload_file=upload_file)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return place


def test_what_is_pushed_is_pulled_again(hub: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        save_record(tmp_path / "a", record(seed, 5.0))
    assert "https://hub/me/mine/1" in call("results", "push", tmp_path / "a", "me/mine")
    assert "2 runs of me/mine" in call("results", "pull", "me/mine", tmp_path / "b")
    assert read_records(tmp_path / "a").records == read_records(tmp_path / "b").records
    with pytest.raises(StorageError, match="exists already"):
        pull_records("me/mine", tmp_path / "b")
    assert pull_records("me/mine", tmp_path / "b", force=True) == 2


def test_what_the_hub_lacks_or_has_wrong_replaces_nothing(hub: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"404: there is no such file$"):
        pull_records("me/none", tmp_path / "b")
    (hub / "me" / "odd").mkdir(parents=True)
    (hub / "me" / "odd" / "records.parquet").write_text("not a table")
    pack_records(tmp_path / "b", [record(0, 5.0)])
    with pytest.raises(StorageError, match="was not taken over"):
        pull_records("me/odd", tmp_path / "b", force=True)
    assert len(read_records(tmp_path / "b").records) == 1
    with pytest.raises(StorageError, match="it has no record"):
        push_records(tmp_path / "empty", "me/mine")


def test_without_the_extra_the_hub_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(OfflineBenchError, match=r"offline-bench\[hub\]"):
        pull_records("me/mine", tmp_path)
