"""What the templates lay out: texts and numbers as they will stand in the page, none of them escaped yet."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from offline_bench.analysis.digest.words import short_ids
from offline_bench.analysis.findings import Estimate
from offline_bench.report.figures.figure import Figure
from offline_bench.report.markdown import NO_VALUE
from offline_bench.report.tables.formats import to_csv, to_markdown
from offline_bench.report.tables.latex import to_latex
from offline_bench.report.tables.table import Cell, Column, Table, cell_text

LONG = 20  # rows: a table with more has filters
# What a page can show of a large study, and still be opened; the files beside it have the rest.
MOST_ROWS = 250
MOST_WITHIN = 100_000  # bytes of a file that lies in the page itself
MOST_DRAWN = 200_000  # bytes of a drawing
TABLES, FIGURES, BESIDE = "tables/", "figures/", ""
DATASET = "dataset"
SEPARATOR = " · "
_ID = re.compile(r"[\w.-]+(?:/[\w.-]+)+-v\d+")
FILTERED = (DATASET, "curation", "algorithm", "reward")


@dataclass(frozen=True)
class Heading:
    """A column's heading; `term` is the key of its definition, '' where its name says all."""

    text: str
    term: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Datum:
    """One cell: what is read, its interval, what follows in small print, and the number it is sorted by.

    order   '' where there is no number: such cells come last, whichever way the column is sorted
    best    set in bold; `survives` gets the mark of a wrong reward above behavior and BC
    full    what `text` is short for; '' where it is whole
    """

    text: str
    interval: str = ""
    remark: str = ""
    order: str = ""
    numeric: bool = True
    best: bool = False
    survives: bool = False
    full: str = ""


@dataclass(frozen=True)
class Download:
    """A file that lies in the page itself, as a data: link; a large one beside the page."""

    label: str
    name: str
    uri: str


@dataclass(frozen=True)
class TableView:
    """A table of the page.

    filters   (column, values): columns that get a choice of their values, beside a field that searches all text
    """

    name: str
    caption: str
    headings: tuple[Heading, ...]
    lines: tuple[tuple[Datum, ...], ...]
    note: str = ""
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    downloads: tuple[Download, ...] = ()
    kind: str = "table"

    @property
    def names(self) -> int:
        """How many columns of names it begins with; on a phone they stand below one another in the first."""
        first = next((at for at, heading in enumerate(self.headings) if heading.numeric), 0)
        return first if first > 1 else 0

    @property
    def kinds(self) -> str:
        """Classes that its width asks for."""
        numeric = any(heading.numeric for heading in self.headings)
        return " ".join(filter(None, ("broad" if len(self.headings) > 9 else "", "" if numeric else "texts")))


@dataclass(frozen=True)
class FigureView:
    """A figure of the page; `drawing` is SVG that `report.figures` made, with every text in it escaped there.

    It is empty where it is too large for the page: then `file` says where it lies.
    """

    name: str
    title: str
    description: str
    drawing: Markup
    term: str
    downloads: tuple[Download, ...]
    file: str = ""
    kind: str = "figure"


@dataclass(frozen=True)
class ListView:
    """Sentences, one a line, below a caption or none."""

    caption: str
    items: tuple[str, ...]
    kind: str = "list"


@dataclass(frozen=True)
class CommandsView:
    """Command lines to copy, (what they make, lines); folded away until asked for, unless `open`."""

    caption: str
    entries: tuple[tuple[str, tuple[str, ...]], ...]
    open: bool = False
    kind: str = "commands"


Block = TableView | FigureView | ListView | CommandsView


@dataclass(frozen=True)
class Section:
    """A section: `line` is what it found, seen while it is folded; `lead` are its first paragraphs.

    One without blocks says in its line why.
    """

    id: str
    title: str
    lead: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    line: str = ""


def view_table(table: Table) -> TableView:
    """A `Table` as the page has it, with its Markdown, CSV and LaTeX to take away; of a long one the first rows."""
    formats = (("Markdown", "md", to_markdown(table)), ("CSV", "csv", to_csv(table)), ("LaTeX", "tex", to_latex(table)))
    shown, count = replace(table, rows=table.rows[:MOST_ROWS]), len(table.rows)
    cut = f"The first {MOST_ROWS} of {count:,} rows are here, to filter and to sort. Each of the files has all of them."
    return TableView(
        name=table.name,
        caption=table.title,
        headings=tuple(view_heading(column) for column in table.columns),
        lines=_view_lines(shown),
        note=" ".join(filter(None, (cut if count > MOST_ROWS else "", table.note))),
        filters=_find_filters(shown) if count > LONG else (),
        downloads=tuple(pack_text(label, f"{table.name}.{suffix}", text, TABLES) for label, suffix, text in formats),
    )


