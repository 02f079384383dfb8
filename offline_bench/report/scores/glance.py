"""The page's first picture: what every learner scores under each reward, beside the data's own score."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from offline_bench.analysis.digest.words import short_ids
from offline_bench.analysis.findings import Aggregate, Estimate
from offline_bench.analysis.scores.entries import Leaderboard, Row
from offline_bench.analysis.scores.leaderboard import label_algorithms
from offline_bench.report.comma import comma_separated
from offline_bench.report.figures.figure import Figure
from offline_bench.report.figures.palette import POINTS, Look, reward_looks
from offline_bench.report.figures.sheet import LETTER, Sheet, draw_legend, legend_height, open_sheet, shorten
from offline_bench.report.figures.vector import INK
from offline_bench.report.tables.table import ALL

NAME = "glance"
WIDTH = 300.0  # points: a phone shows it whole
STEP = 21.0  # points a learner
HEADING = 19.0
TICKS = 16.0
BELOW = 14.0
DATASETS = 4
REWARDS = 5
LONGEST = 16  # letters of a learner's name
FULL = "full"
DATA = "the data itself"
HEADER = ("dataset", "algorithm", "reward", "value", "low", "high", "behavior")


@dataclass(frozen=True)
class _Panel:
    """One dataset: (label, an estimate for each reward that has runs) for each learner; NaN where no score is known."""

    title: str
    unit: str
    behavior: float
    lines: tuple[tuple[str, dict[str, Estimate]], ...]

    @property
    def values(self) -> list[float]:
        found = [value for _, of in self.lines for one in of.values() for value in (one.value, one.low, one.high)]
        return [value for value in (*found, self.behavior) if math.isfinite(value)]


def draw_glance(board: Leaderboard, aggregates: Sequence[Aggregate]) -> tuple[Figure, ...]:
    """One figure: a panel for each uncut dataset. More than four datasets become one panel over all tasks.

    Of more than five rewards the first five of the leaderboard are there. Empty where no run ended well.
    """
    rewards = board.relabelings[:REWARDS]
    panels = list(_panels(board, rewards))
    if len(panels) > DATASETS and aggregates:
        panels = [_over_all(aggregates, rewards)]
    panels = [panel for panel in panels[:DATASETS] if panel.lines]
    return (_draw(panels, rewards),) if panels else ()


def _panels(board: Leaderboard, rewards: Sequence[str]) -> Iterator[_Panel]:
    short = short_ids(part.dataset for part in board.tables)
    for part in board.tables:
        curations = [row.curation for row in part.rows]
        shown = FULL if FULL in curations else next(iter(curations), "")
        rows = [row for row in part.rows if row.curation == shown and row.n_ok]
        title = short[part.dataset] + ("" if shown == FULL else f", {shown}")
        behavior = rows[0].behavior if rows else math.nan
        lines = tuple((row.label, _estimates(row, rewards)) for row in rows)
        yield _Panel(title, "score" if part.task else "true return", behavior, lines)


def _estimates(row: Row, rewards: Sequence[str]) -> dict[str, Estimate]:
    cells = {cell.relabeling: cell for cell in row.cells if cell.n_ok and cell.relabeling in rewards}
    return {name: Estimate(cell.value, cell.low, cell.high, cell.n_ok) for name, cell in cells.items()}


def _over_all(aggregates: Sequence[Aggregate], rewards: Sequence[str]) -> _Panel:
    labels = label_algorithms(item.algorithm for item in aggregates)
    lines: dict[str, dict[str, Estimate]] = {}
    for item in aggregates:
        if item.relabeling in rewards:
            lines.setdefault(labels[item.algorithm], {})[item.relabeling] = item.iqm
    return _Panel(ALL, "score", math.nan, tuple(lines.items()))


def _draw(panels: Sequence[_Panel], rewards: Sequence[str]) -> Figure:
    known = reward_looks(rewards)
    behavior = any(math.isfinite(panel.behavior) for panel in panels)
    legend = {**known, **({DATA: Look(INK, "|", "", ":")} if behavior else {})}
    shared = {panel.unit for panel in panels} == {"score"}
    left = 10.0 + LETTER * max(len(shorten(label, LONGEST)) for panel in panels for label, _ in panel.lines)
    top = legend_height(legend, width=WIDTH)
    heights = [HEADING + STEP * len(panel.lines) + (0.0 if shared else TICKS) for panel in panels]
    height = top + sum(heights) + (TICKS if shared else 0.0) + BELOW
    with open_sheet(height, WIDTH) as sheet:
        draw_legend(sheet, 0.0, legend)
        limits = _limits([value for panel in panels for value in panel.values])
        y = top
        for panel, high in zip(panels, heights, strict=True):
            own = limits if shared else _limits(panel.values)
            last = not shared or panel is panels[-1]
            _draw_panel(sheet, (left, y), panel, known, own, last)
            y += high
        units = "score" if shared else "true return"
        sheet.write(left, height - 3.0, f"{units}: mark and 95 % interval")
        csv = comma_separated(HEADER, _numbers(panels))
        return sheet.to_figure(NAME, "Score under each reward", _describe(panels, rewards), csv)


def _draw_panel(
    sheet: Sheet,
    place: tuple[float, float],
    panel: _Panel,
    known: dict[str, Look],
    limits: tuple[float, float],
    ticks: bool,
) -> None:
    left, y = place
    high = STEP * len(panel.lines)
    sheet.write(2.0, y + HEADING - 6.0, shorten(panel.title, int(WIDTH / LETTER)), weight="bold")
    axes = sheet.panel(left, y + HEADING, WIDTH - left - 8.0, high)
    axes.set(xlim=limits, ylim=(high, 0.0), yticks=[])
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(labelbottom=ticks, bottom=ticks)
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")
    if math.isfinite(panel.behavior):
        axes.axvline(panel.behavior, color=INK, linewidth=1.1, linestyle=(0, (1, 1.5)))
    for at, (label, estimates) in enumerate(panel.lines):
        middle = STEP * (at + 0.5)
        sheet.write(left - 6.0, y + HEADING + middle + 3.2, shorten(label, LONGEST), ha="right")
        _draw_line(axes, middle, estimates, known)


def _draw_line(axes: Any, middle: float, estimates: dict[str, Estimate], known: dict[str, Look]) -> None:
    room = 0.72 * STEP / max(1, len(known) - 1)
    for at, (name, look) in enumerate(known.items()):
        found = estimates.get(name)
        if found is None:
            continue
        y = middle + room * (at - (len(known) - 1) / 2.0)
        if math.isfinite(found.low) and math.isfinite(found.high):
            axes.plot([found.low, found.high], [y, y], color=look.color, linewidth=1.4, alpha=0.5)
        axes.plot([found.value], [y], color=look.color, marker=look.marker, markersize=5.2, **POINTS)


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.04 * (high - low) or 1.0
    return low - room, high + room


def _describe(panels: Sequence[_Panel], rewards: Sequence[str]) -> str:
    names = ", ".join(panel.title for panel in panels)
    return (
        f"A row for each learner, grouped by data ({names}); in each row a mark for each reward that the learner saw "
        f"({', '.join(rewards)}), at the true score it then had, with its 95 % interval. The dotted line is what the "
        "data itself scores."
    )


def _numbers(panels: Sequence[_Panel]) -> Iterator[list[str | float | None]]:
    for panel in panels:
        for label, estimates in panel.lines:
            for name, found in estimates.items():
                yield [panel.title, label, name, found.value, found.low, found.high, panel.behavior]
