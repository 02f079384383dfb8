"""Relabelings: what reward each transition carries. Nothing else can change.

`relabeling.py` says what one is and carries it out; the others are families, a file each.
"""

from __future__ import annotations

from offline_bench.schemes.relabel import (
    adversarial,
    as_it_was,
    changes_nothing,
    how_much,
    learned,
    matched,
    preferences,
    whose_wish,
)
from offline_bench.schemes.relabel.relabeling import Estimate, relabel, relabelings

__all__ = [
    "Estimate",
    "adversarial",
    "as_it_was",
    "changes_nothing",
    "how_much",
    "learned",
    "matched",
    "preferences",
    "relabel",
    "relabelings",
    "whose_wish",
]
