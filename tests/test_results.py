"""The committed results: the tables are what the records make, and behavior cloning was blind in them."""

from collections import defaultdict
from pathlib import Path

import pytest

from offline_bench.commands.report_page import PAGE, write_page
from offline_bench.commands.tables import write_tables
from offline_bench.core.spec import spec_name
from offline_bench.runs.staleness import find_stale
from offline_bench.runs.store import PACKED, read_records
from offline_bench.runs.suites import list_suites, load_suite

SUITES = list_suites()
BLIND = ("bc", "tabular-bc", "discrete-bc")


@pytest.mark.parametrize("name", SUITES)
def test_every_run_of_the_suite_is_there_current_and_readable(name: str) -> None:
    suite = load_suite(name)
    reading = read_records(suite.folder)
    assert reading.problems == []
    runs = [record.run for record in reading.records]
    if suite.unfinished:
        assert set(runs) < set(suite.runs()), "it is finished, or has runs of no grid: publish it again"
        assert f"**Not finished: {len(runs)} of {len(suite.runs())} runs" in (suite.folder / "README.md").read_text()
    else:
        assert runs == sorted(suite.runs())
    assert [find_stale(record) for record in reading.records if find_stale(record)] == []


@pytest.mark.parametrize("name", SUITES)
def test_the_records_make_the_committed_tables_byte_for_byte(name: str, tmp_path: Path) -> None:
    suite = load_suite(name)
    (tmp_path / PACKED).write_bytes((suite.folder / PACKED).read_bytes())
    write_tables(tmp_path, suite)
    for table in ("leaderboard.md", "leaderboard.csv", "README.md"):
        assert (tmp_path / table).read_bytes() == (suite.folder / table).read_bytes(), table


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SUITES if (load_suite(name).folder / PAGE).exists()])
def test_the_records_make_the_committed_page_and_its_files_byte_for_byte(name: str, tmp_path: Path) -> None:
    suite = load_suite(name)
    (tmp_path / PACKED).write_bytes((suite.folder / PACKED).read_bytes())
    write_page(tmp_path, suite)
    made = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file() and path.name != PACKED]
    assert Path(PAGE) in made
    for path in made:
        assert (tmp_path / path).read_bytes() == (suite.folder / path).read_bytes(), path
    for folder in ("figures", "tables"):
        assert {path.name for path in (suite.folder / folder).iterdir()} == {
            path.name for path in (tmp_path / folder).iterdir()
        }


@pytest.mark.parametrize("name", SUITES)
def test_behavior_cloning_has_one_set_of_weights_for_all_rewards(name: str) -> None:
    weights = defaultdict(set)
    for record in read_records(load_suite(name).folder).records:
        if spec_name(record.run.algorithm) in BLIND and record.status == "ok":
            run = record.run
            weights[run.dataset, run.curation, run.algorithm, run.seed].add(record.fingerprints["policy"])
    assert weights or load_suite(name).unfinished
    assert all(len(seen) == 1 for seen in weights.values())
