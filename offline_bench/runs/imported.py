"""Results that were made elsewhere, from a CSV file: one run a row, checked whole before any of it counts."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from offline_bench.algorithms import EXTERNAL
from offline_bench.core.errors import OfflineBenchError, RecordError
from offline_bench.core.spec import Spec
from offline_bench.data.loaders.folders import check_id
from offline_bench.runs.record import Record, Run
from offline_bench.schemes.curate import curations
from offline_bench.schemes.relabel import relabelings

COLUMNS = ("dataset", "relabeling", "curation", "algorithm", "seed", "steps")
RETURN = "return"
NUMBER = re.compile(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?")  # not 1_5, which Python reads as 15
LAYOUT = f"the columns {', '.join(COLUMNS)}, then one for each evaluation episode: {RETURN}_1, {RETURN}_2, ..."


def read_results(path: Path) -> list[Record]:
    """The runs of the CSV file `path`, a record each, in the order of their rows.

    A row has the dataset's id, the texts of relabeling and curation, a name for the learner, the run's seed and
    gradient steps, and the true return of each evaluation episode. Its learner becomes `external(of=...)`: so no table
    takes it for one that was trained and evaluated here. Raises `RecordError` naming the row and the column, and then
    nothing of the file counts.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise RecordError(f"{path} cannot be read as a CSV file in UTF-8 ({error}). Nothing was imported.") from error
    header = [name.strip() for name in rows[0]] if rows else []
    _check_header(path, header)
    records: dict[Run, int] = {}
    found = []
    for number, row in enumerate(rows[1:], start=2):
        if not any(field.strip() for field in row):
            continue
        if len(row) != len(header):
            raise _wrong(path, number, f"has {len(row)} fields, but the header has {len(header)}")
        record = _read_row(path, number, dict(zip(header, (field.strip() for field in row), strict=True)))
        if record.run in records:
            raise _wrong(path, number, f"is of the same run as row {records[record.run]}: {record.run}")
        records[record.run] = number
        found.append(record)
    if not found:
        raise RecordError(f"{path} has no row below its header. Nothing was imported.")
    return found


def _check_header(path: Path, header: list[str]) -> None:
    returns = [name for name in header if name.startswith(RETURN)]
    unknown = [name for name in header if name not in (*COLUMNS, *returns)]
    missing = [name for name in COLUMNS if name not in header]
    doubled = sorted({name for name in header if header.count(name) > 1})
    for names, what in ((missing, "lacks"), (unknown, "has unknown"), (doubled, "has twice")):
        if names:
            raise RecordError(f"{path}: the header {what} {', '.join(names)}. It must have {LAYOUT}.")
    # A mean or a spread in a column of such a name would count as one more episode.
    if not returns or returns != [f"{RETURN}_{number}" for number in range(1, len(returns) + 1)]:
        told = f"returns in {', '.join(returns)}" if returns else "no column for returns"
        raise RecordError(f"{path}: the header has {told}. It must have {LAYOUT}.")


def _read_row(path: Path, number: int, row: dict[str, str]) -> Record:
    def take(column: str, read: Callable[[str], Any]) -> Any:
        try:
            return read(row[column])
        except (OfflineBenchError, ValueError) as error:
            raise _wrong(path, number, f"column {column}: {error}") from error

    returns = [take(name, _read_number) for name in row if name.startswith(RETURN)]
    run = Run(
        take("dataset", _read_id),
        take("curation", lambda text: str(curations.bind(text))),
        take("relabeling", lambda text: str(relabelings.bind(text))),
        take("algorithm", _name),
        take("seed", _read_count),
        take("steps", _read_count),
        len(returns),
    )
    return Record(run, "ok", returns=returns, provenance={"trainer": EXTERNAL, "seconds": 0.0, "imported": path.name})


def _read_id(text: str) -> str:
    check_id(text)
    return text


def _name(text: str) -> str:
    if not text:
        raise ValueError("it names no learner")
    return str(Spec(EXTERNAL, (("of", text),)))


def _read_number(text: str) -> float:
    number = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a finite number: each episode needs a true return")
    return number


def _read_count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def _wrong(path: Path, number: int, what: str) -> RecordError:
    return RecordError(f"{path}: row {number} {what}. Nothing was imported.")
