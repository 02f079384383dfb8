"""A sheet of paper to draw on: panels are set by hand in points, so that no layout is solved and none can differ."""

from __future__ import annotations

import io
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from offline_bench.report.figures.figure import Figure
from offline_bench.report.figures.palette import Look
from offline_bench.report.figures.vector import INK, finish

WIDTH = 450.0  # points; a page shows it at 675 px, a phone in a box that scrolls
TEXT = 9.0  # points, for names and numbers
LETTER = 0.56 * TEXT  # points, a generous mean width

_RC = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": TEXT,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": TEXT,
    "axes.titlelocation": "left",
    "axes.titlepad": 4,
    "axes.titleweight": "bold",
    "axes.unicode_minus": True,
    "font.size": TEXT,
    "grid.alpha": 0.18,
    "grid.color": INK,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.7,
    "path.simplify": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "offline-bench",
    "text.color": INK,
    # Names come from plug-ins: between two dollar signs, matplotlib would read mathematics.
    "text.parse_math": False,
    "xtick.color": INK,
    "xtick.labelsize": TEXT,
    "xtick.major.width": 0.6,
    "ytick.color": INK,
    "ytick.labelsize": TEXT,
    "ytick.major.width": 0.6,
}


class Sheet:
    """Paper `width` points wide and `height` high; places are in points from its upper left corner."""

    def __init__(self, height: float, width: float = WIDTH) -> None:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure as Drawing

        self.height, self.width = height, width
        self._drawing = Drawing(figsize=(width / 72.0, height / 72.0))
        FigureCanvasSVG(self._drawing)
        self._drawing.patch.set_visible(False)

    def panel(self, x: float, y: float, width: float, height: float, **kwargs: Any) -> Any:
        """Axes with their upper left corner at (x, y), on clear ground."""
        lower = self.height - y - height
        place = (x / self.width, lower / self.height, width / self.width, height / self.height)
        axes = self._drawing.add_axes(place, **kwargs)
        axes.patch.set_visible(False)
        axes.set_axisbelow(True)
        return axes

    def write(self, x: float, y: float, text: str, **kwargs: Any) -> None:
        """`text` with its baseline at y."""
        self._drawing.text(x / self.width, 1.0 - y / self.height, plain(text), va="baseline", **kwargs)

    def mark(self, x: float, y: float, look: Look, line: bool) -> None:
        """A legend's mark at (x, y): the marker, and the line through it where `line`."""
        from matplotlib.lines import Line2D

        place = self._drawing.transFigure
        across = [(x - 9.0) / self.width, (x + 9.0) / self.width]
        up = 1.0 - y / self.height
        if line:
            self._drawing.add_artist(
                Line2D(across, [up, up], color=look.color, linestyle=look.line, linewidth=1.4, transform=place)
            )
        self._drawing.add_artist(
            Line2D(
                [x / self.width], [up], color=look.color, marker=look.marker, markersize=5, ls="none", transform=place
            )
        )

    def to_figure(self, name: str, title: str, description: str, csv: str) -> Figure:
        """What was drawn, as a `Figure`."""
        buffer = io.BytesIO()
        # Limits hold all that is drawn; to say so of every line would be a fifth of the file.
        for artist in self._drawing.findobj():
            artist.set_clip_on(False)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        with warnings.catch_warnings():
            # The reader's fonts draw the text, not ours.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            self._drawing.savefig(buffer, format="svg", metadata=nothing)
        title, description = plain(title), plain(description)
        return Figure(name, title, description, finish(buffer.getvalue().decode(), name, title, description), csv)


@contextmanager
def open_sheet(height: float, width: float = WIDTH) -> Iterator[Sheet]:
    """A `Sheet` in our style; the user's own matplotlibrc does not count."""
    from matplotlib import style

    with style.context(["default", _RC]):
        yield Sheet(height, width)


def draw_legend(sheet: Sheet, y: float, series: Mapping[str, Look], line: bool = False, x: float = 0.0) -> None:
    """One entry for each of `series`, in rows from y on; see `legend_height`."""
    for entries in _legend_rows(series, sheet.width - x):
        at = x
        for name in entries:
            sheet.mark(at + 10.0, y + 7.0, series[name], line)
            sheet.write(at + 23.0, y + 10.0, shorten(name))
            at += _entry_width(name)
        y += 15.0


def legend_height(series: Sequence[str] | Mapping[str, Look], x: float = 0.0, width: float = WIDTH) -> float:
    """Points that `draw_legend` takes."""
    return 15.0 * len(_legend_rows(series, width - x)) + 3.0


def plain(text: str) -> str:
    """`text` on one line without the characters that no XML takes."""
    return " ".join("".join(" " if unicodedata.category(mark)[0] in "CZ" else mark for mark in text).split())


def shorten(text: str, longest: int = 34) -> str:
    """`text` with its middle left out where it is longer; a figure's CSV has it whole."""
    text = plain(text)
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2 - 1]}…{text[-(longest - longest // 2) :]}"


def _legend_rows(series: Sequence[str] | Mapping[str, Look], width: float) -> list[list[str]]:
    rows: list[list[str]] = [[]]
    left = width
    for name in series:
        if rows[-1] and _entry_width(name) > left:
            rows.append([])
            left = width
        rows[-1].append(name)
        left -= _entry_width(name)
    return rows


def _entry_width(name: str) -> float:
    return 34.0 + LETTER * 1.06 * len(shorten(name))
