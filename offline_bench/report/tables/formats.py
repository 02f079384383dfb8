"""A `Table` as Markdown and as CSV, and the files of all three formats."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from offline_bench.analysis.findings import Estimate
from offline_bench.core.storage import write_text
from offline_bench.report.comma import comma_separated
from offline_bench.report.markdown import escape, table
from offline_bench.report.tables.latex import to_latex
from offline_bench.report.tables.table import Cell, Column, Table, cell_text


def to_markdown(made: Table) -> str:
    """Heading, table and definitions; all text escaped."""
    # Text is set left as far as the first number; Markdown's tables have their names first.
    left = next((at for at, column in enumerate(made.columns) if not column.text), len(made.columns))
    rows = [
        [escape(cell_text(cell, column)) for cell, column in zip(row, made.columns, strict=True)] for row in made.rows
    ]
    parts = [f"### {escape(made.title)}\n", table([escape(column.heading) for column in made.columns], rows, left)]
    if made.note:
        parts.append(f"{escape(made.note)}\n")
    lines = [
        f"- **{escape(entry.heading)}**: {escape(sentence(entry.text, entry.source))}" for entry in made.definitions
    ]
    return "\n".join(parts) + ("\n" + "\n".join(lines) + "\n" if lines else "")


def sentence(text: str, source: str) -> str:
    """A definition with its source."""
    return f"{text} Source: {source}." if source else text


def to_csv(made: Table) -> str:
    """One row a row; a column that holds estimates becomes four: its value, `_low`, `_high` and `_n`."""
    wide = [any(isinstance(row[at], Estimate) for row in made.rows) for at in range(len(made.columns))]
    header = [name for column, split in zip(made.columns, wide, strict=True) for name in _headings(column, split)]
    rows = (
        [value for cell, split in zip(row, wide, strict=True) for value in _values(cell, split)] for row in made.rows
    )
    return comma_separated(header, rows)


def write_table_files(folder: Path, tables: Iterable[Table]) -> list[Path]:
    """Write `<name>.md`, `<name>.csv` and `<name>.tex` of each table into `folder`; the paths written.

    Raises `StorageError`. What else lies in the folder is left alone.
    """
    paths = []
    for made in tables:
        for suffix, text in ((".md", to_markdown(made)), (".csv", to_csv(made)), (".tex", to_latex(made))):
            write_text(folder / f"{made.name}{suffix}", text)
            paths.append(folder / f"{made.name}{suffix}")
    return paths


def _headings(column: Column, split: bool) -> list[str]:
    heading = column.heading.replace(" ", "_")
    return [heading, *(f"{heading}_{part}" for part in ("low", "high", "n"))] if split else [heading]


def _values(cell: Cell, split: bool) -> list[str | float | None]:
    if isinstance(cell, Estimate):
        return [cell.value, cell.low, cell.high, cell.n]
    return [cell, None, None, None] if split else [cell]
