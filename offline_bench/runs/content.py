"""What the JSON of a record may hold, field by field: a wrong type is found on reading, not by what comes after."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

Check = Callable[[Any], bool]


def is_text(value: Any) -> bool:
    """Whether `value` is a text that can be written: one with half a character, a lone surrogate, cannot."""
    if not isinstance(value, str):
        return False
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def is_count(value: Any) -> bool:
    """Whether `value` is a whole number from 0 that 64 bits hold, as tables have them."""
    return type(value) is int and 0 <= value < 2**63


def is_number(value: Any) -> bool:
    """Whether `value` is a number that a float holds, or null: NaN and infinity are written as that."""
    if value is None or type(value) not in (int, float):
        return value is None
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _all(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _are_numbers(value: Any) -> bool:
    """Whether `value` is a list of numbers as `is_number` has them."""
    # Thousands of records have a hundred each: where all are floats, one that is not finite makes the sum not finite.
    if isinstance(value, list) and set(map(type, value)) == {float} and math.isfinite(sum(value)):
        return True
    return isinstance(value, list) and all(map(is_number, value))


def _are_texts(values: Iterable[Any]) -> bool:
    """Whether all of `values` are texts as `is_text` has them."""
    seen = list(values)
    # Where they are ASCII all together, none has to be looked at alone.
    return (set(map(type, seen)) <= {str} and "".join(seen).isascii()) or all(map(is_text, seen))


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and _are_texts(value) and _are_texts(value.values())


def _numbers(value: Any) -> bool:
    return isinstance(value, dict) and _are_texts(value) and _are_numbers(list(value.values()))


def _table(**checks: Check) -> Check:
    """Of these keys exactly."""
    return lambda value: (
        isinstance(value, dict) and value.keys() == checks.keys() and all(checks[key](value[key]) for key in checks)
    )


def _known(**checks: Check) -> Check:
    """Of any keys, these as they are to be."""
    return lambda value: (
        isinstance(value, dict)
        and _are_texts(value)
        and all(check(value[key]) for key, check in checks.items() if key in value)
    )


CHECKS: dict[str, Check] = {
    "status": is_text,
    "reason": is_text,
    "returns": _are_numbers,
    "lengths": _all(is_count),
    "curve": _all(_table(step=is_count, returns=_are_numbers, losses=_numbers)),
    "sketch": _are_numbers,
    "support": _numbers,
    "data": _numbers,
    "fingerprints": _texts,
    "provenance": _known(
        trainer=is_text,
        device=is_text,
        machine=is_text,
        seconds=is_number,
        processor_seconds=is_number,
        evaluation_seconds=is_number,
        versions=_texts,
        learner=_numbers,
        relabeling=_numbers,
    ),
}


def list_odd(content: dict[str, Any]) -> list[str]:
    """The fields of `content` whose values are not of the type that a record has there."""
    return [name for name, check in CHECKS.items() if name in content and not check(content[name])]
