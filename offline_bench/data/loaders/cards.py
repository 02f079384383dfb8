"""Dataset cards: what is known of a dataset beforehand, from `datasets/cards.toml`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from offline_bench.core.errors import DatasetError
from offline_bench.core.paths import dataset_file
from offline_bench.core.reading import read_toml
from offline_bench.core.registry import unknown_name
from offline_bench.data.loaders.folders import check_id


@dataclass(frozen=True)
class Task:
    """An environment and the returns that mark 0 and 100 on its normalized scale, with their source.

    observation_mean, observation_scale (observation_size,): standardize visits for sketches; may be empty.
    view       two indices of an observation, to look at a set's states by; empty: by their principal axes
    grid       rows and columns of a grid whose cells, row by row, the first numbers of an observation stand for, a 1
               among 0s where one is: states are then looked at by their cell
    reference  id of the set that `describe` counts state-action cells against; '' for none
    least_return, most_return   what no episode's return is below or above; infinite where that is not known
    longest    steps after which an episode ends by the clock; 0 where that is not known
    velocity, position, goal   which numbers of an observation are these; empty where that is not known or there is none
    alive_bonus, action_cost   what the task pays for a step alive, and takes off for |a|²; infinite where not known
    """

    name: str
    environment: str
    random_return: float
    expert_return: float
    source: str
    observation_mean: tuple[float, ...] = ()
    observation_scale: tuple[float, ...] = ()
    view: tuple[int, ...] = ()
    grid: tuple[int, ...] = ()
    reference: str = ""
    least_return: float = -math.inf
    most_return: float = math.inf
    longest: int = 0
    velocity: tuple[int, ...] = ()
    position: tuple[int, ...] = ()
    goal: tuple[int, ...] = ()
    alive_bonus: float = math.inf
    action_cost: float = math.inf

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


def find_newest(dataset_id: str, ids: Iterable[str]) -> str:
    """The last version of `dataset_id` among `ids`, such as x/medium-v1 for x/medium-v0; itself where none is later."""
    name, version = _split_version(dataset_id)
    later = [other for other in ids if _split_version(other)[0] == name and _split_version(other)[1] > version]
    return max(later, key=lambda other: _split_version(other)[1], default=dataset_id)


def _split_version(dataset_id: str) -> tuple[str, int]:
    """Name and version; a version of -1 where the id has none."""
    found = re.fullmatch(r"(.+)-v([0-9]+)", dataset_id)
    return (found[1], int(found[2])) if found else (dataset_id, -1)


def load_cards(path: Path | None = None) -> dict[str, Card]:
    """All cards by dataset id; none where this project has no card file.

    Raises `DatasetError` naming the file, the table and the key that is wrong.
    """
    path = path or dataset_file("cards.toml")
    return _read_cards(path) if path.exists() else {}


@cache
def _read_cards(path: Path) -> dict[str, Card]:
    try:
        content = read_toml(path)
    except (OSError, ValueError) as error:
        raise DatasetError(f"cannot read the dataset cards {path}: {error}") from error
    tasks = {}
    for name, table in _tables(content, "tasks", path).items():
        where = f"{path}, [tasks.{name}]"
        tasks[name] = task = _build(Task, {**table, "name": name}, where)
        if task.random_return == task.expert_return:
            raise DatasetError(
                f"{where}: random_return and expert_return are both {task.random_return}, so there is no scale"
            )
    cards = {}
    for dataset, table in _tables(content, "datasets", path).items():
        where = f'{path}, [datasets."{dataset}"]'
        try:
            check_id(dataset)
        except DatasetError as error:
            raise DatasetError(f"{where}: {error}") from error
        name = str(table.get("task", ""))
        if "task" in table and name not in tasks:
            raise DatasetError(f"{where}: {unknown_name('task', name, tasks)}")
        linked = {"task": tasks[name]} if "task" in table else {}
        cards[dataset] = _build(Card, {**table, "id": dataset, **linked}, where)
    return cards


def _tables(content: dict[str, Any], key: str, path: Path) -> dict[str, dict[str, Any]]:
    tables = content.get(key, {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise DatasetError(f"{path}: {key} must hold one table per name, as [{key}.name]")
    return tables


def _build(kind: type[Any], table: dict[str, Any], where: str) -> Any:
    """`kind` with the values of `table`, each of its field's type. Raises `DatasetError` naming `where` and the key."""
    known = {field.name: field for field in fields(kind)}
    for key in table:
        if key not in known:
            raise DatasetError(f"{where}: {unknown_name('key', key, known)}")
    for key, field in known.items():
        if key not in table and field.default is MISSING:
            raise DatasetError(f"{where}: the key {key} is missing")
    hints = get_type_hints(kind)
    return kind(**{key: _convert(value, hints[key], f"{where}, {key}") for key, value in table.items()})


def _convert(value: Any, hint: Any, where: str) -> Any:
    """`value` as TOML gives it, as the type `hint`: an integer will do for a float."""
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_convert(part, get_args(hint)[0], where) for part in value)
    if hint is float and type(value) is int and abs(value) < 2**1023:
        return float(value)
    if get_origin(hint) is tuple or type(value) is not hint or (hint is float and not math.isfinite(value)):
        wanted = {float: "a number", int: "an integer", str: "a text"}.get(hint, "a list")
        raise DatasetError(f"{where}: must be {wanted}, not {value!r:.80}")
    if type(value) is int and abs(value) >= 2**63:
        raise DatasetError(f"{where}: {value!r:.80} is too large for a whole number of 64 bits")
    return value
