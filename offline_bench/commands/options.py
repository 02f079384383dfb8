"""What is typed after an option, read."""

from __future__ import annotations

from offline_bench.core.errors import SpecError


def read_number(text: str) -> int:
    """One whole number of an option that may be repeated. Raises `SpecError`, naming how several are given."""
    try:
        return int(text)
    except ValueError:
        pass
    parts = [part for part in text.replace(",", " ").split() if part]
    if len(parts) > 1:
        raise SpecError(
            f"{text!r} is no whole number: for several, repeat the option with one number each, {len(parts)} times here"
        )
    raise SpecError(f"{text!r} is no whole number")
