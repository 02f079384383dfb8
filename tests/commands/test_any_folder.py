"""Any folder of records can be shown: without a suite, beside one, and where a suite file by path wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest

from offline_bench.commands.board import print_leaderboard
from offline_bench.commands.records import choose_suite, local_folder
from offline_bench.commands.relabelings import describe_suite
from offline_bench.commands.show import show_status
from offline_bench.commands.tables import publish_results, write_report
from offline_bench.commands.walk import walk_suite
from offline_bench.core import paths
from offline_bench.core.errors import OfflineBenchError, RecordError, SuiteError
from offline_bench.runs.record import CurvePoint, Record, Run
from offline_bench.runs.store import pack_records, save_record

CARDS = """
[tasks.toy]
environment = "Toy-v0"
random_return = 0.0
expert_return = 100.0
source = "made up"
[datasets."toy/one"]
task = "toy"
good_for = "tests"
"""
SUITE = """
title = "Two seeds of cloning"
[[grids]]
datasets = ["toy/one"]
algorithms = ["bc"]
relabelings = ["zero"]
seeds = [0, 1]
steps = 100
episodes = 2
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with one card and no suite, of a package that brings none."""
    home = tmp_path / "home"
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "cards.toml").write_text(CARDS)
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(home))
    monkeypatch.setattr(paths, "CHECKOUT", tmp_path / "package")
    return home


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "mine" / "suite.toml"
    path.parent.mkdir()
    path.write_text(SUITE)
    return path


def record(seed: int, algorithm: str = "bc", value: float = 50.0) -> Record:
    run = Run("toy/one", "full", "zero", algorithm, seed, 100, 2)
    data = {"transitions": 10.0, "episodes": 2.0, "mean_return": 30.0, "mean_length": 5.0, "best_return": 40.0}
    curve = [CurvePoint(step, [value, value], {}) for step in (50, 100)]
    return Record(run, "ok", returns=[value, value], lengths=[5, 5], curve=curve, data=data)


def fill(folder: Path, *records: Record) -> Path:
    for one in records:
        save_record(folder, one)
    return folder


def test_a_folder_alone_shows_all_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = fill(tmp_path / "found", record(0), record(1), record(0, "algorithm-of-a-plug-in(p=1)", 70.0))
    print_leaderboard(None, folder)
    told = capsys.readouterr().out
    assert "| bc " in told
    assert "| algorithm-of-a-plug-in" in told
    assert "2/2" in told
    show_status(None, folder)
    assert f"{folder}: 3 ok, 0 of 3 to do" in capsys.readouterr().out
    write_report(None, folder)
    page = (folder / "README.md").read_text()
    assert "All that is in found" in page
    assert "make reproduce" not in page + (folder / "report.html").read_text()  # nobody knows a suite of it


def test_a_packed_folder_alone_is_shown_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "packed").mkdir()
    pack_records(tmp_path / "packed", [record(0)])
    print_leaderboard(None, tmp_path / "packed")
    assert "1/1" in capsys.readouterr().out


def test_a_folder_with_a_suite_file_shows_what_is_missing_and_what_is_beside_it(
    suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(suite.parent, record(0), record(0, "iql"))
    print_leaderboard(None, suite.parent)
    told = capsys.readouterr().out
    assert "1/2" in told
    assert "| iql" in told


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_without_records_says_so(tmp_path: Path, there: bool, capsys: pytest.CaptureFixture[str]) -> None:
    if there:
        fill(tmp_path / "x", record(0))
        next((tmp_path / "x" / "records").rglob("*.json")).write_text("{")
    for show in (print_leaderboard, write_report, show_status):
        with pytest.raises(RecordError, match="has no record to show: a results folder has records/ or"):
            show(None, tmp_path / "x")
    assert capsys.readouterr().err.count("left out: ") == (3 if there else 0)


def test_with_a_suite_the_records_of_none_of_its_runs_are_counted(
    tmp_path: Path, suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fill(tmp_path / "found", record(0), record(0, "iql"), record(1, "iql"))
    show_status(str(suite), folder)
    assert "2 more records, which belong to no run of mine" in capsys.readouterr().out
    for show in (print_leaderboard, write_report):
        show(str(suite), folder)
        assert f"2 records in {folder} belong to no run of mine" in capsys.readouterr().err
    fill(tmp_path / "only", record(0))
    print_leaderboard(str(suite), tmp_path / "only")
    assert "none of the runs" not in capsys.readouterr().err


def test_a_suite_file_by_path_is_shown_where_reproduce_wrote_it_until_its_own_folder_has_records(
    suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = str(suite)
    assert choose_suite(name, None)[1] == suite.parent
    local = fill(local_folder("mine"), record(0))
    assert choose_suite(name, None)[1] == local
    assert f"mine has no committed results: this shows the records in {local}" in capsys.readouterr().err
    write_report(name, None)
    assert (local / "report.html").exists()
    assert not (suite.parent / "report.html").exists()
    show_status(name, None)
    assert f"{local}: 1 ok, 1 of 2 to do" in capsys.readouterr().out
    fill(suite.parent, record(1))
    assert choose_suite(name, None)[1] == suite.parent


def test_nothing_is_written_into_an_installed_package(
    home: Path, suite: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    carried = suite.parent.parent / "package" / "results" / "mine"
    carried.mkdir(parents=True)
    (carried / "suite.toml").write_text(SUITE)
    pack_records(carried, [record(0)])
    before = sorted(carried.iterdir())
    commands = (lambda: publish_results("mine", None), lambda: walk_suite("mine"), lambda: describe_suite("mine"))
    for command in commands:
        with pytest.raises(SuiteError, match=r"writes beside the suite file.*a suite file of your own"):
            command()
    write_report("mine", None)
    assert sorted(carried.iterdir()) == before
    assert "1/2" in (home / "results" / "mine" / "README.md").read_text()
    # An older copy there gives way to the records of a newer package.
    pack_records(carried, [record(0), record(1)])
    write_report("mine", None)
    assert "2/2" in (home / "results" / "mine" / "README.md").read_text()
    # A suite of one's own is written beside.
    with pytest.raises(OfflineBenchError, match="only a finished suite is published"):
        publish_results(str(suite), None)
