"""Records: what is written is what is read, what was altered is refused, and no half a file is ever left."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_bench.commands.reproduce import compare_with_committed
from offline_bench.core.errors import RecordError, StorageError
from offline_bench.core.storage import check_writable, scratch_path, write_text
from offline_bench.runs.record import SCHEMA, STATUSES, CurvePoint, Record, Run, _checksum, from_text, to_text
from offline_bench.runs.store import PACKED, pack_records, read_records, record_path, save_record

RUN = Run("offline-bench/hopper/medium-v0", "full", "random", "iql(gamma=0.9)", 3, 1000, 5)
RECORD = Record(
    run=RUN,
    status="ok",
    returns=[1234.5, 0.1 + 0.2],
    lengths=[10, 12],
    curve=[CurvePoint(500, [1.0], {"critic": 0.25}), CurvePoint(1000, [2.0, 3.0], {})],
    sketch=[0.5, -1e-300],
    data={"transitions": 100, "mean_return": 7.5},
    fingerprints={"dataset": "0123"},
    provenance={"device": "cpu", "versions": {"numpy": "2"}, "seconds": 1.5},
)
TEXT = to_text(RECORD)

floats = st.floats(allow_nan=False, allow_infinity=False)
records = st.builds(
    Record,
    run=st.builds(Run, *[st.text(max_size=8)] * 4, *[st.integers(0, 2**40)] * 3),
    status=st.sampled_from(STATUSES),
    reason=st.text(),
    returns=st.lists(floats, max_size=3),
    lengths=st.lists(st.integers(0, 1000), max_size=3),
    curve=st.lists(
        st.builds(CurvePoint, st.integers(0, 2**63 - 1), st.lists(floats), st.dictionaries(st.text(), floats)),
        max_size=2,
    ),
    sketch=st.lists(floats, max_size=3),
    data=st.dictionaries(st.text(), floats, max_size=2),
    fingerprints=st.dictionaries(st.text(), st.text(), max_size=2),
    provenance=st.dictionaries(st.text(), st.none() | st.text() | floats | st.lists(st.text()), max_size=2),
)


def others(count: int) -> list[Record]:
    return [replace(RECORD, run=replace(RUN, seed=seed)) for seed in range(count)]


def no_scratch(folder: Path) -> bool:
    return not [path for path in folder.rglob("*") if path.is_file()]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(records)
def test_what_is_written_is_what_is_read(record: Record) -> None:
    text = to_text(record)
    assert from_text(text, "here") == record
    assert to_text(from_text(text, "here")) == text


def test_numbers_that_json_lacks_become_null_and_can_be_read() -> None:
    odd = replace(RECORD, returns=[math.nan, math.inf, -math.inf, 1.0], provenance={"loss": (math.nan, 1)})
    text = to_text(odd)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no strict JSON"))
    read = from_text(text, "here")
    assert read.returns == [None, None, None, 1.0]
    assert read.provenance == {"loss": [None, 1]}
    assert to_text(read) == text


def test_the_key_is_of_the_whole_run() -> None:
    changes: list[dict[str, Any]] = [
        {"dataset": "x"}, {"curation": "x"}, {"relabeling": "x"}, {"algorithm": "x"},
        {"seed": 4}, {"steps": 1}, {"episodes": 1},
    ]  # fmt: skip
    assert len({RUN.key, *(replace(RUN, **change).key for change in changes)}) == 8
    assert RUN.key == "44f89d26078d4f44"


@pytest.mark.parametrize("cut", range(0, len(TEXT) - 2, 97))
def test_a_text_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(RecordError, match=r"^here .*Delete it"):
        from_text(TEXT[:cut], "here")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1234.5", "1235.5", "was altered after it was written"),
        ("1234.5", "NaN", "was altered after it was written"),
        ("1234.5", "1e999", "was altered after it was written"),
        ('"ok"', '"failed"', "was altered after it was written"),
        ('"seed": 3', '"seed": 4', "was altered after it was written"),
        (RUN.key, "0" * 16, "was altered after it was written"),
        ('"checksum"', '"check"', "was altered after it was written"),
        ("1234.5", "[" * 100_000, "is cut short or is not JSON"),
        ("1234.5", "9" * 5000, "is cut short or is not JSON|was altered"),
        (f'"schema": {SCHEMA}', f'"schema": {SCHEMA + 1}', "has schema 2, and this version knows schemas up to 1"),
        (f'"schema": {SCHEMA}', '"schema": "1"', "is not a record of a run"),
        (TEXT, "[]", "is not a record of a run"),
        (TEXT, "{}", "is not a record of a run"),
        (TEXT, "null", "is not a record of a run"),
    ],
)
def test_an_altered_text_is_refused(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(RecordError, match=f"^here ({said})"):
        from_text(TEXT.replace(old, new, 1), "here")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, len(TEXT) - 2), st.characters(min_codepoint=32, max_codepoint=126))
def test_no_single_character_can_be_changed_unseen(place: int, character: str) -> None:
    try:
        read = from_text(TEXT[:place] + character + TEXT[place + 1 :], "here")
    except RecordError:
        return
    assert read == RECORD  # layout and the like


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(key="0" * 16), f"says its key is {'0' * 16}, but its run has {RUN.key}"),
        (lambda c: c.update(extra=1), "does not have the fields of a record: extra"),
        (lambda c: c.pop("returns"), "does not have the fields of a record: returns"),
        (lambda c: c.update(status="fine"), "does not have the fields of a record: fine"),
        (lambda c: c["run"].pop("seed"), "lacks the fields of a record"),
        (lambda c: c.update(curve=[{"step": 1}]), "lacks the fields of a record"),
        (lambda c: c.update(curve=None), "lacks the fields of a record"),
    ],
)
def test_a_text_of_another_making_is_refused(change: Callable[[dict[str, Any]], Any], said: str) -> None:
    content = json.loads(TEXT)
    del content["checksum"]
    change(content)
    with pytest.raises(RecordError) as caught:
        from_text(json.dumps({**content, "checksum": _checksum(content)}), "here")
    assert str(caught.value).startswith(f"here {said}")


def test_one_file_per_run_by_dataset_and_algorithm(tmp_path: Path) -> None:
    save_record(tmp_path, RECORD)
    path = tmp_path / "records" / "offline-bench_hopper_medium-v0" / "iql_gamma_0.9" / f"{RUN.key}.json"
    assert path == record_path(tmp_path, RUN)
    assert path.read_text() == TEXT
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]


def test_an_algorithm_with_many_parameters_can_be_saved(tmp_path: Path) -> None:
    record = replace(RECORD, run=replace(RUN, algorithm="cql(" + ", ".join(f"p{i}=0.001" for i in range(50)) + ")"))
    save_record(tmp_path, record)
    assert read_records(tmp_path).records == [record]


@pytest.mark.parametrize("name", ["..", "", "../../x", "/etc", "."])
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    path = record_path(tmp_path, replace(RUN, dataset=name, algorithm=name))
    assert path.resolve().relative_to(tmp_path.resolve()).parts[0] == "records"
    assert len(path.relative_to(tmp_path).parts) == 4


def test_a_folder_of_nothing_has_no_records(tmp_path: Path) -> None:
    assert read_records(tmp_path / "missing").records == []


def test_files_that_cannot_be_read_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    good = others(6)
    for record in good:
        save_record(tmp_path, record)
    paths = [record_path(tmp_path, record.run) for record in good]
    paths[1].write_text(to_text(good[1])[:100])
    paths[2].write_bytes(b"\xff\xfe")
    paths[3].unlink()
    paths[3].mkdir()
    paths[4].write_text(to_text(good[4]).replace("1234.5", "NaN"))
    reading = read_records(tmp_path)
    assert reading.records == [good[0], good[5]]
    assert len(reading.problems) == 4
    assert all(any(str(paths[i]) in problem for problem in reading.problems) for i in (1, 2, 3, 4))


def test_packed_records_read_the_same(tmp_path: Path) -> None:
    for record in others(3):
        save_record(tmp_path / "loose", record)
    loose = read_records(tmp_path / "loose")
    (tmp_path / "packed").mkdir()
    path = pack_records(tmp_path / "packed", loose.records)
    first = path.read_bytes()
    assert read_records(tmp_path / "packed") == loose
    assert loose.records == others(3)
    pack_records(tmp_path / "packed", loose.records[::-1])
    assert path.read_bytes() == first
    assert pyarrow.parquet.read_table(path).column_names == [
        "key", "dataset", "curation", "relabeling", "algorithm", "seed", "steps", "episodes", "status", "head",
        "brief", "record",
    ]  # fmt: skip


def test_no_records_can_be_packed_and_read(tmp_path: Path) -> None:
    pack_records(tmp_path, [])
    assert read_records(tmp_path) == read_records(tmp_path / "missing")


def test_a_loose_record_wins_over_its_packed_copy(tmp_path: Path) -> None:
    pack_records(tmp_path, others(2))
    newer = replace(others(2)[1], status="failed", reason="later")
    save_record(tmp_path, newer)
    assert read_records(tmp_path).records == [others(2)[0], newer]


def test_a_broken_loose_record_leaves_its_packed_copy(tmp_path: Path) -> None:
    pack_records(tmp_path, others(2))
    save_record(tmp_path, others(2)[1])
    record_path(tmp_path, others(2)[1].run).write_text("{")
    reading = read_records(tmp_path)
    assert (reading.records, len(reading.problems)) == (others(2), 1)


@pytest.mark.parametrize("rows", [[{"a": 1}], [{"key": "a", "record": None}], [{"key": "a", "record": "{}"}]])
def test_a_packed_file_of_another_making_is_told(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / PACKED)
    save_record(tmp_path, RECORD)
    reading = read_records(tmp_path)
    assert reading.records == [RECORD]
    assert [str(tmp_path / PACKED) in problem for problem in reading.problems] == [True]


@pytest.mark.parametrize("cut", [0, 3, 100, 2000])
def test_a_packed_file_cut_short_is_told(cut: int, tmp_path: Path) -> None:
    path = pack_records(tmp_path, others(2))
    path.write_bytes(path.read_bytes()[:cut])
    save_record(tmp_path, RECORD)
    reading = read_records(tmp_path)
    assert reading.records == [RECORD]
    assert [str(path) in problem for problem in reading.problems] == [True]


WRITERS: list[Callable[[Path], Any]] = [
    lambda folder: save_record(folder, RECORD),
    lambda folder: pack_records(folder, [RECORD]),
    lambda folder: write_text(folder / "a.txt", "a"),
    check_writable,
]


@pytest.mark.parametrize("save", WRITERS)
def test_a_folder_that_cannot_be_made_is_told(save: Callable[[Path], Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"^cannot write .*: Not a directory\. Free some space"):
        save(tmp_path / "file" / "folder")
    assert [path.name for path in tmp_path.rglob("*")] == ["file"]


@pytest.mark.parametrize("save", WRITERS)
def test_a_full_disk_is_told_and_leaves_no_file(
    save: Callable[[Path], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        save(tmp_path)
    assert no_scratch(tmp_path)


def test_whatever_stops_a_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), scratch_path(path) as scratch:
        scratch.write_text("half")
        raise KeyboardInterrupt
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]


def test_the_check_of_a_folder_leaves_it_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "writable").write_text("mine")
    check_writable(tmp_path)
    check_writable(tmp_path / "new")
    assert {p.name for p in tmp_path.rglob("*")} == {"writable", "new"}
    assert (tmp_path / "writable").read_text() == "mine"


def test_a_folder_compared_with_itself_or_with_its_copy_proves_nothing(tmp_path: Path) -> None:
    records = [Record(Run("d", "full", "zero", "bc", seed, 10, 1), "ok", returns=[1.0], lengths=[2]) for seed in (0, 1)]
    committed, copied, made = (tmp_path / name for name in ("committed", "copied", "made"))
    for folder in (committed, copied, made):
        folder.mkdir()
    pack_records(committed, records)
    (copied / PACKED).write_bytes((committed / PACKED).read_bytes())
    (tmp_path / "link").symlink_to(committed)
    for record in records:
        save_record(made, record)
    itself = "all 2 runs are the committed records themselves: none was made again to compare"
    for folder in (committed, tmp_path / "link", copied):
        assert compare_with_committed(folder, committed) == itself
    assert compare_with_committed(made, committed) == "2 of 2 runs equal the committed ones to the bit"
    save_record(copied, replace(records[0], returns=[3.0]))
    told = compare_with_committed(copied, committed)
    assert told.startswith("0 of 1 runs equal the committed ones to the bit")
    assert "1 more are the committed records themselves" in told
    assert compare_with_committed(tmp_path / "none", committed) == "nothing is committed to compare these runs with"
