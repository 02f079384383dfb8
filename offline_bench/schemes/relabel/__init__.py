"""Relabelings: what reward each transition carries. Nothing else can change.

`relabeling.py` says what one is and carries it out; the others are families, a file each.
"""

from __future__ import annotations

from offline_bench.schemes.relabel import as_it_was, changes_nothing, how_much, matched, whose_wish
from offline_bench.schemes.relabel.relabeling import Estimate, relabel, relabelings

__all__ = [
    "Estimate",
    "as_it_was",
    "changes_nothing",
    "how_much",
    "matched",
    "relabel",
    "relabelings",
    "whose_wish",
]
