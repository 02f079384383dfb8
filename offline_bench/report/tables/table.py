"""`Table`: numbers with their headings and definitions, before any format."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from offline_bench.analysis.findings import Estimate
from offline_bench.report.definitions import DEFINITIONS, Definition
from offline_bench.report.markdown import NO_VALUE, number

Cell = str | bool | int | float | Estimate
Rows = tuple[tuple[Cell, ...], ...]
BOUNDLESS = "∞"


@dataclass(frozen=True)
class Column:
    """`heading` is plain text and may be a plug-in's name; `term` is the key of its definition in `DEFINITIONS`.

    digits   decimals of its numbers, in all formats but CSV, which has four
    text     set left: names and sentences
    sign     numbers above 0 get a plus
    wide     holds sentences, whose lines are broken where a format can
    """

    heading: str
    term: str = ""
    digits: int = 1
    text: bool = False
    sign: bool = False
    wide: bool = False


# The columns that most tables begin with, and what stands under `dataset` in a row for all of them.
NAMES = (Column("dataset", text=True), Column("curation", text=True), Column("algorithm", text=True))
ALL = "all datasets"


@dataclass(frozen=True)
class Table:
    """A table to write as Markdown, CSV or LaTeX, or to lay out in a page; nothing in it is escaped.

    name   lower-case letters, digits and hyphens: file name and label
    rows   a cell for each column: text, a number (NaN where there is none), or an estimate with its interval
    note   a sentence of plain text on this table alone
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Rows
    note: str = ""

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """What its columns mean, each once, in their order; that of intervals last where it shows some."""
        terms = dict.fromkeys(column.term for column in self.columns if column.term)
        if any(isinstance(cell, Estimate) for row in self.rows for cell in row):
            terms["interval"] = None
        return tuple(DEFINITIONS[term] for term in terms)


def cell_text(cell: Cell, column: Column) -> str:
    """A cell as a person reads it: `41.2 [38.0, 44.1]`, a dash for none, ∞ for infinity. Not escaped."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, Estimate):
        return _estimate(cell, column)
    return _number(cell, column)


def name_row(columns: Sequence[Column]) -> list[str]:
    """The headings, in order."""
    return [column.heading for column in columns]


def _estimate(cell: Estimate, column: Column) -> str:
    value = _number(cell.value, column)
    if math.isnan(cell.value) or math.isnan(cell.low) or math.isnan(cell.high):
        return value
    return f"{value} [{_number(cell.low, column)}, {_number(cell.high, column)}]"


def _number(value: float, column: Column) -> str:
    if math.isinf(value):
        return BOUNDLESS if value > 0 else f"−{BOUNDLESS}"
    return number(value, column.digits, column.sign) if math.isfinite(value) else NO_VALUE


def tables_of(name: str, title: str, columns: tuple[Column, ...], rows: Rows, note: str = "") -> tuple[Table, ...]:
    """The table as a tuple of one; of none where it has no rows."""
    return (Table(name, title, columns, rows, note),) if rows else ()
