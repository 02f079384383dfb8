"""Learning curves: score against gradient step by reward, a panel an algorithm and curation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from offline_bench.analysis.digest.lines import CURVE
from offline_bench.analysis.digest.words import shorten_id
from offline_bench.analysis.scores.leaderboard import label_algorithms
from offline_bench.analysis.scores.learning_curves import Curve
from offline_bench.report.comma import comma_separated
from offline_bench.report.figures.figure import Figure, name_each
from offline_bench.report.figures.palette import Look, reward_looks
from offline_bench.report.figures.panels import arrange
from offline_bench.report.figures.sheet import draw_legend, legend_height, open_sheet
from offline_bench.report.figures.vector import INK

MOST_COLUMNS = 4
HEADER = ("dataset", "curation", "algorithm", "budget", "reward", "step", "value", "low", "high", "n")
Panel = tuple[str, str, int]


def draw_curves(curves: Sequence[Curve]) -> tuple[Figure, ...]:
    """A figure for each dataset whose runs were evaluated more than once on the way."""
    datasets = dict.fromkeys(curve.dataset for curve in curves if len(curve.steps) > 1)
    names = name_each("curves", list(datasets))
    return tuple(_draw([c for c in curves if c.dataset == dataset], names[dataset]) for dataset in datasets)


def _draw(curves: list[Curve], name: str) -> Figure:
    known = reward_looks(curve.relabeling for curve in curves)
    panels: dict[Panel, list[Curve]] = {}
    for curve in curves:
        panels.setdefault((curve.curation, curve.algorithm, curve.budget), []).append(curve)
    # A run that was evaluated only at its end has no curve.
    panels = {key: own for key, own in panels.items() if any(len(curve.steps) > 1 for curve in own)}
    grid = arrange(_titles(list(panels)), MOST_COLUMNS)
    unit = "score" if curves[0].scored else "true return"
    top = legend_height(known) + 2.0
    x_limits, y_limits = _limits([curve for own in panels.values() for curve in own])
    with open_sheet(top + grid.height) as sheet:
        draw_legend(sheet, 0.0, known, line=True)
        axes_in_order = grid.open_panels(sheet, top, "steps (thousands)", unit)
        for axes, own in zip(axes_in_order, panels.values(), strict=True):
            axes.set(xlim=x_limits, ylim=y_limits)
            _draw_panel(axes, own, known)
        dataset = curves[0].dataset
        few = all(len(curve.steps) < CURVE for curve in curves)
        lines, bands = ("Marks", "bars") if few else ("Lines", "bands")
        description = (
            f"{dataset}: {len(panels)} panels, one for each algorithm and curation. {lines} are the {unit} (IQM over "
            f"seeds) at each gradient step that was evaluated, one for each reward, and {bands} are their 95 % "
            "intervals, cut at the edges. The dotted line is the data itself."
        )
        csv = comma_separated(HEADER, _numbers(curves))
        return sheet.to_figure(name, f"{shorten_id(dataset)}: learning curves by reward", description, csv)


def _titles(panels: Sequence[Panel]) -> list[tuple[str, str]]:
    labels = label_algorithms(algorithm for _, algorithm, _ in panels)
    alike = [(curation, algorithm) for curation, algorithm, _ in panels]
    return [
        (curation, labels[algorithm] + (f", {budget} steps" if alike.count((curation, algorithm)) > 1 else ""))
        for curation, algorithm, budget in panels
    ]


def _draw_panel(axes: Any, curves: Sequence[Curve], known: Mapping[str, Look]) -> None:
    if math.isfinite(curves[0].behavior):
        axes.axhline(curves[0].behavior, color=INK, linewidth=0.9, linestyle=(0, (1, 2)))
    bars: list[tuple[float, float, float, str]] = []
    for curve in curves:
        look = known[curve.relabeling]
        steps = [step / 1000.0 for step in curve.steps]
        least, most = axes.get_ylim()
        low = [max(least, value.value if math.isnan(value.low) else value.low) for value in curve.values]
        high = [min(most, value.value if math.isnan(value.high) else value.high) for value in curve.values]
        style = {"marker": look.marker, "markersize": 3.2, "linestyle": look.line, "linewidth": 1.3}
        if len(steps) < CURVE:
            # Two points are no curve: nothing is known of what lies between.
            style["linestyle"] = "none"
            bars += zip(steps, low, high, repeat(look.color))
        else:
            axes.fill_between(steps, low, high, color=look.color, alpha=0.13, linewidth=0.0)
        axes.plot(steps, [value.value for value in curve.values], color=look.color, **style)
    if bars:
        # One collection for the panel: thousands of their own take a tenth of a large report. Below lines and marks.
        at, lowest, highest, colors = zip(*bars, strict=True)
        axes.vlines(at, lowest, highest, colors=colors, alpha=0.35, linewidth=1.3, zorder=1.9)


def _limits(curves: Sequence[Curve]) -> tuple[tuple[float, float], tuple[float, float]]:
    steps = [step / 1000.0 for curve in curves for step in curve.steps]
    # Not by the bands: of three wild seeds, one would press all lines of the figure together.
    values = [estimate.value for curve in curves for estimate in curve.values]
    values += [curve.behavior for curve in curves]
    finite = [value for value in values if math.isfinite(value)]
    return (0.0, 1.05 * max(steps)), _padded(min(finite), max(finite))


def _padded(low: float, high: float) -> tuple[float, float]:
    room = 0.2 * (high - low) or 1.0
    return low - room, high + room


def _numbers(curves: Sequence[Curve]) -> Iterator[list[str | float | None]]:
    for curve in curves:
        names = (curve.dataset, curve.curation, curve.algorithm, curve.budget, curve.relabeling)
        for step, value in zip(curve.steps, curve.values, strict=True):
            yield [*names, step, value.value, value.low, value.high, value.n]
