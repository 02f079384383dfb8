"""Fewer marks where a drawing would have more than can be told apart; the numbers beside it stay whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Mark = TypeVar("Mark")

MOST_MARKS = 700
GOLDEN = 0.6180339887498949  # its multiples fall evenly everywhere, in step with no order of seeds or algorithms


def thin(marks: Sequence[Mark], of: int | None = None) -> list[Mark]:
    """Those of `marks` to draw: all of them, or an even choice where there are more than `MOST_MARKS`.

    of  how many marks the whole drawing has, where `marks` are a part of them
    """
    share = MOST_MARKS / max(len(marks) if of is None else of, MOST_MARKS)
    return [mark for at, mark in enumerate(marks) if (at * GOLDEN) % 1.0 < share]


def tell_thinned(count: int, noun: str) -> str:
    """A sentence for a drawing of `count` marks, '' where all of them are drawn."""
    if count <= MOST_MARKS:
        return ""
    return f" Of {count:,} {noun} an even choice of about {MOST_MARKS:,} is drawn; the CSV has them all."
