"""Scores over all tasks as points with their intervals, by algorithm and reward: a panel a statistic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from offline_bench.analysis.findings import Aggregate, Estimate
from offline_bench.analysis.scores.leaderboard import label_algorithms
from offline_bench.report.comma import comma_separated
from offline_bench.report.figures.figure import Figure
from offline_bench.report.figures.palette import reward_looks
from offline_bench.report.figures.sheet import WIDTH, Sheet, open_sheet
from offline_bench.report.figures.stack import Stack, pile
from offline_bench.report.tables.table import Column, Rows, Table, tables_of

STEP = 14.0  # points a row
TOP = 18.0
GAP = 12.0
HEADER = ("algorithm", "reward", "statistic", "value", "low", "high", "n", "tasks")


def draw_aggregates(aggregates: Sequence[Aggregate]) -> tuple[Figure, ...]:
    """One figure with a panel for each statistic and a row for each algorithm and reward."""
    aggregates = [item for item in aggregates if math.isfinite(item.iqm.value)]
    if not aggregates:
        return ()
    labels = label_algorithms(item.algorithm for item in aggregates)
    stack = pile(((labels[item.algorithm], item.relabeling, item) for item in aggregates), STEP)
    with open_sheet(TOP + stack.height + 36.0) as sheet:
        stack.write(sheet, TOP)
        names = [name for name, _ in _statistics(aggregates[0])]
        width = (WIDTH - stack.left - 6.0 - GAP * (len(names) - 1)) / len(names)
        for at in range(len(names)):
            _draw_panel(sheet, stack, (stack.left + (width + GAP) * at, width), at, _limits(aggregates))
        description = (
            f"{len(stack.lines)} rows, one for each algorithm and reward; {len(names)} panels: {', '.join(names)}. A "
            "point is the score over all runs and tasks, and a line its 95 % interval."
        )
        csv = comma_separated(HEADER, _numbers(aggregates))
        return (sheet.to_figure("aggregates", "Scores over all tasks, with intervals", description, csv),)


def _statistics(item: Aggregate) -> tuple[tuple[str, Estimate], ...]:
    gap = ("optimality gap", item.optimality_gap)
    return (("IQM", item.iqm), ("median", item.median), ("mean", item.mean), gap)


def _draw_panel(
    sheet: Sheet, stack: Stack[Aggregate], place: tuple[float, float], at: int, limits: tuple[float, float]
) -> None:
    left, width = place
    known = reward_looks(line.item.relabeling for line in stack.lines)
    axes = sheet.panel(left, TOP, width, stack.height)
    axes.set(xlim=limits, ylim=(stack.height, 0.0), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=3)
    axes.grid(True, axis="x")
    for line in stack.lines:
        estimate, look = _statistics(line.item)[at][1], known[line.item.relabeling]
        axes.plot([estimate.low, estimate.high], [line.y, line.y], color=look.color, linewidth=2.2, alpha=0.55)
        axes.plot([estimate.value], [line.y], color=look.color, marker=look.marker, markersize=4.5, linestyle="none")
    sheet.write(left, TOP - 6.0, _statistics(stack.lines[0].item)[at][0], weight="bold")


def _limits(aggregates: Sequence[Aggregate]) -> tuple[float, float]:
    estimates = [estimate for item in aggregates for _, estimate in _statistics(item)]
    values = [value for estimate in estimates for value in (estimate.value, estimate.low, estimate.high)]
    finite = [value for value in values if math.isfinite(value)]
    room = 0.04 * (max(finite) - min(finite)) or 1.0
    return min(finite) - room, max(finite) + room


def _numbers(aggregates: Sequence[Aggregate]) -> Iterator[list[str | float | None]]:
    for item in aggregates:
        for name, estimate in _statistics(item):
            values = [estimate.value, estimate.low, estimate.high, estimate.n, item.tasks]
            yield [item.algorithm, item.relabeling, name, *values]


def aggregate_tables(aggregates: Sequence[Aggregate]) -> tuple[Table, ...]:
    """Scores over all tasks, per algorithm and reward."""
    labels = label_algorithms(item.algorithm for item in aggregates)
    rows: Rows = tuple(
        (
            labels[item.algorithm],
            item.relabeling,
            item.iqm,
            item.median,
            item.mean,
            item.optimality_gap,
            item.tasks,
            len(item.missing),
        )
        for item in aggregates
    )
    columns = (
        Column("algorithm", text=True),
        Column("reward", text=True),
        Column("IQM", "iqm"),
        Column("median", "median"),
        Column("mean", "mean"),
        Column("optimality gap", "optimality-gap"),
        Column("tasks", "task"),
        Column("missing", "missing"),
    )
    return tables_of("aggregates", "Normalized score over all tasks", columns, rows, _list_missing(aggregates, labels))


def _list_missing(aggregates: Sequence[Aggregate], labels: Mapping[str, str]) -> str:
    """Which tasks are missing, each list once."""
    without: dict[tuple[str, ...], dict[str, None]] = {}
    for item in aggregates:
        if item.missing:
            without.setdefault(item.missing, {})[labels[item.algorithm]] = None
    return " ".join(f"Missing of {', '.join(names)}: {', '.join(tasks)}." for tasks, names in without.items())
