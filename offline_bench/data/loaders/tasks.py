"""The task of a dataset: its environment, and the returns that mark 0 and 100."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

from offline_bench.core.errors import DatasetError
from offline_bench.data.loaders.cards import Task, load_cards
from offline_bench.data.loaders.folders import check_id, locate
from offline_bench.data.loaders.handed import find_handed
from offline_bench.data.loaders.metadata import find_environment, find_parts, find_references, of_folder, read_metadata

DEPTH = 4  # of sets combined from combined ones; more is a circle


def find_task(dataset: str) -> Task | None:
    """The task of `dataset`; None where it has neither a card nor reference scores of its own.

    The reference scores are those of its Minari metadata where it lies here and has them, and those of its card
    otherwise; all else is the card's. The metadata of a set that this project builds was written from its card, which
    is taken at once: its scores do not depend on what lies here. A set that Minari combined keeps no scores: it has
    the task of the sets it names as its parts, where these have one and the same scores. A set that was handed over
    brings its task along. No data is read.
    Raises `DatasetError` naming the file where cards or metadata cannot be read.
    """
    handed = find_handed(dataset)
    return handed.task if handed else _find_task(dataset, 0)


def _find_task(dataset: str, depth: int) -> Task | None:
    card = load_cards().get(dataset)
    if card and (card.recipe or card.file):
        return card.task
    found = _read_task(dataset, depth)
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


def find_traits(dataset: str, environment: str) -> Task | None:
    """The task whose card says how `dataset` is built; for a set without a card, that of a task of its `environment`.

    None where no card is of either: reference scores alone, as `find_task` reads from metadata, say nothing of that.
    Raises `DatasetError` where the cards cannot be read.
    """
    cards = load_cards()
    if dataset in cards:
        return cards[dataset].task
    tasks = [card.task for card in cards.values() if environment and card.task.environment == environment]
    return tasks[0] if tasks else None


def _read_task(dataset: str, depth: int) -> Task | None:
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
    task, parts = _read_at(dataset, str(folder), changed)
    return task or (_combine(parts, depth) if depth < DEPTH else None)


@cache
def _read_at(dataset: str, folder: str, changed: int) -> tuple[Task | None, tuple[str, ...]]:
    """The task in the metadata of `folder` as it was at the time `changed`, and the parts it was combined from."""
    about = of_folder(Path(folder))
    metadata = read_metadata(about)
    references = find_references(about, metadata)
    if references is None:
        return None, find_parts(about, metadata)
    return Task(dataset, find_environment(about, metadata), *references, "Minari metadata"), ()


def _combine(parts: tuple[str, ...], depth: int) -> Task | None:
    """The task that all `parts` have; None where one has none, or others have other scores."""
    tasks = [_find_task(part, depth + 1) for part in parts]
    known = [task for task in tasks if task is not None]
    scores = {(task.random_return, task.expert_return) for task in known}
    return known[0] if len(scores) == 1 and len(known) == len(parts) else None
