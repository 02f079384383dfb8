"""Curations: which transitions are there, and where episodes now end. Nothing else can change."""

from __future__ import annotations

from offline_bench.schemes.curate import density, endings, episodes, mixing, order
from offline_bench.schemes.curate.curation import (
    Selection,
    curate,
    curations,
    needed_datasets,
    select_pieces,
    select_rows,
)

__all__ = [
    "Selection",
    "curate",
    "curations",
    "density",
    "endings",
    "episodes",
    "mixing",
    "needed_datasets",
    "order",
    "select_pieces",
    "select_rows",
]
