"""Comma-separated text that a spreadsheet, too, takes for nothing but text and numbers."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from offline_bench.core.plain import UNPRINTABLE

# At the start of a cell, a spreadsheet takes these for a formula: a minus of typesetting, too.
_FORMULA = ("=", "+", "-", "@", "\N{MINUS SIGN}")


def comma_separated(header: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> str:
    """A header and rows as CSV: lines end in LF, numbers have four decimals, counts none; empty where there is none.

    Infinity is written as `inf` or `-inf`. A text that a spreadsheet would run as a formula gets an apostrophe before
    it, so that `=1+1` reads `'=1+1`, after blanks and in the wide signs of East Asia too; numbers are never touched.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(_cell, header))
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def _cell(value: str | float | None) -> str:
    if isinstance(value, str):
        return _text_cell(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or math.isnan(value):
        return ""
    if isinstance(value, int) or math.isinf(value):
        return str(value)
    text = f"{value:.4f}"
    return "0.0000" if text == "-0.0000" else text


@lru_cache(maxsize=1_000)
def _text_cell(value: str) -> str:
    # Names are in thousands of rows. Some readers end a row at a carriage return, or a text at a NUL, and neither needs
    # quotes to be written.
    text = "".join(mark if mark == "\n" or unicodedata.category(mark) not in UNPRINTABLE else " " for mark in value)
    return f"'{text}" if _is_formula(value) else text


def _is_formula(text: str) -> bool:
    """Whether a spreadsheet would compute `text`: what it does not show before it, it may pass over."""
    shown = (mark for mark in text if not mark.isspace() and unicodedata.category(mark) not in UNPRINTABLE)
    return unicodedata.normalize("NFKC", next(shown, "")).startswith(_FORMULA)
