"""Datasets that another process handed to this one: a node of a cluster need not have them on its disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.cards import Task


@dataclass(frozen=True)
class Handed:
    """A dataset as it was loaded elsewhere, its task there, None where it has none, and its fingerprint there."""

    data: Dataset
    task: Task | None
    fingerprint: str


_handed: dict[str, Handed] = {}


def take_over(sets: Mapping[str, Handed]) -> None:
    """From now on `sets`, by dataset id, and no others take the place of what lies here under these ids."""
    _handed.clear()
    _handed.update(sets)


def find_handed(dataset: str) -> Handed | None:
    """What was handed over under that id; None for nothing."""
    return _handed.get(dataset)
