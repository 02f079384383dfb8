"""Folding loses nothing: whatever stands in a folder, and whoever else folds there."""

from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from offline_bench.commands.reproduce import compare_with_committed
from offline_bench.core.errors import StorageError
from offline_bench.core.locks import free_lock, try_lock
from offline_bench.runs import campaign, folding
from offline_bench.runs.campaign import carry_out_slabs
from offline_bench.runs.experiment import Job, JobSlab
from offline_bench.runs.folding import LOCK, fold_records
from offline_bench.runs.record import Record, to_text
from offline_bench.runs.store import (
    PACKED,
    find_in_parts,
    find_loose,
    find_parts,
    pack_records,
    read_briefs,
    read_heads,
    read_records,
    save_record,
)
from tests.runs.test_large_folders import a_record, a_run, do_at_once, fold_all


def test_files_stay_where_their_part_would_not_be_read(tmp_path: Path) -> None:
    # So equal that the part is thousands of times smaller than what is in it: no file is believed to be that.
    for seed in range(40):
        save_record(tmp_path, Record(a_run(seed), "failed", "x" * 14_000_000))
    assert fold_records(tmp_path, find_loose(tmp_path)) is None
    assert (len(find_loose(tmp_path)), find_parts(tmp_path)) == (40, [])


def test_files_stay_where_the_part_came_out_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = folding.write_rows
    monkeypatch.setattr(folding, "write_rows", lambda path, rows: write(path, list(rows)[:2]))
    for seed in range(3):
        save_record(tmp_path, a_record(seed))
    fold_all(tmp_path)
    assert len(find_loose(tmp_path)) == 1
    assert [record.run.seed for record in read_records(tmp_path).records] == [0, 1, 2]


def test_while_another_folds_nothing_is_folded(tmp_path: Path) -> None:
    save_record(tmp_path, a_record(0))
    lock = try_lock(tmp_path / "records" / LOCK)
    assert lock is not None
    assert fold_records(tmp_path, find_loose(tmp_path)) is None
    free_lock(lock)
    assert fold_records(tmp_path, find_loose(tmp_path)) is not None


def test_what_cannot_be_written_again_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row_of = folding.row_of

    def too_deep(record: Record) -> dict[str, Any]:
        if record.run.seed == 0:
            raise RecursionError
        return row_of(record)

    monkeypatch.setattr(folding, "row_of", too_deep)
    for seed in range(2):
        save_record(tmp_path, a_record(seed))
    fold_all(tmp_path)
    assert [path.stem for path in find_loose(tmp_path)] == [a_run(0).key]


def test_a_campaign_goes_on_where_it_cannot_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, paths: Any) -> None:
        raise StorageError("no space left")

    monkeypatch.setattr(campaign, "PART", 1)
    monkeypatch.setattr(campaign, "fold_records", full)
    monkeypatch.setattr(campaign, "carry_out_slab", do_at_once)
    slabs = [JobSlab((Job(a_run(seed), (9,)),)) for seed in range(3)]
    assert sum(len(step.records) for step in carry_out_slabs(slabs, tmp_path, 0)) == 3


def test_the_latest_part_says_what_another_has_finished(tmp_path: Path) -> None:
    for status in ("failed", "ok"):
        save_record(tmp_path, Record(a_run(0), status, returns=[1.0] * (status == "ok")))
        fold_all(tmp_path)
    found = find_in_parts(find_parts(tmp_path)[::-1], a_run(0))
    assert found is not None
    assert found.status == "ok"


def test_parts_go_by_their_number_and_an_odd_name_does_no_harm(tmp_path: Path) -> None:
    records = tmp_path / "records"
    for number, reason in ((999_999, "old"), (1_000_000, "new")):
        save_record(tmp_path, Record(a_run(0), "failed", reason))
        fold_all(tmp_path).rename(records / f"part-{number}-00000000.parquet")
    assert read_records(tmp_path).records[0].reason == "new"
    (records / "part-999999999999999-00000000.parquet").write_bytes(b"")
    (records / f"part-{'9' * 200}-00000000.parquet").write_bytes(b"")
    save_record(tmp_path, a_record(1))
    assert fold_all(tmp_path).name.startswith("part-1000001-")


def test_a_folder_compared_with_itself_proves_nothing_folded_or_not(tmp_path: Path) -> None:
    for seed in range(3):
        save_record(tmp_path / "one", a_record(seed))
    fold_all(tmp_path / "one")
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert "none was made again" in compare_with_committed(tmp_path / "one", tmp_path / "one")
    assert "none was made again" in compare_with_committed(tmp_path / "link", tmp_path / "one")


def test_records_joined_to_older_ones_without_heads_are_read(tmp_path: Path) -> None:
    path = pack_records(tmp_path, [a_record(seed) for seed in range(2)])
    table = pyarrow.parquet.read_table(path)
    bare = table.slice(0, 1).drop_columns(["head", "brief"])
    pyarrow.parquet.write_table(pyarrow.concat_tables([bare, table.slice(1)], promote_options="default"), path)
    whole = read_records(tmp_path)
    assert [to_text(record) for record in whole.records] == [to_text(a_record(seed)) for seed in range(2)]
    assert whole.problems == read_heads(tmp_path).problems == read_briefs(tmp_path).problems == []
    assert len(read_heads(tmp_path).records) == len(read_briefs(tmp_path).records) == 2
    assert (tmp_path / PACKED).exists()
