"""Length against score of every run, by reward, beside the scores under each reward; the data itself is marked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from offline_bench.analysis.behavior.lengths import LengthTable, RunPoint
from offline_bench.analysis.digest.words import shorten_id
from offline_bench.report.comma import comma_separated
from offline_bench.report.figures.figure import Figure, name_each
from offline_bench.report.figures.palette import POINTS, Look, reward_looks
from offline_bench.report.figures.sheet import WIDTH, Sheet, draw_legend, legend_height, open_sheet, shorten
from offline_bench.report.figures.thinned import tell_thinned, thin
from offline_bench.report.figures.vector import INK, PAPER

PANEL = 128.0  # points high
BELOW = 34.0
ABOVE = 18.0
LEFT = 40.0
WIDE = 205.0
GAP = 22.0
HEADER = ("dataset", "curation", "reward", "algorithm", "seed", "length", "value", "unit")
DATA = "the data itself"


def draw_lengths(tables: Sequence[LengthTable]) -> tuple[Figure, ...]:
    """A figure for each dataset that has runs, with two panels a curation, see `run_lengths`."""
    datasets = list(dict.fromkeys(table.dataset for table in tables if table.points))
    names = name_each("length-score", datasets)
    return tuple(
        _draw([table for table in tables if table.dataset == dataset and table.points], names[dataset])
        for dataset in datasets
    )


def _draw(tables: list[LengthTable], name: str) -> Figure:
    known = reward_looks(point.relabeling for table in tables for point in table.points)
    legend = {**known, DATA: Look(INK, "*", "", ":")}
    first = tables[0]
    unit = "normalized score" if first.scored else "true return"
    top = legend_height(legend)
    step = ABOVE + PANEL + BELOW
    lengths = {length for table in tables for length in _lengths(table)}
    fixed = lengths.pop() if len(lengths) == 1 else 0.0
    with open_sheet(top + step * len(tables)) as sheet:
        draw_legend(sheet, 0.0, legend)
        x_limits = _limits([value for table in tables for value in (*_lengths(table), table.data_length)])
        y_limits = _limits([value for table in tables for value in (*_values(table), table.data_value)])
        count = sum(len(table.points) for table in tables)
        for at, whole in enumerate(tables):
            table = replace(whole, points=tuple(thin(whole.points, count)))
            y = top + ABOVE + step * at
            if len(tables) > 1:
                sheet.write(LEFT, y - 6.0, shorten(table.curation, 60), weight="bold")
            if fixed:
                sheet.write(LEFT, y + 0.5 * PANEL, f"All episodes have {fixed:,.0f} steps:")
                sheet.write(LEFT, y + 0.5 * PANEL + 13.0, "length has nothing to tell.")
            else:
                _draw_scatter(sheet, y, table, known, x_limits, y_limits, unit)
            _draw_strip(sheet, y, table, known, y_limits, labelled=bool(fixed))
        description = (
            f"{first.dataset}: two panels for each curation. On the left each point is a run: the mean length of its "
            f"evaluation episodes against its {unit}, by reward. On the right the same scores stand in a column a "
            "reward. A star and a dotted line mark the data: the mean length of its episodes as they were cut, and the "
            "mean score of the whole episodes. If all episodes are equally long, a line says so in place of the points."
        ) + tell_thinned(count, "runs")
        title = f"{shorten_id(first.dataset)}: episode length against score, by reward"
        return sheet.to_figure(name, title, description, comma_separated(HEADER, _numbers(tables, unit)))


def _draw_scatter(
    sheet: Sheet,
    y: float,
    table: LengthTable,
    known: dict[str, Look],
    x_limits: tuple[float, float],
    y_limits: tuple[float, float],
    unit: str,
) -> None:
    axes = sheet.panel(LEFT, y, WIDE, PANEL)
    axes.set(xlim=x_limits, ylim=y_limits, xlabel="mean episode length (steps)", ylabel=unit)
    axes.grid(True)
    _mark_data(axes, table)
    for name, look in known.items():
        points = [point for point in table.points if point.relabeling == name]
        _draw_points(axes, [p.length for p in points], [p.value for p in points], look)
    if math.isfinite(table.data_length) and math.isfinite(table.data_value):
        star = {"marker": "*", "markersize": 11, "markeredgecolor": PAPER, "markeredgewidth": 0.8}
        axes.plot([table.data_length], [table.data_value], color=INK, linestyle="none", zorder=5, **star)


def _draw_strip(
    sheet: Sheet, y: float, table: LengthTable, known: dict[str, Look], y_limits: tuple[float, float], labelled: bool
) -> None:
    left = LEFT + WIDE + GAP
    axes = sheet.panel(left, y, WIDTH - left - 4.0, PANEL)
    axes.set(xlim=(-0.5, len(known) - 0.5), ylim=y_limits, xticks=range(len(known)))
    longest = max(4, int(0.185 * (WIDTH - left) / len(known)))
    axes.set_xticklabels([shorten(name, longest) for name in known])
    axes.tick_params(labelleft=labelled, bottom=False)
    axes.grid(True, axis="y")
    _mark_data(axes, table)
    for at, (name, look) in enumerate(known.items()):
        points = [point for point in table.points if point.relabeling == name]
        _draw_points(axes, [at + shift for shift in _spread(points)], [p.value for p in points], look)


def _draw_points(axes: Any, across: Sequence[float], up: Sequence[float], look: Look) -> None:
    axes.plot(across, up, color=look.color, marker=look.marker, markersize=4.4, **POINTS)


def _mark_data(axes: Any, table: LengthTable) -> None:
    if math.isfinite(table.data_value):
        axes.axhline(table.data_value, color=INK, linewidth=0.9, linestyle=(0, (1, 2)))


def _spread(points: Sequence[RunPoint]) -> list[float]:
    """Places beside one another, an algorithm a slot, within ±0.3 of a column."""
    slots = list(dict.fromkeys(point.algorithm for point in points))
    return [0.6 * (slots.index(point.algorithm) + 0.5) / len(slots) - 0.3 for point in points]


def _limits(values: Sequence[float]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite), max(finite)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _lengths(table: LengthTable) -> list[float]:
    return [point.length for point in table.points]


def _values(table: LengthTable) -> list[float]:
    return [point.value for point in table.points]


def _numbers(tables: Sequence[LengthTable], unit: str) -> Iterator[list[str | float | None]]:
    for table in tables:
        names: list[str | float | None] = [table.dataset, table.curation]
        yield [*names, DATA, "", None, table.data_length, table.data_value, unit]
        for point in table.points:
            yield [*names, point.relabeling, point.algorithm, point.seed, point.length, point.value, unit]
