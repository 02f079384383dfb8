"""`Figure`: a drawing as SVG with the numbers behind it as CSV, and the files it becomes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from offline_bench.core.storage import write_text
from offline_bench.report.figures.vector import dark_form, inline_form


@dataclass(frozen=True)
class Figure:
    """One drawing. `title` and `description` are plain text, also inside the SVG, for those who do not see it.

    name   lower-case letters, digits and hyphens: a file name, and what sets the ids in its SVG apart
    svg    stand-alone: black on white, with its size
    csv    the numbers that are drawn, one row a mark
    """

    name: str
    title: str
    description: str
    svg: str
    csv: str

    @property
    def inline(self) -> str:
        """The `<svg>` element to set in a page: no style attribute (for a strict content policy), ink `currentColor`,
        paper `var(--paper)`, the page's font, a `width` but no height. The page's style gives it `height: auto` and a
        `max-width`; below about 440 px its smallest text is under 8 px, so that it had better scroll than shrink."""
        return inline_form(self.svg)

    @property
    def dark(self) -> str:
        """The stand-alone drawing for a dark page."""
        return dark_form(self.svg)


def write_figures(folder: Path, figures: Iterable[Figure]) -> list[Path]:
    """Write `<name>.svg` and `<name>.csv` of each figure into `folder`; the paths written. Raises `StorageError`.

    What else lies in the folder is left alone.
    """
    paths = []
    for figure in figures:
        for suffix, text in ((".svg", figure.svg), (".csv", figure.csv)):
            write_text(folder / f"{figure.name}{suffix}", text)
            paths.append(folder / f"{figure.name}{suffix}")
    return paths


def name_each(prefix: str, texts: Sequence[str], longest: int = 60) -> dict[str, str]:
    """A name for each of `texts`, `prefix` first; where two come to the same, the later gets a number."""
    names: dict[str, str] = {}
    for text in dict.fromkeys(texts):
        plain = re.sub(r"[^a-z0-9]+", "-", text.lower())[:longest].strip("-")
        name = "-".join(filter(None, (prefix, plain)))
        taken = set(names.values())
        numbered = (f"{name}-{number}" for number in range(2, len(texts) + 2))
        names[text] = name if name not in taken else next(other for other in numbered if other not in taken)
    return names
