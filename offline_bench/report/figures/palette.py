"""Colors, marks, hatches and lines: each series differs in shape, too, for eyes and prints without color.

Colors are those of Okabe and Ito (2008), "Color universal design"; its yellow is left out, as on white it cannot be
seen, and a gray stands for its black, which is text here. The first five keep a contrast of 3 on white and near-black.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from offline_bench.analysis.scores.leaderboard import FIRST_RELABELINGS, relabeling_order
from offline_bench.report.figures.vector import PAPER

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#808080", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "p")
HATCHES = ("", "////", "\\\\\\\\", "xxxx", "----", "||||", "++++")
# Points stand apart where they crowd, and keep their full contrast.
POINTS: dict[str, Any] = {"linestyle": "none", "markeredgecolor": PAPER, "markeredgewidth": 0.4}
Dashes = tuple[int, tuple[float, ...]]
LINES: tuple[str | Dashes, ...] = ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1, 2)), (0, (9, 2)), (0, (3, 1, 1, 1)))


@dataclass(frozen=True)
class Look:
    """How one series is drawn."""

    color: str
    marker: str
    hatch: str
    line: Any


def looks(names: Iterable[str]) -> dict[str, Look]:
    """A look for each of `names` in their order; no two have the same color and shape for the first 77."""
    found = {}
    for at, name in enumerate(dict.fromkeys(names)):
        parts: list[Any] = [series[at % len(series)] for series in (COLORS, MARKERS, HATCHES, LINES)]
        found[name] = Look(*parts)
    return found


def reward_looks(relabelings: Iterable[str]) -> dict[str, Look]:
    """A look for each of `relabelings`, in the leaderboard's order; the usual four look the same in every figure."""
    known = set(relabelings)
    order = [*FIRST_RELABELINGS, *sorted(known - set(FIRST_RELABELINGS), key=relabeling_order)]
    return {name: look for name, look in looks(order).items() if name in known}
