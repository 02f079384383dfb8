"""How counts, numbers and lists are put in a sentence."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

MOST_LISTED = 16  # a sentence with more has no reader; tables have them all


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 place`, `3 places`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(texts: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`; of very many the first, and how many more there are."""
    known = list(texts)
    if len(known) > MOST_LISTED:
        known[MOST_LISTED - 1 :] = [f"{len(known) - MOST_LISTED + 1} more"]
    return " and ".join(filter(None, (", ".join(known[:-1]), *known[-1:])))


def shorten_id(dataset: str) -> str:
    """A dataset id by its last two parts."""
    return "/".join(dataset.split("/")[-2:])


def short_ids(datasets: Iterable[str]) -> dict[str, str]:
    """Each dataset id by its last two parts; those whole that would then be alike."""
    short = {dataset: shorten_id(dataset) for dataset in datasets}
    taken = Counter(short.values())
    return {dataset: text if taken[text] == 1 else dataset for dataset, text in short.items()}


def percent(share: float) -> str:
    """A share as whole percent; one that came out below 0 is told as 0."""
    return f"{max(share, 0.0) * 100:.0f} %"


def spread(values: Sequence[float], digits: int = 1) -> str:
    """`1.2 to 3.4`, or the one number where both ends read alike; ∞ where there is no end."""
    low, high = _number(min(values), digits), _number(max(values), digits)
    return low if low == high else f"{low} to {high}"


def _number(value: float, digits: int) -> str:
    return ("∞" if value > 0 else "−∞") if math.isinf(value) else f"{round(value, digits) + 0.0:,.{digits}f}"