def view_figure(figure: Figure, term: str) -> FigureView:
    """A `Figure` as the page has it; `term` is the key of the definition of what it shows."""
    drawing = figure.inline if len(figure.svg) <= MOST_DRAWN else ""
    return FigureView(
        name=figure.name,
        title=figure.title,
        description=figure.description,
        drawing=Markup(drawing),  # noqa: S704, every text in it was escaped where it was drawn
        term=term,
        downloads=(
            pack_text("SVG", f"{figure.name}.svg", figure.svg, FIGURES),
            pack_text("CSV", f"{figure.name}.csv", figure.csv, FIGURES),
        ),
        file="" if drawing else f"{FIGURES}{figure.name}.svg",
    )


def view_heading(column: Column) -> Heading:
    return Heading(column.heading, column.term, numeric=not column.text)


def view_id(dataset: str, short: Mapping[str, str]) -> Datum:
    """A dataset by its short name, with the id a tap away."""
    text = short.get(dataset, dataset)
    return Datum(text, numeric=False, full=dataset if text != dataset else "")


def _view_lines(table: Table) -> tuple[tuple[Datum, ...], ...]:
    """Its cells, with each dataset by its short name: in a column of its own, and as a part of another text."""
    lines = [list(view_cells(row, table.columns)) for row in table.rows]
    for at, column in enumerate(table.columns):
        if not column.text:
            continue
        texts = [line[at].text for line in lines]
        own = column.heading == DATASET
        parts = texts if own else [part for text in texts for part in text.split(SEPARATOR) if _ID.fullmatch(part)]
        short = short_ids(parts)
        for line, text in zip(lines, texts, strict=True):
            told = short[text] if own else SEPARATOR.join(short.get(part, part) for part in text.split(SEPARATOR))
            if told != text:
                line[at] = Datum(told, numeric=False, full=text)
    return tuple(map(tuple, lines))


def view_cells(row: Sequence[Cell], columns: Sequence[Column]) -> tuple[Datum, ...]:
    return tuple(_view_cell(cell, column) for cell, column in zip(row, columns, strict=True))


def order_of(value: float) -> str:
    """What a number is sorted by: all that its shown digits can tell, and the same on any processor."""
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return f"{value + 0.0:.6g}"  # without the sign of a zero, which is another on another processor


def pack_text(label: str, name: str, text: str, folder: str) -> Download:
    """`text` as a file inside the page; where it is too large for that, as the file in `folder` beside the page."""
    content = text.encode()
    if len(content) > MOST_WITHIN:
        return Download(f"{label} ({folder}{name}, {len(content) / 1e6:.1f} MB)", name, f"{folder}{name}")
    kinds = {"svg": "image/svg+xml", "csv": "text/csv", "md": "text/markdown", "tex": "application/x-tex"}
    kind = kinds[name.rpartition(".")[2]]
    return Download(label, name, f"data:{kind};charset=utf-8;base64,{base64.b64encode(content).decode()}")


def _find_filters(table: Table) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The columns of names that differ from row to row, each with its values in the order of the rows."""
    found = []
    for at, column in enumerate(table.columns):
        values = tuple(dict.fromkeys(str(row[at]) for row in table.rows))
        if column.text and column.heading in FILTERED and len(values) > 1:
            short = short_ids(values) if column.heading == DATASET else {}
            found.append((column.heading, tuple(short.get(value, value) for value in values)))
    return tuple(found)


def _view_cell(cell: Cell, column: Column) -> Datum:
    text = cell_text(cell, column)
    if isinstance(cell, Estimate):
        value, _, interval = text.partition(" [")
        few = "(1 run)" if cell.n == 1 else ""
        return Datum(value, f"[{interval}" if interval else "", few, order_of(cell.value))
    if isinstance(cell, str | bool):
        return Datum(text or NO_VALUE, numeric=not column.text)
    return Datum(text, order=order_of(float(cell)), numeric=not column.text)
