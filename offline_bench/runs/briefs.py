"""The brief of a record: its head, and the numbers that tables of scores are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from offline_bench.runs.content import is_count, list_odd
from offline_bench.runs.heads import build_head, from_sealed, head_of, tell_head, to_sealed
from offline_bench.runs.record import CurvePoint, Record, strict

# The sketch and the returns on the way are most of a record's text, and no score is made of them.
NUMBERS = ("returns", "lengths", "support", "data")
STEPS = "steps"


def brief_of(record: Record) -> Record:
    """`record` with its head, its returns and lengths, its support and its data; of its curve only the steps."""
    return replace(head_of(record), **_numbers(record), curve=_bare(point.step for point in record.curve))


def to_brief(record: Record, text: str) -> str:
    """The brief of `record`, whose whole text is `text`, as one line that begins with a checksum of both."""
    steps = [point.step for point in record.curve]
    return to_sealed(strict({**tell_head(record), **_numbers(record), STEPS: steps}), text)


def from_brief(brief: memoryview, text: memoryview) -> Record | None:
    """The brief that `to_brief` made of the record with the whole text `text`, both as UTF-8.

    None where either was altered since, or holds what no record does: then only the text itself can say what it holds.
    """
    content = from_sealed(brief, text)
    if content is None or not content.keys() >= {*NUMBERS, STEPS}:
        return None
    steps, numbers = content.pop(STEPS), {name: content.pop(name) for name in NUMBERS}
    if list_odd(numbers) or not isinstance(steps, list) or not all(map(is_count, steps)):
        return None
    return build_head(content, **numbers, curve=_bare(steps))


def _numbers(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in NUMBERS}


def _bare(steps: Iterable[int]) -> list[CurvePoint]:
    return [CurvePoint(step, [], {}) for step in steps]
