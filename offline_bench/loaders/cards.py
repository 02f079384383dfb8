"""Dataset cards: what is known of a dataset beforehand, from `datasets/cards.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from offline_bench.errors import DatasetError
from offline_bench.paths import datasets_folder
from offline_bench.registry import unknown_name


@dataclass(frozen=True)
class Task:
    """An environment and the returns that mark 0 and 100 on its normalized scale, with their source.

    observation_mean, observation_scale (observation_size,): standardize visits for sketches; may be empty.
    """

    name: str
    environment: str
    random_return: float
    expert_return: float
    source: str
    observation_mean: tuple[float, ...] = ()
    observation_scale: tuple[float, ...] = ()

    def normalize(self, true_return: Any) -> Any:
        """100 · (return − random) / (expert − random), elementwise. Source: Fu et al. 2020, D4RL, section 4."""
        return 100.0 * (true_return - self.random_return) / (self.expert_return - self.random_return)


@dataclass(frozen=True)
class Card:
    """One dataset: its task, how it came to be, and what it is good for.

    recipe       the table of `datasets/recipes.toml` that builds it; '' for a set made elsewhere
    file         path of a D4RL HDF5 file, relative to `datasets/`; '' for a Minari dataset
    fingerprint  of its content where it was first built; another machine may differ, and is told so
    """

    id: str
    task: Task
    good_for: str
    recipe: str = ""
    file: str = ""
    fingerprint: str = ""


def load_cards(path: Path | None = None) -> dict[str, Card]:
    """All cards by dataset id; none where this project has no card file.

    Raises `DatasetError` naming the file, the table and the key that is wrong.
    """
    path = path or datasets_folder() / "cards.toml"
    return _read_cards(path) if path.exists() else {}


@cache
def _read_cards(path: Path) -> dict[str, Card]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DatasetError(f"cannot read the dataset cards {path}: {error}") from error
    tasks = {
        name: _build(Task, {**table, "name": name}, f"{path}, [tasks.{name}]")
        for name, table in _tables(content, "tasks", path).items()
    }
    cards = {}
    for dataset, table in _tables(content, "datasets", path).items():
        where = f'{path}, [datasets."{dataset}"]'
        task = str(table.get("task"))
        if task not in tasks:
            raise DatasetError(f"{where}: {unknown_name('task', task, tasks)}")
        cards[dataset] = _build(Card, {**table, "id": dataset, "task": tasks[task]}, where)
    return cards


def _tables(content: dict[str, Any], key: str, path: Path) -> dict[str, dict[str, Any]]:
    tables = content.get(key, {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise DatasetError(f"{path}: {key} is to hold one table per name, as [{key}.name]")
    return tables


def find_task(dataset: str) -> Task | None:
    """The task of the card of `dataset`; None where it has no card."""
    card = load_cards().get(dataset)
    return card.task if card else None


def _build(kind: type[Any], table: dict[str, Any], where: str) -> Any:
    known = {f.name for f in fields(kind)}
    for key in table:
        if key not in known:
            raise DatasetError(f"{where}: {unknown_name('key', key, known)}")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise DatasetError(f"{where}: {str(error).split(') ', 1)[-1]}") from error
