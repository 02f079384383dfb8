"""The walks of learners on their grids: a panel for each learner and reward, once for each place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from offline_bench.analysis.behavior.walks import WalkPanel, WalkTable
from offline_bench.analysis.digest.words import shorten_id
from offline_bench.evaluation.exact import HERE
from offline_bench.evaluation.walking import Walk
from offline_bench.report.comma import comma_separated
from offline_bench.report.figures.figure import Figure, name_each
from offline_bench.report.figures.palette import Look, reward_looks
from offline_bench.report.figures.sheet import LETTER, WIDTH, Sheet, open_sheet, shorten
from offline_bench.report.figures.vector import INK, PAPER
from offline_bench.report.markdown import escape, number

LEFT = 76.0
GAP = 9.0  # points between panels
HEAD = 14.0  # the rewards' names, and each place's
FOOT = 15.0  # the chances below a panel
REWARDS = 4
SIDE = 0.13  # of a cell, that a leg lies to the right of the middle: so two that go both ways are seen
HEADER = ("dataset", "curation", "place", "algorithm", "reward", "runs", "from", "to", "share")
END = "end"
START, KEY, COIN, LAVA, ELSEWHERE = "S", "K", "C", "L", "m"
NAMES = {START: "start", KEY: "key", COIN: "coin", ELSEWHERE: "coin, where it is moved to", LAVA: "lava"}
READING = (
    "Each panel shows one learner under one reward. The line is the path that its policy takes if no step slips. It is "
    "as thick as the share of starts and seeds that walk there. A filled mark is a place where they end. The numbers "
    "below a panel are exact chances, and these do count slips."
)


@dataclass(frozen=True)
class _Place:
    """The size of a panel, and where on the sheet its row and column begin."""

    width: float
    height: float
    top: float

    def corner(self, row: int, column: int) -> tuple[float, float]:
        return LEFT + column * (self.width + GAP), self.top + row * (self.height + FOOT)


def draw_walks(tables: Sequence[WalkTable]) -> tuple[Figure, ...]:
    """A figure for each table, see `compare_walks`; of more than four rewards the first four."""
    names = name_each("walks", [_title(table) for table in tables])
    return tuple(_draw(table, names[_title(table)]) for table in tables)


def walks_section(tables: Sequence[WalkTable]) -> str:
    """`## Paths`, Markdown with the figures that `draw_walks` makes; '' where there is none."""
    if not tables:
        return ""
    parts = [f"## Paths\n\n{READING}\n"]
    for figure, table in zip(draw_walks(tables), tables, strict=True):
        parts.append(f"### {escape(_title(table))}, walked\n")
        parts.append(f"![{escape(figure.title)}](figures/{figure.name}.svg)\n")
    return "\n".join(parts)


def _title(table: WalkTable) -> str:
    return table.dataset if table.curation == "full" else f"{table.dataset}, {table.curation}"


def _draw(table: WalkTable, name: str) -> Figure:
    known = dict(list(reward_looks(panel.relabeling for panel in table.panels).items())[:REWARDS])
    learners = list(dict.fromkeys(panel.label for panel in table.panels))
    places = list(dict.fromkeys(panel.where for panel in table.panels))
    width = (WIDTH - LEFT - GAP * len(known)) / len(known)
    height = width * len(table.grid) / len(table.grid[0])
    above = HEAD if len(places) > 1 else 2.0
    block = above + 4.0 + (height + FOOT) * len(learners)
    with open_sheet(2 * HEAD + block * len(places)) as sheet:
        _draw_legend(sheet, table.grid)
        for column, reward in enumerate(known):
            sheet.write(LEFT + column * (width + GAP), 2 * HEAD - 3.0, shorten(reward, int(width / 5.0)), weight="bold")
        for at, where in enumerate(places):
            place = _Place(width, height, 2 * HEAD + block * at + above)
            if len(places) > 1:
                sheet.write(2.0, place.top - 5.0, _tell_place(where), weight="bold")
            for panel in table.panels:
                if panel.where == where and panel.relabeling in known:
                    corner = place.corner(learners.index(panel.label), list(known).index(panel.relabeling))
                    _draw_panel(sheet, corner, place, panel, table.grid, known[panel.relabeling])
            for row, learner in enumerate(learners):
                sheet.write(LEFT - 6.0, place.corner(row, 0)[1] + height / 2 + 3.0, shorten(learner, 15), ha="right")
        csv = comma_separated(HEADER, _numbers(table))
        return sheet.to_figure(name, f"{shorten_id(_title(table))}: paths under each reward", _describe(table), csv)


def _draw_legend(sheet: Sheet, grid: Sequence[str]) -> None:
    """The marks of cells that the grid has, each beside its name."""
    x = LEFT
    for mark, name in NAMES.items():
        if any(mark in row for row in grid):
            axes = sheet.panel(x, 1.0, 9.0, 9.0)
            axes.set(xlim=(0.0, 1.0), ylim=(1.0, 0.0))
            axes.axis("off")
            _draw_mark(axes, [(0, 0)], mark, mark != ELSEWHERE)
            sheet.write(x + 13.0, 9.0, name)
            x += 26.0 + LETTER * len(name)


def _tell_place(where: str) -> str:
    return "as in the data" if where == HERE else where


def _draw_panel(
    sheet: Sheet, corner: tuple[float, float], place: _Place, panel: WalkPanel, grid: Sequence[str], look: Look
) -> None:
    x, y = corner
    across, down = len(grid[0]), len(grid)
    axes = sheet.panel(x, y, place.width, place.height)
    axes.set(xlim=(0.0, across), ylim=(down, 0.0), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_alpha(0.45)
    _draw_cells(axes, grid, panel.where == HERE)
    _draw_walk(axes, panel.walk, across, look)
    told = ", ".join(f"{event} {number(chance, 2)}" for event, chance in panel.chances)
    sheet.write(x, y + place.height + 8.5, told, fontsize=7.5)


def _draw_cells(axes: Any, grid: Sequence[str], here: bool) -> None:
    for mark in NAMES:
        cells = [(at, down) for down, row in enumerate(grid) for at, cell in enumerate(row) if cell == mark]
        if cells:
            _draw_mark(axes, cells, mark, here)


def _draw_mark(axes: Any, cells: Sequence[tuple[int, int]], mark: str, here: bool) -> None:
    """All `cells` (column, row) of one mark; `here` where the coin lies as in the data."""
    from matplotlib.patches import Rectangle

    middles = [x + 0.5 for x, _ in cells], [y + 0.5 for _, y in cells]
    flat = {"color": INK, "linestyle": "none", "markeredgewidth": 0.0, "alpha": 0.55}
    if mark == LAVA:
        ink: dict[str, Any] = {"facecolor": "none", "edgecolor": INK, "alpha": 0.6, "hatch": "//////", "linewidth": 0.5}
        for cell in cells:
            axes.add_patch(Rectangle(cell, 1.0, 1.0, **ink))
    elif mark == START:
        ring = {"markersize": 5.4, "markerfacecolor": "none", "markeredgewidth": 0.7}
        axes.plot(*middles, color=INK, linestyle="none", marker="o", **ring)
    elif mark == KEY or (mark == COIN and here):
        axes.plot(*middles, marker="*", markersize=8.5, **flat)
    if not here and mark in (ELSEWHERE, START):
        axes.plot(*middles, marker="*", markersize=3.5, **flat)


def _draw_walk(axes: Any, walk: Walk, across: int, look: Look) -> None:
    lines: dict[float, tuple[list[float], list[float]]] = {}
    for (one, other), share in walk.legs.items():
        (y, x), (down, right) = divmod(one, across), divmod(other, across)
        aside_x, aside_y = 0.5 + SIDE * (y - down), 0.5 + SIDE * (right - x)
        # A gap after each leg: lines of one thickness are one path of the drawing.
        xs, ys = lines.setdefault(share, ([], []))
        xs += [x + aside_x, right + aside_x, math.nan]
        ys += [y + aside_y, down + aside_y, math.nan]
    for share, line in sorted(lines.items()):
        axes.plot(*line, color=look.color, linewidth=0.35 + 2.3 * share, solid_capstyle="round")
    for share in sorted(set(walk.ends.values())):
        ends = [divmod(cell, across) for cell, own in walk.ends.items() if own == share]
        places = [x + 0.5 for _, x in ends], [y + 0.5 for y, _ in ends]
        size = {"markersize": 2.0 + 3.6 * share**0.5, "markeredgecolor": PAPER, "markeredgewidth": 0.5}
        axes.plot(*places, color=look.color, linestyle="none", marker=look.marker, **size)


def _describe(table: WalkTable) -> str:
    rows: dict[tuple[str, str], dict[str, list[str]]] = {}
    for panel in table.panels:
        for event, chance in panel.chances:
            row = rows.setdefault((event, panel.where), {}).setdefault(panel.label, [])
            row.append(f"{panel.relabeling} {number(chance, 2)}")
    told = [
        f"The chance of {event}, {_tell_place(where)}: "
        + "; ".join(f"{label} {', '.join(values)}" for label, values in learners.items())
        for (event, where), learners in rows.items()
    ]
    return f"Learners from top to bottom, rewards from left to right. {'. '.join(told)}."


def _numbers(table: WalkTable) -> Iterator[list[str | float | None]]:
    across = len(table.grid[0])
    for panel in table.panels:
        names: list[str | float | None] = [table.dataset, table.curation, panel.where, panel.label, panel.relabeling]
        for (one, other), share in panel.walk.legs.items():
            yield [*names, panel.n, _name_cell(one, across), _name_cell(other, across), share]
        for cell, share in panel.walk.ends.items():
            yield [*names, panel.n, _name_cell(cell, across), END, share]


def _name_cell(cell: int, across: int) -> str:
    """Row and column from 1, from the upper left."""
    row, column = divmod(cell, across)
    return f"{row + 1}:{column + 1}"
