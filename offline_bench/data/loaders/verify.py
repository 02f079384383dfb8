"""Reading a whole dataset and comparing it to its metadata, its card and its environment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from offline_bench.core.errors import DatasetNotFoundError, OfflineBenchError
from offline_bench.core.paths import dataset_file
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.cards import Card, load_cards
from offline_bench.data.loaders.d4rl import load_d4rl
from offline_bench.data.loaders.folders import check_id, list_folders
from offline_bench.data.loaders.metadata import (
    find_data_spaces,
    find_environment,
    find_references,
    of_folder,
    read_metadata,
)
from offline_bench.data.loaders.minari import how_to_get, read_minari, with_environment
from offline_bench.data.loaders.spaces import Spaces, find_spaces
from offline_bench.environments.name import same_environment


@dataclass(frozen=True)
class Copy:
    """A dataset on disk: the folder of a Minari one, or the D4RL file that its card names."""

    id: str
    path: Path

    @property
    def size(self) -> int:
        """Bytes."""
        sizes = 0
        with suppress(OSError):  # what cannot be looked at is told when it is read
            sizes = sum(file.stat().st_size for file in [self.path, *self.path.glob("data/*")] if file.is_file())
        return sizes


@dataclass(frozen=True)
class Verdict:
    """What was read of a copy, and what is wrong with it: nothing where `problems` is empty.

    fingerprint  '' where it could not be read
    expected     the fingerprint of its card; '' for none
    notes        what reading it decided
    """

    copy: Copy
    fingerprint: str
    expected: str
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def list_copies(dataset_id: str | None = None) -> list[Copy]:
    """All copies of `dataset_id` that lie here, that which `load` reads first; of all datasets where None.

    Raises `DatasetError` where the id is none, `DatasetNotFoundError` where there is none here.
    """
    if dataset_id is not None:
        check_id(dataset_id)
    files = {card.id: dataset_file(card.file) for card in load_cards().values() if card.file}
    copies = [Copy(card, path) for card, path in files.items() if path.is_file()]
    copies += [Copy(name, folder) for folder, name in list_folders()]
    if dataset_id is None:
        return copies
    copies = [copy for copy in copies if copy.id == dataset_id]
    if not copies:
        raise DatasetNotFoundError(f"dataset {dataset_id!r} is not here. To get it, {how_to_get(dataset_id)}.")
    return copies


def verify(copy: Copy) -> Verdict:
    """Read all of `copy`, and name every difference from what is said of it. Raises only as `load_cards`."""
    card = load_cards().get(copy.id)
    try:
        return _verify(copy, card)
    except OfflineBenchError as error:
        problem = str(error)
    except Exception as error:  # noqa: BLE001 - an environment may raise anything, and one set is to hide no other
        problem = f"{copy.path} cannot be verified: {type(error).__name__}: {error}"
    return Verdict(copy, "", card.fingerprint if card else "", (problem,))


def _verify(copy: Copy, card: Card | None) -> Verdict:
    expected = card.fingerprint if card else ""
    if copy.path.is_file() and card:
        data = load_d4rl(copy.path, card.task.environment, copy.id)
    else:
        data = with_environment(read_minari(copy.path, copy.id), copy.path)
    problems = list(_compare_card(data, card)) if card else []
    if copy.path.is_dir():
        problems += _compare_metadata(data, copy.path, card)
    return Verdict(copy, data.fingerprint, expected, tuple(problems), data.notes)


def _compare_card(data: Dataset, card: Card) -> Iterator[str]:
    if card.fingerprint and data.fingerprint != card.fingerprint:
        yield f"fingerprint is {data.fingerprint}, but its card has {card.fingerprint}"
    if not same_environment(data.environment, card.task.environment):
        yield f"environment is {data.environment}, but the task of its card has {card.task.environment}"


def _compare_metadata(data: Dataset, folder: Path, card: Card | None) -> Iterator[str]:
    """What differs between the metadata and the card, the folder, and the environment; counts are read against it."""
    source = of_folder(folder)
    try:
        metadata = read_metadata(source)
        if metadata.get("dataset_id", data.id) != data.id:
            yield f"metadata.json calls it {metadata['dataset_id']!r}"
        references = find_references(source, metadata)
        if card and references not in (None, (card.task.random_return, card.task.expert_return)):
            yield (
                f"reference scores are {references}, but the task of its card has "
                f"{(card.task.random_return, card.task.expert_return)}"
            )
        ours = find_data_spaces(source, metadata, find_environment(source, metadata))
        yield from _compare_spaces(ours, find_spaces(data.environment, str(source.path)), data.environment)
    except OfflineBenchError as error:
        yield str(error)


def _compare_spaces(ours: Spaces, theirs: Spaces, environment: str) -> Iterator[str]:
    if ours.layout != theirs.layout:
        yield f"observations are {_list(ours)}, but {environment} shows {_list(theirs)}"
    mine, its = ours.action_space, theirs.action_space
    same = mine.n == its.n and mine.low.shape == its.low.shape
    if not (same and np.array_equal(mine.low, its.low) and np.array_equal(mine.high, its.high)):
        yield f"actions are {_bounds(ours)}, but {environment} takes {_bounds(theirs)}"


def _list(spaces: Spaces) -> str:
    return ", ".join(f"{part.name or 'vectors'} of length {part.size}" for part in spaces.layout)


def _bounds(spaces: Spaces) -> str:
    space = spaces.action_space
    return f"0..{space.n - 1}" if space.discrete else f"{space.low.tolist()} to {space.high.tolist()}"
