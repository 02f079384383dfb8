"""Positive bias of each dataset and algorithm with its interval, ours beside the published."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from offline_bench.analysis.findings import PositiveBias
from offline_bench.analysis.scores.leaderboard import label_algorithms
from offline_bench.report.comma import comma_separated
from offline_bench.report.figures.figure import Figure
from offline_bench.report.figures.palette import COLORS, Look
from offline_bench.report.figures.sheet import WIDTH, draw_legend, legend_height, open_sheet
from offline_bench.report.figures.stack import Stack, pile, short_names
from offline_bench.report.tables.table import NAMES, Column, Rows, Table, tables_of

STEP = 15.0  # points a row
OURS = Look(COLORS[0], "o", "", "-")
THEIRS = Look(COLORS[1], "D", "", "-")
TICKS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
HEADER = ("dataset", "curation", "algorithm", "bias", "low", "high", "n", "epsilon", "worst", "published", "source")


def draw_positive_bias(biases: Sequence[PositiveBias]) -> tuple[Figure, ...]:
    """One figure with a row for each dataset, curation and algorithm; infinity stands at the right edge."""
    biases = [item for item in biases if not math.isnan(item.bias.value)]
    if not biases:
        return ()
    stack = _pile(biases)
    published = any(not math.isnan(item.published) for item in biases)
    legend = {"ours, with its 95 % interval": OURS} | ({"published": THEIRS} if published else {})
    top = legend_height(legend) + 4.0
    with open_sheet(top + stack.height + 36.0) as sheet:
        draw_legend(sheet, 0.0, legend)
        stack.write(sheet, top)
        edge = _edge(biases)
        axes = sheet.panel(stack.left, top, WIDTH - stack.left - 30.0, stack.height)
        axes.set(xscale="log", xlim=(0.8 * _least(biases), edge), ylim=(stack.height, 0.0), yticks=[])
        axes.set_xticks([tick for tick in TICKS if 0.8 * _least(biases) <= tick < edge])
        axes.set_xticklabels([f"{tick:g}" for tick in TICKS if 0.8 * _least(biases) <= tick < edge])
        axes.minorticks_off()
        axes.set_xlabel("positive bias, 1 / ε̂ (log scale; ∞ at the edge)")
        axes.spines["left"].set_visible(False)
        axes.grid(True, axis="x")
        for line in stack.lines:
            _draw_row(axes, line.y, line.item, edge)
        description = (
            f"{len(stack.lines)} rows, one for each dataset, curation and algorithm. A point is the positive bias, a "
            "line its 95 % interval. A diamond is the published value. An arrow at the right edge is ∞. At 1, the "
            "floor, nothing of the score stays under the worst wrong reward. Cloning (bc) is blind to reward."
        )
        return (sheet.to_figure("positive-bias", "Positive bias", description, comma_separated(HEADER, _rows(biases))),)


def _pile(biases: Sequence[PositiveBias]) -> Stack[PositiveBias]:
    short = short_names([item.dataset for item in biases])
    labels = label_algorithms(item.algorithm for item in biases)
    several = len({(item.dataset, item.curation) for item in biases}) > len({item.dataset for item in biases})
    groups = [short[item.dataset] + (f", {item.curation}" if several else "") for item in biases]
    return pile(zip(groups, (labels[item.algorithm] for item in biases), biases, strict=True), STEP)


def _finite(biases: Sequence[PositiveBias]) -> list[float]:
    values = [value for item in biases for value in (item.bias.value, item.bias.low, item.bias.high, item.published)]
    return [value for value in values if math.isfinite(value) and value > 0]


def _least(biases: Sequence[PositiveBias]) -> float:
    return min([1.0, *_finite(biases)])


def _edge(biases: Sequence[PositiveBias]) -> float:
    """Beyond every point, but not so far that one wild interval presses all others together."""
    points = [item.bias.value for item in biases] + [item.published for item in biases]
    return 2.0 * max([2.0, *(value for value in points if math.isfinite(value))])


def _draw_row(axes: Any, y: float, item: PositiveBias, edge: float) -> None:
    estimate = item.bias
    if not math.isnan(estimate.low) and not math.isnan(estimate.high):
        reach = min(estimate.high, edge)
        axes.plot(
            [min(estimate.low, edge), reach], [y, y], color=OURS.color, linewidth=2.2, alpha=0.5, solid_capstyle="butt"
        )
    _draw_point(axes, y, estimate.value, edge, OURS, 5.0)
    if not math.isnan(item.published):
        _draw_point(axes, y + 0.2 * STEP, item.published, edge, THEIRS, 4.0)
    if max(estimate.value, estimate.high) > edge:
        beyond = "∞" if math.isinf(max(estimate.value, estimate.high)) else "→"
        axes.text(1.02, y + 3.2, beyond, transform=axes.get_yaxis_transform())


def _draw_point(axes: Any, y: float, value: float, edge: float, look: Look, size: float) -> None:
    marker = look.marker if value < edge else ">"
    style = {"markersize": size, "linestyle": "none", "clip_on": False}
    axes.plot([min(value, edge)], [y], color=look.color, marker=marker, **style)


def _rows(biases: Sequence[PositiveBias]) -> Iterator[list[str | float | None]]:
    for item in biases:
        ours = [item.bias.value, item.bias.low, item.bias.high, item.bias.n, item.epsilon.value]
        names = (item.dataset, item.curation, item.algorithm)
        yield [*names, *ours, item.worst, item.published, item.published_source]


def bias_tables(biases: Sequence[PositiveBias]) -> tuple[Table, ...]:
    """Positive bias per dataset, curation and algorithm, ours beside the published."""
    labels = label_algorithms(item.algorithm for item in biases)
    rows: Rows = tuple(
        (
            item.dataset,
            item.curation,
            labels[item.algorithm],
            item.epsilon,
            item.bias,
            item.worst,
            item.published,
        )
        for item in biases
    )
    columns = (
        *NAMES,
        Column("ε̂", "epsilon", digits=2),
        Column("bias", "positive-bias", digits=2),
        Column("worst reward", text=True),
        Column("published", "published-bias", digits=2),
    )
    sources = dict.fromkeys(item.published_source for item in biases if item.published_source)
    note = f"Published: {'; '.join(sources)}." if sources else ""
    return tables_of("positive-bias", "Positive bias", columns, rows, note)
