"""Colors, marks, hatches and lines: each series differs in shape, too, for eyes and prints without color.

Colors are those of Okabe and Ito (2008), "Color universal design"; its yellow is left out, as on white it cannot be
seen, and a gray stands for its black, that is text here. The first five keep a contrast of 3 on white and on near-black.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#808080", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "p")
HATCHES = ("", "////", "\\\\\\\\", "xxxx", "----", "||||", "++++")
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
