"""Which observations and actions are read: from a Minari dataset's metadata, or from an environment."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from offline_bench.core.errors import DatasetError, EnvironmentMismatchError
from offline_bench.data.dataset import ActionSpace, Array
from offline_bench.environments.gymnasium_library import import_gymnasium
from offline_bench.environments.name import find_spec
from offline_bench.environments.refusal import explain_refusal

SUPPORTED = (
    "Observations may be vectors of a Box space, of a Discrete space, or of a Dict space of such spaces. "
    "Actions may be vectors of a Box space, or of a Discrete space that counts from 0."
)
LARGEST = 2**24  # numbers in an observation: beyond, a metadata file is wrong rather than the task large


@dataclass(frozen=True)
class Part:
    """A stretch of the observation vector.

    name   where it comes from: the keys of nested Dict spaces joined by '/'; '' for a space that is no Dict
    shape  of one value of it as stored: (size,), or () for a single number
    size   how many numbers it has in the vector
    first  of a Discrete space, the value that the first of its one-hot numbers stands for; None for a Box
    """

    name: str
    shape: tuple[int, ...]
    size: int
    first: int | None = None

    def flatten(self, values: Array) -> Array:
        """`values` (n, *shape) as (n, size). Raises `ValueError` for one that a Discrete space does not have."""
        if self.first is None:
            return values.reshape(len(values), self.size)
        places = values - self.first
        if len(values) and not (places.min() >= 0 and places.max() < self.size and (places == np.rint(places)).all()):
            raise ValueError(f"not all of its values are integers {self.first}..{self.first + self.size - 1}")
        vectors = np.zeros((len(values), self.size), np.float32)
        vectors[np.arange(len(values)), places.astype(np.int64)] = 1
        return vectors


Layout = tuple[Part, ...]


@dataclass(frozen=True)
class Spaces:
    """The parts of an environment's observations, its actions, and its time limit in steps (None: it has none)."""

    layout: Layout
    action_space: ActionSpace
    max_steps: int | None = None

    @property
    def observation_size(self) -> int:
        return sum(part.size for part in self.layout)


def parse_layout(text: str, where: str) -> Layout:
    """The parts of the observations whose space `text` serializes, in the order of `make_environment`.

    Raises `DatasetError` naming `where` for an unsupported space; `ValueError`, `TypeError` or `KeyError` where `text`
    serializes none.
    """
    parts = tuple(_list_parts(json.loads(text), "", where))
    if not parts:
        raise DatasetError(f"{where}: observations are of an empty Dict space, which is not supported. {SUPPORTED}")
    return parts


def parse_action_space(text: str, where: str) -> ActionSpace:
    """The action space that `text` serializes. Raises as `parse_layout`."""
    space = json.loads(text)
    if space["type"] == "Box" and len(space["shape"]) == 1:
        size = _count(space["shape"][0])
        bounds = [np.broadcast_to(np.array(space[key], np.float32), (size,)) for key in ("low", "high")]
        if np.isnan(bounds).any() or (bounds[0] > bounds[1]).any():
            raise ValueError("an action space whose low is above its high")
        return ActionSpace(bounds[0].copy(), bounds[1].copy())
    if space["type"] == "Discrete" and space.get("start", 0) == 0:
        return ActionSpace(np.empty(0, np.float32), np.empty(0, np.float32), _count(space["n"]))
    raise DatasetError(f"{where}: actions are of {_describe(space)}, which is not supported. {SUPPORTED}")


def find_spaces(environment: str, where: str) -> Spaces:
    """What the environment called `environment` shows and takes.

    Raises `EnvironmentMismatchError` naming `where` for one that is unknown or cannot be made here, `DatasetError`
    for spaces that are not supported.
    """
    gymnasium = import_gymnasium()
    try:
        spec = find_spec(environment)
        made = gymnasium.make(spec)
    except Exception as error:
        raise EnvironmentMismatchError(f"{where}: {explain_refusal(environment, error)}") from error
    observations, actions = serialize(made.observation_space), serialize(made.action_space)
    made.close()
    place = f"{where}: environment {environment}"
    return Spaces(parse_layout(observations, place), parse_action_space(actions, place), spec.max_episode_steps)


def serialize(space: Any) -> str:
    """`space` as Minari serializes it, as far as this module tells spaces apart."""
    return json.dumps(_serialize(space))


def _serialize(space: Any) -> dict[str, Any]:
    spaces = import_gymnasium().spaces
    if isinstance(space, spaces.Dict):
        return {"type": "Dict", "subspaces": {key: _serialize(part) for key, part in space.spaces.items()}}
    if isinstance(space, spaces.Discrete):
        return {"type": "Discrete", "start": int(space.start), "n": int(space.n)}
    values: dict[str, Any] = {"type": type(space).__name__}
    if space.shape is not None:
        values["shape"] = list(space.shape)
    if isinstance(space, spaces.Box):
        values |= {"low": space.low.tolist(), "high": space.high.tolist()}
    return values


def _list_parts(space: dict[str, Any], name: str, where: str) -> list[Part]:
    if space["type"] == "Dict":
        inside = space["subspaces"]
        return [part for key in sorted(inside) for part in _list_parts(inside[key], f"{name}/{key}".strip("/"), where)]
    if space["type"] == "Discrete":
        return [Part(name, (), _count(space["n"]), int(space.get("start", 0)))]
    # A single number alone is no vector, and Gymnasium makes it one only as a part.
    if space["type"] == "Box" and len(space["shape"]) in ((0, 1) if name else (1,)):
        shape = tuple(_count(size) for size in space["shape"])
        return [Part(name, shape, math.prod(shape))]
    which = f"observations/{name}" if name else "observations"
    raise DatasetError(f"{where}: {which} are of {_describe(space)}, which is not supported. {SUPPORTED}")


def _count(number: Any) -> int:
    if type(number) is not int or not 0 < number <= LARGEST:
        raise ValueError(f"{number!r} is not a size")
    return number


def _describe(space: dict[str, Any]) -> str:
    shape = f" of shape {tuple(space['shape'])}" if "shape" in space else ""
    start = f" from {space['start']}" if space.get("start") else ""
    image = ", such as images," if space["type"] == "Box" and len(space["shape"]) == 3 else ""
    return f"a {space['type']} space{shape}{start}{image}"
