"""Which observations and actions are read: from a Minari dataset's metadata, or from an environment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from offline_bench.dataset import ActionSpace
from offline_bench.errors import DatasetError, EnvironmentMismatchError
from offline_bench.registry import unknown_name

SUPPORTED = (
    "Supported are Box observations that are vectors, with Box actions that are vectors or Discrete ones from 0."
)


@dataclass(frozen=True)
class Spaces:
    """The length of an environment's observations, its actions, and its time limit in steps (None: it has none)."""

    observation_size: int
    action_space: ActionSpace
    max_steps: int | None


def parse_observation_size(text: str, where: str) -> int:
    """The length of the vectors that the serialized space `text` holds. Raises `DatasetError` naming `where`."""
    space = json.loads(text)
    if space["type"] != "Box" or len(space["shape"]) != 1:
        raise DatasetError(f"{where}: observations are of {_describe(space)}, which is not supported. {SUPPORTED}")
    return int(space["shape"][0])


def parse_action_space(text: str, where: str) -> ActionSpace:
    """The action space that `text` serializes. Raises `DatasetError` naming `where` for an unsupported one."""
    space = json.loads(text)
    if space["type"] == "Box" and len(space["shape"]) == 1:
        return _box(space["low"], space["high"])
    if space["type"] == "Discrete" and space.get("start", 0) == 0:
        return _discrete(space["n"])
    raise DatasetError(f"{where}: actions are of {_describe(space)}, which is not supported. {SUPPORTED}")


def find_spaces(environment: str, where: str) -> Spaces:
    """What the Gymnasium environment called `environment` shows and takes.

    Raises `EnvironmentMismatchError` naming `where` for one that is unknown or cannot be made here, `DatasetError`
    for spaces that are not supported.
    """
    import gymnasium
    from gymnasium.spaces import Box, Discrete

    try:
        spec = gymnasium.spec(environment)
        made = gymnasium.make(spec)
    except gymnasium.error.UnregisteredEnv as error:
        hint = unknown_name("environment", environment, gymnasium.registry)
        raise EnvironmentMismatchError(f"{where}: {hint}") from error
    except (gymnasium.error.Error, ImportError, AttributeError) as error:
        raise EnvironmentMismatchError(f"{where}: environment {environment!r} cannot be made here: {error}") from error
    observations, actions = made.observation_space, made.action_space
    made.close()
    shape = observations.shape or ()
    if isinstance(observations, Box) and len(shape) == 1:
        if isinstance(actions, Box) and len(actions.shape) == 1:
            return Spaces(shape[0], _box(actions.low, actions.high), spec.max_episode_steps)
        if isinstance(actions, Discrete) and actions.start == 0:
            return Spaces(shape[0], _discrete(actions.n), spec.max_episode_steps)
    raise DatasetError(f"{where}: {environment} shows {observations} and takes {actions}: not supported. {SUPPORTED}")


def _box(low: Any, high: Any) -> ActionSpace:
    return ActionSpace(np.array(low, dtype=np.float32), np.array(high, dtype=np.float32))


def _discrete(n: Any) -> ActionSpace:
    return ActionSpace(np.empty(0, np.float32), np.empty(0, np.float32), int(n))


def _describe(space: dict[str, Any]) -> str:
    shape = f" of shape {tuple(space['shape'])}" if "shape" in space else ""
    start = f" from {space['start']}" if space.get("start") else ""
    return f"a {space['type']} space{shape}{start}"
