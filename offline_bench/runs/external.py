"""Results that others measured: a CSV table to records, marked external by the name of their algorithm."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from offline_bench.core.errors import OfflineBenchError, RecordError
from offline_bench.core.reading import read_text
from offline_bench.core.registry import unknown_name
from offline_bench.core.spec import Spec
from offline_bench.data.loaders.cards import load_cards
from offline_bench.data.loaders.folders import check_id, locate
from offline_bench.runs.record import CurvePoint, Record, Run
from offline_bench.schemes.curate import curations
from offline_bench.schemes.relabel import relabelings

COLUMNS = ("dataset", "relabeling", "curation", "algorithm", "seed", "steps")
RETURN = "return_"
EXTERNAL = "external"


def read_external(path: Path) -> list[Record]:
    """The records of the CSV file `path`, one a row: `COLUMNS`, then return_0, return_1, ..., one an episode.

    Returns are true and undiscounted. A row may leave its last returns empty. The algorithm of a record is
    `external(name=...)`: its run is none that is made here. Raises `RecordError`, naming the row and the column.
    """
    try:
        rows = list(csv.reader(StringIO(read_text(path).removeprefix("\ufeff")), strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise RecordError(f"{path} cannot be read as a CSV file ({error}). Nothing was imported.") from error
    if len(rows) < 2:
        raise RecordError(f"{path} has no rows. Wanted: a line of names, then one line a run. Nothing was imported.")
    _check_names(path, rows[0])
    records: dict[Run, tuple[int, Record]] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        record = _read_row(path, number, rows[0], row)
        if record.run in records:
            raise _refuse(path, number, "dataset", f"it is the same run as row {records[record.run][0]}")
        records[record.run] = (number, record)
    return [record for _, record in records.values()]


def _check_names(path: Path, names: list[str]) -> None:
    wanted = [*COLUMNS, *(f"{RETURN}{i}" for i in range(max(1, len(names) - len(COLUMNS))))]
    if names != wanted:
        raise RecordError(
            f"{path}, row 1: the columns are {', '.join(names)}. Wanted: {', '.join(COLUMNS)}, then {RETURN}0, "
            f"{RETURN}1, ..., one an evaluation episode. Nothing was imported."
        )


def _read_row(path: Path, number: int, names: list[str], row: list[str]) -> Record:
    if len(row) != len(names):
        raise _refuse(path, number, names[min(len(row), len(names) - 1)], f"it has {len(row)} of {len(names)} values")
    values = {name: value.strip() for name, value in zip(names, row, strict=True)}
    texts = dict(_read_texts(path, number, values))
    seed, steps = (_read_count(path, number, name, values[name]) for name in ("seed", "steps"))
    returns = _read_returns(path, number, {name: values[name] for name in names[len(COLUMNS) :]})
    run = Run(texts["dataset"], texts["curation"], texts["relabeling"], texts["algorithm"], seed, steps, len(returns))
    provenance = {"trainer": EXTERNAL, "device": "unknown", "seconds": 0.0, "imported_from": path.name}
    return Record(run, "ok", returns=returns, curve=[CurvePoint(steps, returns, {})], provenance=provenance)


def _read_texts(path: Path, number: int, values: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The texts of a run, in their canonical form."""
    for name, read in (("relabeling", relabelings.bind), ("curation", curations.bind)):
        try:
            yield name, str(read(values[name]))
        except OfflineBenchError as error:
            raise _refuse(path, number, name, str(error)) from error
    try:
        check_id(values["dataset"])
    except OfflineBenchError as error:
        raise _refuse(path, number, "dataset", str(error)) from error
    if values["dataset"] not in load_cards() and locate(values["dataset"]) is None:
        what = unknown_name("dataset", values["dataset"], load_cards())
        raise _refuse(path, number, "dataset", f"{what}. Give it a card in datasets/cards.toml, or put it here")
    yield "dataset", values["dataset"]
    if not values["algorithm"]:
        raise _refuse(path, number, "algorithm", "it is empty")
    yield "algorithm", str(Spec(EXTERNAL, (("name", values["algorithm"]),)))


def _read_count(path: Path, number: int, name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise _refuse(path, number, name, f"{text!r:.40} is no whole number from 0")
    return int(text)


def _read_returns(path: Path, number: int, cells: dict[str, str]) -> list[float]:
    names = list(cells)
    while names and not cells[names[-1]]:
        names.pop()
    if not names:
        raise _refuse(path, number, f"{RETURN}0", "it has no return")
    returns = []
    for name in names:
        try:
            value = float(cells[name])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise _refuse(path, number, name, f"{cells[name]!r:.40} is no finite number")
        returns.append(value)
    return returns


def _refuse(path: Path, number: int, column: str, what: str) -> RecordError:
    return RecordError(f"{path}, row {number}, column {column}: {what.rstrip('.')}. Nothing was imported.")
