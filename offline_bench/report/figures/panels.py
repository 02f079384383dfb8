"""Small panels in rows that share their axes, in groups with a heading each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from offline_bench.report.figures.sheet import LETTER, WIDTH, Sheet, shorten

LEFT = 48.0
HEADING = 17.0
ABOVE = 15.0
HIGH = 84.0  # points a panel
GAP = 16.0
BELOW = 34.0


@dataclass(frozen=True)
class Panel:
    """A place on the sheet; `outer` where no panel stands below it."""

    title: str
    x: float
    y: float
    outer: bool


@dataclass(frozen=True)
class Grid:
    """Where the panels stand, the headings as (baseline, text), and the points that all take."""

    panels: tuple[Panel, ...]
    headings: tuple[tuple[float, str], ...]
    width: float
    height: float

    def open_panels(self, sheet: Sheet, top: float, x_label: str, y_label: str) -> Iterator[Any]:
        """Axes in the order of the titles; labels only at the outer ones."""
        for y, text in self.headings:
            sheet.write(2.0, top + y, shorten(text, 60), weight="bold")
        for panel in self.panels:
            axes = sheet.panel(panel.x, top + panel.y, self.width, HIGH)
            first = panel.x == LEFT
            axes.grid(True)
            axes.tick_params(labelleft=first, labelbottom=panel.outer)
            axes.locator_params(nbins=4)
            axes.set(xlabel=x_label if panel.outer else "", ylabel=y_label if first else "")
            sheet.write(panel.x, top + panel.y - 4.0, shorten(panel.title, int(self.width / LETTER)))
            yield axes


def arrange(titles: Sequence[tuple[str, str]], most: int) -> Grid:
    """A grid of (group, title) in the order given, each group in rows of at most `most`; one group has no heading."""
    groups: dict[str, list[str]] = {}
    for group, title in titles:
        groups.setdefault(group, []).append(title)
    columns = max(1, min(most, max(map(len, groups.values()), default=1)))
    width = (WIDTH - LEFT - 10.0 - GAP * (columns - 1)) / columns
    panels, headings, y = [], [], 0.0
    for group, own in groups.items():
        if len(groups) > 1:
            headings.append((y + HEADING - 5.0, group))
            y += HEADING
        last = group == list(groups)[-1]
        for at, title in enumerate(own):
            down, across = divmod(at, columns)
            x, inner = LEFT + (width + GAP) * across, (ABOVE + HIGH + 10.0) * down
            panels.append(Panel(title, x, y + ABOVE + inner, last and at + columns >= len(own)))
        y += -(-len(own) // columns) * (ABOVE + HIGH + 10.0) - 4.0
    return Grid(tuple(panels), tuple(headings), width, y + BELOW - 6.0)
