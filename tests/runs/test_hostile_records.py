"""Hostile files in a results folder: each is told, none is waited for, and all others are read."""

from __future__ import annotations

import json
import os
import signal
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import pyarrow
import pyarrow.parquet
import pytest

from offline_bench.analysis.frame import to_frame
from offline_bench.core.errors import SpecError, SuiteError
from offline_bench.core.plain import plain
from offline_bench.core.reading import LARGEST
from offline_bench.runs.record import CurvePoint, Record, Run, _checksum, _hash, from_text, to_text
from offline_bench.runs.store import PACKED, TOLD, pack_records, read_records, record_path, save_record
from offline_bench.runs.suites import Grid, load_suite

RUN = Run("offline-bench/hopper/medium-v0", "full", "random", "iql(gamma=0.9)", 3, 1000, 2)
GOOD = Record(RUN, "ok", returns=[1.5, 2.5], lengths=[10, 12], curve=[CurvePoint(1000, [1.5, 2.5], {"critic": 0.5})])
OTHER = Record(Run("offline-bench/hopper/expert-v0", "full", "zero", "bc", 0, 10, 1), "ok", returns=[1.0], lengths=[4])

Edit = Callable[[dict[str, Any]], Any]


@pytest.fixture(autouse=True)
def _impatience() -> Iterator[None]:
    """A reader that waits for ever fails, and does not hang."""

    def give_up(number: int, frame: object) -> NoReturn:
        raise AssertionError("it waits for what never comes")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A results folder with the two records."""
    for record in (GOOD, OTHER):
        save_record(tmp_path, record)
    return tmp_path


def put(*places: str, value: Any) -> Edit:
    def edit(content: dict[str, Any]) -> None:
        inner = content
        for place in places[:-1]:
            inner = inner[place]
        inner[places[-1]] = value

    return edit


def sealed(edit: Edit) -> str:
    """The good record after `edit`, with a key and a checksum that are right."""
    content = json.loads(to_text(GOOD))
    del content["checksum"]
    edit(content)
    if content["key"] == RUN.key:
        content["key"] = _hash(json.dumps(content["run"], sort_keys=True))
    return json.dumps({**content, "checksum": _checksum(content)})


def nest(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


ODD: list[Any] = [
    None,
    True,
    "x",
    5,
    -1,
    2.5,
    [],
    ["x"],
    [[1.0]],
    {},
    {"x": "y"},
    10**400,
    2**63,
    float("nan"),
    nest(50),
]
FITTING = {  # what of ODD is right somewhere
    "returns": ([],), "lengths": ([],), "sketch": ([],), "curve": ([],), "support": ({},), "data": ({},),
    "fingerprints": ({}, {"x": "y"}), "provenance": ({}, {"x": "y"}), "reason": ("x",), "status": (),
}  # fmt: skip


@pytest.mark.parametrize("name", FITTING)
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_a_field_of_another_type_is_told_and_the_other_records_are_read(folder: Path, name: str, value: Any) -> None:
    record_path(folder, RUN).write_text(sealed(put(name, value=value)))
    reading = read_records(folder)
    if any(value == fitting and type(value) is type(fitting) for fitting in FITTING[name]):
        assert reading.problems == []
        return
    assert reading.records == [OTHER]
    (problem,) = reading.problems
    assert str(record_path(folder, RUN)) in problem
    assert (name if value != "x" or name != "status" else "fields of a record: x") in problem
    to_frame(reading.records)


@pytest.mark.parametrize("name", ["dataset", "curation", "algorithm", "seed", "steps", "episodes"])
@pytest.mark.parametrize("value", [value for value in ODD if value not in ("x", 5)], ids=lambda value: repr(value)[:20])
def test_a_run_of_another_type_is_told_and_the_other_records_are_read(folder: Path, name: str, value: Any) -> None:
    record_path(folder, RUN).write_text(sealed(put("run", name, value=value)))
    reading = read_records(folder)
    assert reading.records == [OTHER]
    assert len(reading.problems) == 1
    assert name in reading.problems[0]
    assert len(reading.problems[0]) <= TOLD + 40


@pytest.mark.parametrize(
    "edit",
    [
        put("curve", value=[{"step": None, "returns": [1.0], "losses": {}}]),
        put("curve", value=[{"step": 1, "returns": ["1.0"], "losses": {}}]),
        put("curve", value=[{"step": 1, "returns": [], "losses": {"a": "b"}}]),
        put("curve", value=[{"step": 1, "returns": []}]),
        put("provenance", value={"versions": "x"}),
        put("provenance", value={"seconds": "1"}),
        put("provenance", value={"learner": {"exact.here.return": "1"}}),
        put("fingerprints", value={"dataset": [1]}),
        put("lengths", value=[1.0]),
        put("returns", value=[float("inf")]),
        put("reason", value="half \ud800 a character"),
        put("run", "dataset", value="\udfff"),
        put("schema", value=True),
        put("schema", value=1.0),
        put("schema", value=10**400),
        put("run", value=[1]),
        put("run", value="abcdefg"),
        put("key", value=[1]),
    ],
)
def test_what_is_odd_further_in_is_told_too(folder: Path, edit: Edit) -> None:
    record_path(folder, RUN).write_text(sealed(edit))
    reading = read_records(folder)
    assert reading.records == [OTHER]
    assert len(reading.problems) == 1
    plain(reading.problems[0]).encode()


def test_a_reason_with_half_a_character_is_written_so_that_it_can_be_read() -> None:
    record = Record(RUN, "failed", "no file \udcff.hdf5")
    read = from_text(to_text(record), "here")
    assert read.reason == "no file \\udcff.hdf5"
    assert to_text(read) == to_text(record)


def make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**12)


NO_FILES: dict[str, Callable[[Path], Any]] = {
    "a named pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": lambda path: path.mkdir(),
    "larger than": make_sparse,
    "symbolic links": lambda path: path.symlink_to(path.name),
    "decode": lambda path: path.write_bytes(b"\xff\xfe"),
}


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("name", ["records/x.json", PACKED])
def test_what_is_no_readable_file_is_told_and_not_waited_for(folder: Path, kind: str, name: str) -> None:
    if name == PACKED and kind in ("larger than", "decode"):
        pytest.skip("a packed file may be large, and is no text")
    NO_FILES[kind](folder / name)
    reading = read_records(folder)
    assert reading.records == [OTHER, GOOD]
    (problem,) = reading.problems
    assert kind in problem
    assert name in problem


def fill(texts: pyarrow.Array, folder: Path, **options: Any) -> None:
    pyarrow.parquet.write_table(
        pyarrow.table({"key": texts, "record": texts}), folder / PACKED, compression="zstd", **options
    )


def many_of_one(folder: Path) -> None:
    """One long text for a million rows: kilobytes that stand for a terabyte."""
    indices = pyarrow.array([0] * 1_000_000, pyarrow.int32())
    fill(pyarrow.DictionaryArray.from_arrays(indices, pyarrow.array(["x" * 2**20])), folder, store_schema=False)


def one_long_text(folder: Path) -> None:
    fill(pyarrow.array(["x" * (LARGEST + 1)]), folder)


def many_long_texts(folder: Path) -> None:
    fill(pyarrow.array(["x" * (LARGEST - n) for n in range(9)]), folder, use_dictionary=False)


@pytest.mark.parametrize("write", [many_of_one, one_long_text])
def test_a_packed_file_that_holds_more_than_it_can_is_refused(folder: Path, write: Callable[[Path], None]) -> None:
    write(folder)
    tracemalloc.start()
    try:
        reading = read_records(folder)
        assert tracemalloc.get_traced_memory()[1] < 8 * LARGEST
    finally:
        tracemalloc.stop()
    assert reading.records == [OTHER, GOOD]
    (problem,) = reading.problems
    assert "honestly hold" in problem or "is larger than 16 MiB" in problem


def test_packed_records_of_any_number_are_read(tmp_path: Path) -> None:
    many = [Record(Run("a", "full", "zero", "bc", seed, 1, 1), "skipped") for seed in range(300)]
    pack_records(tmp_path, many)
    assert read_records(tmp_path).records == many


@pytest.mark.parametrize("name", ["seed", "steps", "episodes"])
@pytest.mark.parametrize("value", [-1, 2**63, 10**400, 1.0, "1", None, True])
def test_a_run_is_of_numbers_that_a_table_holds(name: str, value: Any) -> None:
    with pytest.raises(SpecError, match=f"the {name} of a run is a whole number from 0"):
        Run(**{**asdict(RUN), name: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [("seeds", [2**63]), ("seeds", [2**127 + 5]), ("steps", 2**63), ("episodes", 2**63), ("curve", [2**63])],
)
def test_a_grid_beyond_what_can_be_counted_is_refused_in_words(key: str, value: Any) -> None:
    sound = {"datasets": ["a"], "algorithms": ["bc"], "relabelings": ["zero"], "seeds": [0], "steps": 1, "episodes": 1}
    Grid(**sound)  # type: ignore[arg-type]
    with pytest.raises(SuiteError, match=f"{key} must be a"):
        Grid(**sound | {key: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["a = " + "[" * 5000 + "]" * 5000, "a = " + "9" * 5000, "a." * 5000 + "b = 1"])
def test_a_suite_file_that_nests_without_end_gets_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "suite.toml"
    path.write_text(text)
    with pytest.raises(SuiteError, match=r"suite\.toml"):
        load_suite(str(path))
