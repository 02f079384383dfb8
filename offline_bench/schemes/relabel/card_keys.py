"""What a relabeling reads from the card of a task; what is not there is told by the name of its key."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import RelabelingError
from offline_bench.core.paths import dataset_file, datasets_folder
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.tasks import find_traits

Array = npt.NDArray[Any]

CARDS = "cards.toml"
MEANINGS = {
    "velocity": "which numbers of an observation are the velocity, forward first",
    "position": "which numbers of an observation are the position",
    "goal": "which numbers of an observation are the goal's position",
    "alive_bonus": "what the task pays for each step alive",
    "action_cost": "what the task takes off for each unit of |a|²",
}


def read_number(data: Dataset, key: str, scheme: str) -> float:
    """The number that the card has at `key`. Raises `RelabelingError` naming the key where it has none."""
    value = getattr(_find(data, key, scheme), key)
    if not math.isfinite(value):
        _refuse_lack(data, key, scheme)
    return float(value)


def read_columns(data: Dataset, key: str, scheme: str, observations: Array) -> Array:
    """(n, len(indices)) float64: the columns of `observations` (n, ...) whose indices the card has at `key`.

    Raises `RelabelingError` naming the key where the card has none, or one that no observation has.
    """
    indices = getattr(_find(data, key, scheme), key)
    if not indices:
        _refuse_lack(data, key, scheme)
    flat = observations.reshape(data.n, -1)
    wrong = [index for index in indices if not 0 <= index < flat.shape[1]]
    if wrong:
        raise RelabelingError(
            f"{scheme}: the key `{key}` of the card says number {wrong[0]} of an observation, and those of "
            f"{data.id!r} have {flat.shape[1]} numbers, counted from 0"
        )
    return flat[:, list(indices)].astype(np.float64)


def _find(data: Dataset, key: str, scheme: str) -> Any:
    task = find_traits(data.id, data.environment)
    if task is None:
        raise RelabelingError(
            f"{scheme} needs the key `{key}` of a card, {MEANINGS[key]}: {dataset_file(CARDS)} has no "
            f"task of the dataset {data.id!r} or of its environment {data.environment or '(none)'}. "
            f"{_where_to_add()} add a table [tasks.NAME] with that environment and key."
        )
    return task


def _refuse_lack(data: Dataset, key: str, scheme: str) -> None:
    name = _find(data, key, scheme).name
    raise RelabelingError(
        f"{scheme} needs the key `{key}` of a card, {MEANINGS[key]}: [tasks.{name}] in "
        f"{dataset_file(CARDS)} lacks it. {_where_to_add()} add it, or choose another relabeling."
    )


def _where_to_add() -> str:
    """What comes before adding to the cards: those of an installed package are not written to."""
    cards, own = dataset_file(CARDS), datasets_folder() / CARDS
    return "There" if cards == own else f"Copy {cards} to {own}, which then counts instead, and"
