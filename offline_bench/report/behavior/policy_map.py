"""The map of a task's policies, once by coverage and once by reward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from offline_bench.analysis.digest.words import shorten_id
from offline_bench.analysis.findings import MapPoint, PolicyMap
from offline_bench.report.comma import comma_separated
from offline_bench.report.figures.figure import Figure, name_each
from offline_bench.report.figures.palette import POINTS, looks, reward_looks
from offline_bench.report.figures.sheet import WIDTH, draw_legend, legend_height, open_sheet
from offline_bench.report.figures.stack import short_names
from offline_bench.report.figures.thinned import tell_thinned, thin

LEFT = 46.0
HIGH = 300.0  # points
HEADER = ("key", "x", "y", "coverage", "reward", "algorithm", "seed", "score")
VIEWS: dict[str, Callable[[MapPoint], str]] = {
    "coverage": lambda point: point.coverage,
    "reward": lambda point: point.reward,
}


def draw_policy_maps(maps: Sequence[PolicyMap]) -> tuple[Figure, ...]:
    """Two figures for each map that has points."""
    maps = [found for found in maps if found.points]
    names = name_each("policy-map", [found.dataset for found in maps])
    return tuple(_draw(found, names[found.dataset], view) for found in maps for view in VIEWS)


def _draw(found: PolicyMap, name: str, view: str) -> Figure:
    groups: dict[str, list[MapPoint]] = {}
    for point in thin(sorted(found.points, key=lambda point: point.key)):
        groups.setdefault(VIEWS[view](point), []).append(point)
    order = dict.fromkeys(VIEWS[view](point) for point in found.points)
    known = reward_looks(order) if view == "reward" else looks(order)
    order = dict.fromkeys(known)
    short = short_names(list(order))
    legend = {short[text].strip(): known[text] for text in order}
    top = legend_height(legend) + 4.0
    with open_sheet(top + HIGH + 34.0) as sheet:
        draw_legend(sheet, 0.0, legend)
        axes = sheet.panel(LEFT, top, WIDTH - LEFT - 6.0, HIGH)
        axes.set_xlabel(f"first axis ({found.explained[0]:.0%} of squared distance)".replace("%", " %"))
        axes.set_ylabel(f"second axis ({found.explained[1]:.0%})".replace("%", " %"))
        axes.grid(True)
        axes.margins(0.04)
        for text in order:
            points, look = groups.get(text, []), known[text]
            places = [point.x for point in points], [point.y for point in points]
            axes.plot(*places, color=look.color, marker=look.marker, markersize=5, **POINTS)
        axes.set_aspect("equal", adjustable="datalim")
        description = (
            f"{found.dataset}: {len(found.points)} policies as points. Policies near one another visit the same states "
            f"and act alike there. Color and shape tell the {view}: {', '.join(order)}."
        ) + tell_thinned(len(found.points), "policies")
        title = f"{shorten_id(found.dataset)}: policies by {view}"
        return sheet.to_figure(f"{name}-{view}", title, description, comma_separated(HEADER, _numbers(found)))


def _numbers(found: PolicyMap) -> Iterator[list[str | float | None]]:
    for p in found.points:
        yield [p.key, p.x, p.y, p.coverage, p.reward, p.algorithm, p.seed, p.score]
