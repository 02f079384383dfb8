"""Scores of every dataset and curation under every reward, a heat map an algorithm; each cell has its number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from offline_bench.analysis.scores.entries import Cell, Leaderboard, Row
from offline_bench.report.comma import comma_separated
from offline_bench.report.figures.figure import Figure, name_each
from offline_bench.report.figures.sheet import LETTER, WIDTH, Sheet, open_sheet, shorten
from offline_bench.report.figures.stack import Stack, pile, short_names
from offline_bench.report.figures.vector import INK
from offline_bench.report.markdown import NO_VALUE, number

STEP = 18.0  # points a row
TOP = 22.0
BRIGHT = 0.179  # relative luminance above which black reads better than white
APART = 0.12  # columns between the data's own score and the rewards
HEADER = ("dataset", "curation", "algorithm", "steps", "reward", "iqm", "low", "high", "n_ok", "n_expected")
DATA = "data"


@dataclass(frozen=True)
class _Scale:
    """Colors of cividis from the least to the greatest score."""

    low: float
    high: float

    def color(self, value: float) -> Any:
        from matplotlib import colormaps

        return colormaps["cividis"]((value - self.low) / (self.high - self.low))


def draw_heat_maps(board: Leaderboard) -> tuple[Figure, ...]:
    """A heat map for each algorithm that has scores; datasets without a normalized score are left out.

    All share one scale of color, from the least to the greatest score of the board, so that they compare.
    """
    rows = [(part.dataset, row) for part in board.tables if part.task for row in part.rows if row.n_ok]
    values = [value for _, row in rows for value in (row.behavior, *(cell.value for cell in row.cells))]
    values = [value for value in values if math.isfinite(value)]
    if not values:
        return ()
    scale = _Scale(math.floor(min(0.0, *values) / 10.0) * 10.0, math.ceil(max(10.0, *values) / 10.0) * 10.0)
    names = name_each("heat-map", [entry.label for entry in board.algorithms])
    made = []
    for entry in board.algorithms:
        own = [(dataset, row) for dataset, row in rows if row.algorithm == entry.algorithm]
        if own:
            made.append(_draw(own, board.relabelings, entry.label, names[entry.label], scale))
    return tuple(made)


def _draw(rows: list[tuple[str, Row]], relabelings: Sequence[str], label: str, name: str, scale: _Scale) -> Figure:
    shown = [at for at in range(len(relabelings)) if any(row.cells[at].n_expected for _, row in rows)]
    stack = _pile(rows)
    heads = [DATA, *(relabelings[at] for at in shown)]
    with open_sheet(TOP + stack.height + 34.0) as sheet:
        stack.write(sheet, TOP)
        room = WIDTH - stack.left - 4.0
        axes = _open_panel(sheet, stack.left, TOP, room, stack.height, len(heads) + APART)
        for at, head in enumerate(heads):
            middle = stack.left + room * (_column(at) + 0.5) / (len(heads) + APART)
            sheet.write(middle, TOP - 6.0, _fit(head, room / len(heads)), ha="center")
        for line in stack.lines:
            _draw_cell(axes, 0, line.y, line.item.behavior, scale)
            for at, column in enumerate(shown):
                cell = line.item.cells[column]
                _draw_cell(axes, at + 1, line.y, cell.value, scale, "*" if 0 < cell.n_ok < cell.n_expected else "")
        _draw_scale(sheet, stack.left, TOP + stack.height + 9.0, scale)
        description = (
            f"Heat map of {label}: {len(stack.lines)} rows, one for each dataset and curation. {len(heads)} "
            "columns: the score of the data itself, then the one (IQM over seeds) under each reward. Brighter is more. "
            "The number is in the cell. A star marks fewer runs than expected."
        )
        csv = comma_separated(HEADER, _numbers(rows, relabelings, shown))
        return sheet.to_figure(name, f"{label}: score under each reward", description, csv)


def _pile(rows: list[tuple[str, Row]]) -> Stack[Row]:
    short = short_names([dataset for dataset, _ in rows])
    if all(row.curation == "full" for _, row in rows):
        return pile((("", short[dataset] + _budget(rows, dataset, row), row) for dataset, row in rows), STEP)
    return pile(((short[dataset], row.curation + _budget(rows, dataset, row), row) for dataset, row in rows), STEP)


def _budget(rows: list[tuple[str, Row]], dataset: str, row: Row) -> str:
    alike = {other.steps for name, other in rows if (name, other.curation) == (dataset, row.curation)}
    return f", {row.steps} steps" if len(alike) > 1 else ""


def _open_panel(sheet: Sheet, left: float, top: float, width: float, height: float, columns: float) -> Any:
    axes = sheet.panel(left, top, width, height)
    axes.set(xlim=(0.0, columns), ylim=(height, 0.0))
    axes.axis("off")
    return axes


def _column(at: int) -> float:
    return at + (APART if at else 0.0)


def _fit(text: str, width: float) -> str:
    return shorten(text, max(6, int(width / LETTER)))


def _draw_cell(axes: Any, at: int, y: float, value: float, scale: _Scale, mark: str = "") -> None:
    from matplotlib.patches import Rectangle

    known = math.isfinite(value)
    ground: Any = scale.color(value) if known else "none"
    edge = {"linewidth": 0.0} if known else {"linewidth": 0.5, "edgecolor": INK, "alpha": 0.4, "linestyle": ":"}
    axes.add_patch(Rectangle((_column(at) + 0.01, y - STEP / 2.0 + 0.4), 0.98, STEP - 0.8, facecolor=ground, **edge))
    ink = INK if not known else "#000000" if _luminance(ground) > BRIGHT else "#ffffff"
    text = number(value) + mark if known else NO_VALUE
    axes.text(_column(at) + 0.5, y + 3.2, text, ha="center", va="baseline", color=ink)


def _luminance(color: Sequence[float]) -> float:
    """Relative luminance of an sRGB color in [0, 1], as WCAG 2 defines it; black and white contrast alike at 0.18."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _draw_scale(sheet: Sheet, left: float, top: float, scale: _Scale) -> None:
    from matplotlib.patches import Rectangle

    width, parts = 140.0, 28
    axes = _open_panel(sheet, left + 20.0, top, width, 8.0, parts)
    for at in range(parts):
        value = scale.low + (scale.high - scale.low) * (at + 0.5) / parts
        axes.add_patch(Rectangle((at, 0.0), 1.04, 8.0, facecolor=scale.color(value), linewidth=0.0))
    sheet.write(left + 15.0, top + 7.0, number(scale.low, 0), ha="right")
    sheet.write(left + 20.0 + width + 5.0, top + 7.0, f"{number(scale.high, 0)}: normalized score")


def _numbers(
    rows: list[tuple[str, Row]], relabelings: Sequence[str], shown: list[int]
) -> Iterator[list[str | float | None]]:
    for dataset, row in rows:
        names: list[str | float | None] = [dataset, row.curation, row.algorithm, row.steps]
        yield [*names, DATA, row.behavior, None, None, None, None]
        for at in shown:
            cell: Cell = row.cells[at]
            yield [*names, relabelings[at], cell.value, cell.low, cell.high, cell.n_ok, cell.n_expected]
