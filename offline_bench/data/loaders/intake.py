"""Taking a D4RL file over into the cache as a Minari dataset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from offline_bench.core.errors import DatasetError, StorageError
from offline_bench.core.paths import cache_folder
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.cards import load_cards
from offline_bench.data.loaders.columns import NEXT
from offline_bench.data.loaders.d4rl import load_d4rl
from offline_bench.data.loaders.folders import check_id, locate
from offline_bench.data.loaders.minari import OURS, read_minari
from offline_bench.data.loaders.writer import write_minari

# As Minari has it: it takes no other, and no namespace of one letter.
NEW_ID = re.compile(r"([-\w][-\w/]*[-\w]/)?[-\w]+-v\d+")


@dataclass(frozen=True)
class Intake:
    """What was taken in, and how many of its episodes have rows that do not follow each other."""

    data: Dataset
    folder: Path
    jumps: int


def take_in(file: Path, environment: str, dataset_id: str) -> Intake:
    """Check the D4RL file `file` and write its transitions into the cache as `dataset_id`: whole, or not at all.

    The content is that of `load_d4rl`, to the bit. Minari keeps T+1 observations of an episode of T steps; where a
    step's next observation is not what the next step saw, those of the episode are kept in its `infos` too.
    Raises `DatasetError` where the id is no new one, and as `load_d4rl`; `StorageError`.
    """
    _check_new(dataset_id)
    data = load_d4rl(file, environment, dataset_id)
    episodes = list(_split(data))
    card = load_cards().get(dataset_id)
    task = card.task if card else None
    write_minari(
        cache_folder(),
        dataset_id,
        environment,
        episodes,
        algorithm_name="not known",
        author="not known",
        description=f"imported from the D4RL file {file.name}",
        ref_min_score=task.random_return if task else None,
        ref_max_score=task.expert_return if task else None,
    )
    folder = cache_folder() / dataset_id
    written = read_minari(folder, dataset_id).fingerprint
    if written != data.fingerprint:
        raise StorageError(
            f"{folder} was written, but reads as {written} where {file} reads as {data.fingerprint}. "
            "Delete it, look after the disk, and import the file again."
        )
    return Intake(data, folder, sum(bool(episode["infos"]) for episode in episodes))


def _check_new(dataset_id: str) -> None:
    check_id(dataset_id)
    if not NEW_ID.fullmatch(dataset_id):
        raise DatasetError(
            f"{dataset_id!r} is no id that Minari takes: it is to end in a version, and to have letters, digits, - and "
            "_ alone, such as mine/hopper-medium-v0."
        )
    if dataset_id.startswith(OURS):
        raise DatasetError(f"{dataset_id!r}: what is called {OURS}... is built by this project. Choose another id.")
    card = load_cards().get(dataset_id)
    if card and (card.recipe or card.file):
        source = f"the file {card.file}" if card.file else f"the recipe {card.recipe}"
        raise DatasetError(f"{dataset_id!r}: its card has it read from {source}. Choose another id.")
    there = locate(dataset_id) or cache_folder() / dataset_id
    if there.exists():
        raise DatasetError(f"{dataset_id!r} lies in {there} already; nothing was overwritten. Choose another id.")
    for folder in there.relative_to(cache_folder()).parents:
        if (cache_folder() / folder / "data").is_dir():
            raise DatasetError(f"{dataset_id!r} would lie inside the dataset {folder}. Choose another id.")


def _split(data: Dataset) -> Iterator[dict[str, Any]]:
    """The episodes as `write_minari` takes them."""
    for start, end in zip(data.episode_starts, data.episode_ends, strict=True):
        rows = slice(start, end + 1)
        seen, following = data.observations[rows], data.next_observations[rows]
        jumps = bool((following[:-1] != seen[1:]).any())
        yield {
            "observations": np.concatenate([seen, following[-1:]]),
            "actions": data.actions[rows],
            "rewards": data.true_rewards[rows],
            "terminations": data.terminals[rows],
            "truncations": data.timeouts[rows],
            "infos": {NEXT[0]: {NEXT[1]: following}} if jumps else {},
        }
