"""The briefs of packed records: the numbers of the records, and nothing once either was altered."""

from __future__ import annotations

import gc
import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from offline_bench.analysis.frame import to_frame
from offline_bench.commands.board import print_leaderboard
from offline_bench.core.collector import no_collector
from offline_bench.runs.briefs import brief_of
from offline_bench.runs.record import CurvePoint, Record, Run, to_text
from offline_bench.runs.store import PACKED, pack_records, read_briefs, read_heads, read_records
from tests.runs.rewriting import rewrite


def a_record(seed: int, **other: Any) -> Record:
    run = Run("offline-bench/hopper/medium-v0", "full", "zero", "bc", seed, 9, 1)
    numbers = {
        "returns": [1.5 + seed, 2.5],
        "lengths": [3, 4],
        "curve": [CurvePoint(4, [1.0], {"actor": 0.5}), CurvePoint(9, [1.5 + seed, 2.5], {})],
        "sketch": [0.25] * 8,
        "support": {"in_support": 0.5},
        "data": {"mean_return": 7.0, "transitions": 10.0},
    }
    told = {"trainer": "stacked", "seconds": 2.0, "machine": "m"}
    prints = {"dataset": "abc", "policy": f"{seed}", "relabeling_source": "ü"}
    return replace(Record(run, "ok", fingerprints=prints, provenance=told, **numbers), **other)


RECORDS = [a_record(0), a_record(1, status="failed", reason="böse\nzwei", returns=[], lengths=[]), a_record(2)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pack_records(tmp_path, RECORDS)
    return tmp_path


def forge(folder: Path, column: str, **odd: Any) -> None:
    """Write `odd` into the first line of `column`, with a checksum that is right."""
    table = pyarrow.parquet.read_table(folder / PACKED)
    _, _, told = table.column(column).to_pylist()[0].partition(" ")
    told = json.dumps(json.loads(told) | odd)
    text = table.column("record").to_pylist()[0]
    rewrite(folder, column, 0, f"{hashlib.sha256((told + text).encode()).hexdigest()[:16]} {told}")


def test_briefs_say_what_the_records_say_and_no_record_is_read_whole(folder: Path, parsed: list[str]) -> None:
    reading = read_briefs(folder)
    assert parsed == []
    assert reading.problems == []
    whole = read_records(folder).records
    assert reading.records == [brief_of(record) for record in whole]
    assert reading.records[2].returns == [3.5, 2.5]
    assert [point.step for point in reading.records[0].curve] == [4, 9]
    assert not any(record.sketch or record.curve[0].returns for record in reading.records)


def test_a_frame_of_briefs_is_that_of_the_records(folder: Path) -> None:
    assert to_frame(read_briefs(folder).records).equals(to_frame(read_records(folder).records))


def test_a_leaderboard_reads_no_record_whole(
    folder: Path, parsed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    print_leaderboard(None, folder)
    assert parsed == []
    briefly = capsys.readouterr().out
    table = pyarrow.parquet.read_table(folder / PACKED)
    pyarrow.parquet.write_table(table.drop_columns(["brief"]), folder / PACKED)
    print_leaderboard(None, folder)
    assert parsed
    assert capsys.readouterr().out == briefly


def test_numbers_that_are_not_finite_stand_in_a_brief_as_in_its_record(tmp_path: Path, parsed: list[str]) -> None:
    pack_records(tmp_path, [a_record(0, returns=[math.nan, math.inf])])
    (brief,) = read_briefs(tmp_path).records
    assert parsed == []
    assert brief.returns == [None, None]


def test_a_damaged_record_is_no_record_and_is_told_though_its_brief_stands(folder: Path) -> None:
    rewrite(folder, "record", 2, to_text(RECORDS[2]).replace("3.5", "9.5"))
    reading = read_briefs(folder)
    assert [record.run.seed for record in reading.records] == [0, 1]
    assert RECORDS[2].run.key in reading.problems[0]
    assert "checksum" in reading.problems[0]


def test_where_brief_and_record_differ_the_record_counts(folder: Path, parsed: list[str]) -> None:
    brief = pyarrow.parquet.read_table(folder / PACKED).column("brief").to_pylist()[0]
    rewrite(folder, "brief", 0, brief.replace("1.5", "9.5"))
    rewrite(folder, "brief", 1, "")
    reading = read_briefs(folder)
    assert len(parsed) == 2
    assert reading.records == [brief_of(record) for record in read_records(folder).records]


NESTED: Any = [[[[1.0]]]]


@pytest.mark.parametrize("column", ["head", "brief"])
@pytest.mark.parametrize(
    "odd",
    [
        {"schema": "1"}, {"schema": 10**6}, {"schema": True}, {"status": "x"}, {"status": 5}, {"reason": ["x"]},
        {"reason": "half \ud800"}, {"provenance": {"seconds": "1"}}, {"fingerprints": {"dataset": 5}}, {"run": [1]},
        {"run": {"seed": -1}}, {"fingerprints": NESTED},
    ],
)  # fmt: skip
def test_what_no_record_holds_counts_for_nothing_though_its_checksum_is_right(
    folder: Path, parsed: list[str], column: str, odd: dict[str, Any]
) -> None:
    forge(folder, column, **odd)
    read = read_briefs if column == "brief" else read_heads
    sound = [record.run for record in RECORDS]
    reading = read(folder)
    assert [record.run for record in reading.records] == sound
    assert reading.records[0].status == "ok"
    assert len(parsed) == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"returns": ["1"]}, {"returns": None}, {"returns": NESTED}, {"returns": [10**400]}, {"lengths": [1.5]},
        {"support": {"in_support": "1"}}, {"data": [1]}, {"steps": None}, {"steps": [-1]}, {"steps": [1.5]},
    ],
)  # fmt: skip
def test_numbers_that_are_none_count_for_nothing_though_their_checksum_is_right(
    folder: Path, parsed: list[str], odd: dict[str, Any]
) -> None:
    forge(folder, "brief", **odd)
    assert read_briefs(folder).records == [brief_of(record) for record in RECORDS]
    assert len(parsed) == 1


def test_a_line_that_nests_without_end_counts_for_nothing(folder: Path) -> None:
    text = pyarrow.parquet.read_table(folder / PACKED).column("record").to_pylist()[0]
    told = "[" * 100_000
    for column in ("head", "brief"):
        rewrite(folder, column, 0, f"{hashlib.sha256((told + text).encode()).hexdigest()[:16]} {told}")
    assert len(read_heads(folder).records) == len(read_briefs(folder).records) == 3


def test_the_collector_is_as_it_was_before_whatever_happens() -> None:
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="here"), no_collector():
        assert gc.get_threshold()[2] > 10**6
        raise ValueError("here")
    assert gc.get_threshold() == before
    with no_collector(), no_collector():
        pass
    assert gc.get_threshold() == before
