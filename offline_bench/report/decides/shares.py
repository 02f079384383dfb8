"""Shares of variance as bars with intervals: a panel over all datasets, and one for each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from offline_bench.analysis.findings import Estimate, Shares
from offline_bench.report.comma import comma_separated
from offline_bench.report.figures.figure import Figure
from offline_bench.report.figures.palette import Look, looks
from offline_bench.report.figures.sheet import LETTER, WIDTH, Sheet, open_sheet, shorten
from offline_bench.report.figures.stack import short_names
from offline_bench.report.figures.vector import INK
from offline_bench.report.markdown import number
from offline_bench.report.tables.table import ALL, Column, Rows, Table, tables_of

STEP = 16.0  # points a bar
ABOVE = 20.0
GAP = 16.0
COLUMNS = 2
RATIO_OF = ("coverage", "reward")
HEADER = ("dataset", "source", "share", "low", "high", "n")


def draw_shares(shares: Sequence[Shares]) -> tuple[Figure, ...]:
    """One figure with a panel for each of `shares`; sources without a share are named and have no bar."""
    shares = [part for part in shares if any(math.isfinite(estimate.value) for _, estimate in part.shares)]
    if not shares:
        return ()
    sources = list(dict.fromkeys(source for part in shares for source, _ in part.shares))
    titles = short_names([part.dataset for part in shares if part.dataset]) | {"": ALL}
    left = max(60.0, 12.0 + LETTER * max(len(shorten(source)) for source in sources))
    columns = min(COLUMNS, len(shares))
    width = (WIDTH - left - 30.0 - GAP * (columns - 1)) / columns
    high, limits = STEP * len(sources), _limits(shares)
    rows = -(-len(shares) // columns)
    with open_sheet(rows * (ABOVE + high + 12.0) + 28.0) as sheet:
        for at, part in enumerate(shares):
            down, across = divmod(at, columns)
            x, y = left + (width + GAP) * across, ABOVE + (ABOVE + high + 12.0) * down
            axes = _open_panel(sheet, (x, y, width, high), limits, last=at + columns >= len(shares))
            sheet.write(x, y - 5.0, shorten(titles[part.dataset], int(width / LETTER)), weight="bold")
            _draw_bars(axes, dict(part.shares), looks(sources))
            if not across:
                for line, source in enumerate(sources):
                    sheet.write(left - 7.0, y + STEP * (line + 0.5) + 3.2, shorten(source), ha="right")
        description = (
            f"Bars for {', '.join(sources)}: the share of the variance of the score that each decides, with its 95 % "
            f"interval as a line and the share as a number; panels: {', '.join(titles[p.dataset] for p in shares)}."
        )
        csv = comma_separated(HEADER, _numbers(shares))
        return (sheet.to_figure("variance-shares", "Shares of the variance of the score", description, csv),)


def _open_panel(sheet: Sheet, place: tuple[float, float, float, float], limits: tuple[float, float], last: bool) -> Any:
    axes = sheet.panel(*place)
    axes.set(xlim=limits, ylim=(place[3], 0.0), yticks=[])
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(labelbottom=last)
    if last:
        axes.set_xlabel("share of variance")
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")
    axes.axvline(0.0, color=INK, linewidth=0.8)
    return axes


def _draw_bars(axes: Any, found: Mapping[str, Estimate], known: Mapping[str, Look]) -> None:
    for at, (source, look) in enumerate(known.items()):
        estimate, y = found.get(source, Estimate()), STEP * (at + 0.5)
        if not math.isfinite(estimate.value):
            axes.text(0.0, y + 3.2, " –")
            continue
        bar = {"height": 0.62 * STEP, "facecolor": look.color, "edgecolor": INK, "linewidth": 0.5}
        axes.barh([y], [estimate.value], hatch=look.hatch, alpha=0.85, **bar)
        ends = [value for value in (estimate.low, estimate.high) if math.isfinite(value)]
        if len(ends) == 2:
            axes.plot(ends, [y, y], color=INK, linewidth=1.1)
            for end in ends:
                axes.plot([end, end], [y - 3.0, y + 3.0], color=INK, linewidth=1.1)
        place = {"xytext": (4.0, -3.2), "textcoords": "offset points"}
        axes.annotate(number(estimate.value, 2), (max(0.0, estimate.value, *ends), y), **place)


def _limits(shares: Sequence[Shares]) -> tuple[float, float]:
    values = [value for part in shares for _, share in part.shares for value in (share.value, share.low, share.high)]
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(0.0, *finite), max(0.1, *finite)
    return low - 0.02, high + 0.22 * (high - low)


def _numbers(shares: Sequence[Shares]) -> Iterator[list[str | float | None]]:
    for part in shares:
        for source, share in part.shares:
            yield [part.dataset or ALL, source, share.value, share.low, share.high, share.n]


def share_tables(shares: Sequence[Shares]) -> tuple[Table, ...]:
    """The variance of the score by source: a row for all datasets and one for each."""
    sources = list(dict.fromkeys(source for part in shares for source, _ in part.shares))
    rows: Rows = tuple(
        (part.dataset or ALL, *(dict(part.shares).get(source, Estimate()) for source in sources), part.ratio)
        for part in shares
    )
    columns = (
        Column("dataset", text=True),
        *(Column(source, "share", digits=3) for source in sources),
        Column("coverage / reward", "ratio"),
    )
    note = " ".join(f"{part.dataset or ALL}: {part.note}" for part in shares if part.note)
    return tables_of("variance-shares", "Share of the variance of the score by source", columns, rows, note)


def ratio_tables(within: Sequence[Shares]) -> tuple[Table, ...]:
    """The headline's number within each dataset, where there is one to tell."""
    told = [part for part in within if not math.isnan(part.ratio.value)]
    rows: Rows = tuple((part.dataset, part.ratio, *(dict(part.shares)[name] for name in RATIO_OF)) for part in told)
    columns = (
        Column("dataset", text=True),
        Column("coverage / reward", "ratio", digits=2),
        *(Column(name, "share", digits=3) for name in RATIO_OF),
    )
    return tables_of("ratios", "The same within each dataset", columns, rows)
