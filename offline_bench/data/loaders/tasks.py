"""The task of a dataset: its environment, and the returns that mark 0 and 100."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

from offline_bench.core.errors import DatasetError
from offline_bench.data.loaders.cards import Task, load_cards
from offline_bench.data.loaders.folders import check_id, locate
from offline_bench.data.loaders.metadata import find_environment, find_references, of_folder, read_metadata


def find_task(dataset: str) -> Task | None:
    """The task of `dataset`; None where it has neither a card nor reference scores of its own.

    The reference scores are those of its Minari metadata where it lies here and has them, and those of its card
    otherwise; all else is the card's. The metadata of a set that this project builds was written from its card, which
    is taken at once: its scores do not depend on what lies here. No data is read.
    Raises `DatasetError` naming the file where cards or metadata cannot be read.
    """
    card = load_cards().get(dataset)
    if card and (card.recipe or card.file):
        return card.task
    found = _read_task(dataset)
    if card is None or found is None:
        return card.task if card else found
    if (found.random_return, found.expert_return) == (card.task.random_return, card.task.expert_return):
        return card.task
    references = {name: getattr(found, name) for name in ("random_return", "expert_return", "source")}
    return replace(card.task, **references)


def try_task(dataset: str) -> Task | None:
    """The task of `dataset`; None also where its metadata cannot be read, so that one set hides no other.

    `find_task` says what is wrong with it. Raises `DatasetError` where the cards, which all sets share, cannot be read.
    """
    load_cards()
    with suppress(DatasetError):
        return find_task(dataset)
    return None


def _read_task(dataset: str) -> Task | None:
    try:
        check_id(dataset)
    except DatasetError:
        return None
    folder = locate(dataset)
    if folder is None:
        return None
    path = of_folder(folder).path
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}.") from error
    return _read_at(dataset, str(folder), changed)


@cache
def _read_at(dataset: str, folder: str, changed: int) -> Task | None:
    """The task in the metadata of `folder` as it was at the time `changed`."""
    about = of_folder(Path(folder))
    metadata = read_metadata(about)
    references = find_references(about, metadata)
    if references is None:
        return None
    return Task(dataset, find_environment(about, metadata), *references, "Minari metadata")
