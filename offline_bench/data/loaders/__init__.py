"""Datasets on disk to `Dataset`: Minari folders, D4RL HDF5 files, and the cards that describe them."""

from __future__ import annotations

from offline_bench.core.paths import dataset_file
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.cards import Card, Task, load_cards
from offline_bench.data.loaders.d4rl import load_d4rl
from offline_bench.data.loaders.folders import check_id, locate
from offline_bench.data.loaders.handed import find_handed
from offline_bench.data.loaders.minari import load_minari
from offline_bench.data.loaders.tasks import find_task

__all__ = ["Card", "Task", "find_task", "is_here", "load", "load_cards", "load_d4rl", "load_minari"]


def load(dataset_id: str) -> Dataset:
    """The dataset called `dataset_id`: that handed over, the D4RL file its card names, or the Minari set of that id.

    Raises `DatasetNotFoundError` where it is not here and cannot be fetched, `DatasetError` where it is broken.
    """
    check_id(dataset_id)
    handed = find_handed(dataset_id)
    if handed:
        return handed.data
    card = load_cards().get(dataset_id)
    if card and card.file:
        return load_d4rl(dataset_file(card.file), card.task.environment, dataset_id)
    return load_minari(dataset_id)


def is_here(dataset_id: str) -> bool:
    """Whether `load` would find `dataset_id` on this machine. Raises `DatasetError` where it is no id."""
    check_id(dataset_id)
    if find_handed(dataset_id):
        return True
    card = load_cards().get(dataset_id)
    if card and card.file:
        return dataset_file(card.file).is_file()
    return locate(dataset_id) is not None
