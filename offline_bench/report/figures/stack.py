"""Rows below one another, in groups with a heading each: the left side of heat maps and interval plots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from offline_bench.report.figures.sheet import LETTER, Sheet, shorten

Item = TypeVar("Item")
HEADING = 19.0  # points
BASELINE = 3.2  # points that a line of text's baseline lies below its middle


@dataclass(frozen=True)
class Line(Generic[Item]):
    """One row: its middle in points below the top of the stack, its label, and what it shows."""

    y: float
    label: str
    item: Item


@dataclass(frozen=True)
class Stack(Generic[Item]):
    """`headings` as (baseline, text); `height` and `left`, what the labels take, in points."""

    headings: tuple[tuple[float, str], ...]
    lines: tuple[Line[Item], ...]
    height: float
    left: float

    def write(self, sheet: Sheet, top: float) -> None:
        """The headings and labels, with the stack's top at `top`."""
        for y, text in self.headings:
            sheet.write(2.0, top + y, shorten(text, 60), weight="bold")
        for line in self.lines:
            sheet.write(self.left - 7.0, top + line.y + BASELINE, shorten(line.label), ha="right")


def pile(rows: Iterable[tuple[str, str, Item]], step: float) -> Stack[Item]:
    """A stack of (group, label, item) in the order given, `step` points a row; one group alone gets no heading."""
    known = list(rows)
    several = len({group for group, _, _ in known}) > 1
    headings: list[tuple[float, str]] = []
    lines: list[Line[Item]] = []
    at, open_group = 0.0, None
    for group, label, item in known:
        if several and group != open_group:
            headings.append((at + HEADING - 6.0, group))
            at += HEADING
        open_group = group
        lines.append(Line(at + step / 2.0, label, item))
        at += step
    longest = max((len(shorten(line.label)) for line in lines), default=0)
    return Stack(tuple(headings), tuple(lines), at, max(60.0, 12.0 + LETTER * longest))


def short_names(datasets: Sequence[str]) -> dict[str, str]:
    """Each dataset without the folders that all of them share."""
    parts = [dataset.split("/") for dataset in datasets]
    shared = 0
    while parts and all(len(names) > shared + 1 and names[shared] == parts[0][shared] for names in parts):
        shared += 1
    return {dataset: "/".join(names[shared:]) for dataset, names in zip(datasets, parts, strict=True)}
