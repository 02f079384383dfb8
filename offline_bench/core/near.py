"""Which known names a name comes near to, as people write them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


def find_near(name: str, known: Iterable[str]) -> list[str]:
    """At most three of the `known` names, nearest first; only one if it differs just in case and signs."""
    spelled: dict[str, list[str]] = {}
    for one in sorted(known):
        spelled.setdefault(_spell(one), []).append(one)
    wanted = _spell(name)
    if wanted in spelled:
        return spelled[wanted][:3]
    return [one for text in difflib.get_close_matches(wanted, spelled, n=3, cutoff=0.5) for one in spelled[text]][:3]


def _spell(name: str) -> str:
    """A name as it is said: `TD3+BC`, `td3_plus_bc` and `td3-plus-bc` are one."""
    return re.sub(r"[^a-z0-9/]+", "-", name.casefold().replace("+", "-plus-")).strip("-")
