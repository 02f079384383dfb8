"""Markdown's parts: text made harmless, numbers, and tables that also read well raw."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

from offline_bench.core.plain import UNPRINTABLE

NO_VALUE = "–"

# Entities, since Markdown never takes one for structure: neither in a table nor in a list can they be misread.
_ENTITIES = str.maketrans({mark: f"&#{ord(mark)};" for mark in "|`\\*~$"} | {"&": "&amp;", "<": "&lt;"})
_OUTER_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")


def escape(text: str) -> str:
    """`text` as one line that no Markdown reader and no terminal takes for anything but text.

    Plug-in names and error messages come from strangers: HTML, table and list marks, links, line breaks and
    control characters in them are written as entities or spaces.
    """
    plain = "".join(" " if unicodedata.category(mark) in UNPRINTABLE else mark for mark in text)
    marked = " ".join(plain.split()).translate(_ENTITIES)
    marked = _OUTER_UNDERSCORE.sub("&#95;", marked).replace("](", "&#93;(")
    # Elsewhere it is the arrow of a chain, `noisy > sign`: without a < before it, it closes nothing.
    return f"&gt;{marked[1:]}" if marked.startswith(">") else marked


def number(value: float, digits: int = 1, sign: bool = False) -> str:
    """`value` with `digits` decimals, a dash where it is not finite, and zero without a sign."""
    if not math.isfinite(value):
        return NO_VALUE
    text = f"{value:+,.{digits}f}" if sign else f"{value:,.{digits}f}"
    return text if text.strip("+-0.,") else text.lstrip("+-")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int) -> str:
    """A Markdown table, padded; the first `text_columns` are set left, the others right. Cells are escaped already."""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(3, *(display_width(cell) for cell in column)) for column in columns]
    left = [at < text_columns for at in range(len(widths))]
    rule = ["-" * width if to_left else "-" * (width - 1) + ":" for width, to_left in zip(widths, left, strict=True)]
    lines = [_line(cells, widths, left) for cells in (header, rule, *rows)]
    return "\n".join(lines) + "\n"


def display_width(text: str) -> int:
    """How many columns of a terminal `text` takes: two for wide characters, none for combining ones."""
    wide = sum(unicodedata.east_asian_width(mark) in "WF" for mark in text)
    return len(text) + wide - sum(unicodedata.combining(mark) > 0 for mark in text)


def _line(cells: Sequence[str], widths: Sequence[int], left: Sequence[bool]) -> str:
    padded = []
    for cell, width, to_left in zip(cells, widths, left, strict=True):
        space = " " * (width - display_width(cell))
        padded.append(cell + space if to_left else space + cell)
    return "| " + " | ".join(padded) + " |"
