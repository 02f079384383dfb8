"""The heads of packed records: they say what the records say, and nothing once either was altered."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from offline_bench.runs import packed
from offline_bench.runs.heads import head_of
from offline_bench.runs.record import Record, Run, to_text
from offline_bench.runs.store import PACKED, pack_records, read_heads, read_records
from tests.runs.rewriting import rewrite


def a_record(seed: int, **other: Any) -> Record:
    told = {"trainer": "stacked", "seconds": 2.0, "machine": "m"}
    prints = {"dataset": "abc", "policy": f"{seed}", "relabeling_source": "ü"}
    run = Run("d", "full", "zero", "bc", seed, 9, 1)
    return replace(Record(run, "ok", returns=[1.5], lengths=[3], fingerprints=prints, provenance=told), **other)


RECORDS = [a_record(0), a_record(1, status="failed", reason="böse\nzwei Zeilen", provenance={}), a_record(2)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pack_records(tmp_path, RECORDS)
    return tmp_path


def test_heads_say_what_the_records_say_and_no_record_is_read_whole(folder: Path, parsed: list[str]) -> None:
    reading = read_heads(folder)
    assert parsed == []
    assert reading.records == [head_of(record) for record in read_records(folder).records]
    assert [head.fingerprints for head in reading.records] == [{"dataset": "abc", "relabeling_source": "ü"}] * 3
    told = {"trainer": "stacked", "seconds": 2.0}
    assert [head.provenance for head in reading.records] == [told, {}, told]
    assert reading.problems == []


def test_a_damaged_record_is_no_record_and_is_told_though_its_head_stands(folder: Path) -> None:
    rewrite(folder, "record", 1, to_text(RECORDS[1]).replace('"seed": 1', '"seed": 7'))
    reading = read_heads(folder)
    assert [head.run.seed for head in reading.records] == [0, 2]
    (problem,) = reading.problems
    assert RECORDS[1].run.key in problem
    assert "checksum" in problem


def test_where_head_and_record_differ_the_record_counts(folder: Path, parsed: list[str]) -> None:
    head = pyarrow.parquet.read_table(folder / PACKED).column("head").to_pylist()[0]
    rewrite(folder, "head", 0, head.replace('"ok"', '"failed"'))
    rewrite(folder, "head", 1, "")
    rewrite(folder, "record", 2, to_text(a_record(2, status="diverged", reason="it was")))
    reading = read_heads(folder)
    assert [head.status for head in reading.records] == ["ok", "failed", "diverged"]
    assert len(parsed) == 3
    assert reading.problems == []


def test_a_file_from_before_there_were_heads_reads_the_same(folder: Path) -> None:
    with_heads = read_heads(folder)
    table = pyarrow.parquet.read_table(folder / PACKED)
    pyarrow.parquet.write_table(table.drop_columns(["head"]), folder / PACKED)
    assert read_heads(folder) == with_heads


def test_heads_are_the_same_over_many_groups_of_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_heads(folder)
    from offline_bench.runs import store

    monkeypatch.setattr(store, "GROUP", 1)
    pack_records(folder, RECORDS)
    assert pyarrow.parquet.ParquetFile(folder / PACKED).metadata.num_row_groups == 3
    monkeypatch.setattr(packed, "BATCH", 2)
    assert read_heads(folder) == whole


def test_reading_heads_loads_nothing_heavy(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from offline_bench.runs.campaign import survey; "
        f"survey({{}}, Path({str(folder)!r})); "
        "print(*sorted({'torch', 'd3rlpy', 'scipy', 'pandas', 'h5py', 'gymnasium'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == ""
