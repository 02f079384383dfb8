"""Exact values, laid out: what was computed of every algorithm under every reward, dataset by dataset."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.analysis.behavior.exact_values import ExactRow, ExactTable, Quantity, Spread
from offline_bench.analysis.digest.words import shorten_id
from offline_bench.evaluation.exact import HERE
from offline_bench.report.figures.figure import name_each
from offline_bench.report.markdown import escape, number, table
from offline_bench.report.tables.table import Column, Rows, Table

READING = (
    "The environments of these datasets are finite and written out. So these tables compute what a policy does, and no "
    "roll-out enters them. **return** is the expected true return over the horizon. **short** is the highest return of "
    "any policy, less this one. **worse steps** is the share of steps at which another action would be better for the "
    "rest of the episode. **P(...)** is the chance that an event takes place at least once. After a comma stands the "
    "variant of the environment in which the same policy was followed."
)
RANGES = "Cells are means over runs, with the least and the greatest where they differ."
MEANS = "Means over runs. README.md also has the least and the greatest."
NAMES = {"short": "short", "differs": "worse steps"}


def exact_section(tables: Sequence[ExactTable]) -> str:
    """`## Exact values`; '' where none were recorded."""
    if not tables:
        return ""
    parts = [f"## Exact values\n\n{READING} {RANGES}\n"]
    for part in tables:
        curation = "" if part.curation == "full" else f", {part.curation}"
        parts += [f"### {escape(part.dataset + curation)}, exactly\n", _table(part)]
    return "\n".join(parts)


def exact_tables(tables: Sequence[ExactTable]) -> tuple[Table, ...]:
    """A table for each dataset, of means over runs: the page has one number a cell, to sort by."""
    titles = [part.dataset if part.curation == "full" else f"{part.dataset}, {part.curation}" for part in tables]
    names = name_each("exact", titles)
    made = []
    for title, part in zip(titles, tables, strict=True):
        columns = (
            Column("algorithm", text=True),
            Column("reward", text=True),
            *(Column(_name(quantity), digits=2) for quantity in part.quantities),
            Column("runs", "runs", text=True),
        )
        rows: Rows = tuple(
            (row.label, row.relabeling, *(one.mean for one in row.values), _runs(row)) for row in part.rows
        )
        made.append(Table(names[title], f"{shorten_id(title)}, exactly", columns, rows, MEANS))
    return tuple(made)


def _table(part: ExactTable) -> str:
    header = ["algorithm", "reward", *(escape(_name(quantity)) for quantity in part.quantities), "runs"]
    rows = [[escape(row.label), escape(row.relabeling), *map(_cell, row.values), _runs(row)] for row in part.rows]
    return table(header, rows, text_columns=2)


def _name(quantity: Quantity) -> str:
    name = NAMES.get(quantity.what, quantity.what)
    return name if quantity.where == HERE else f"{name}, {quantity.where}"


def _cell(spread: Spread) -> str:
    mean, low, high = (number(value, 2) for value in (spread.mean, spread.low, spread.high))
    return mean if low == high else f"{mean} [{low}, {high}]"


def _runs(row: ExactRow) -> str:
    return f"{row.n_ok}/{row.n_runs}"
