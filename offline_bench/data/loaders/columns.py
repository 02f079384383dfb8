"""The episodes of a Minari HDF5 file as flat columns, T+1 observations beside T actions taken apart."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from offline_bench.core.errors import DatasetError
from offline_bench.data.dataset import Array
from offline_bench.data.loaders.hdf5 import Source, check_stored, open_hdf5
from offline_bench.data.loaders.spaces import Spaces

EPISODE = re.compile(r"episode_(0|[1-9][0-9]{0,8})")
FLAGS = ("terminations", "truncations")
# Under an episode's `infos`, (T, size): the next observations of one whose rows do not follow each other.
NEXT = ("offline_bench", "next_observations")


def read_episodes(source: Source, spaces: Spaces, counts: dict[str, Any]) -> dict[str, Any]:
    """All transitions of the file as the content fields of a `Dataset`, episodes in the order of their numbers.

    `counts` has the total_episodes and total_steps that the file is to hold.
    Raises `DatasetError` naming the file where it is truncated, inconsistent or holds something else than numbers.
    """
    with open_hdf5(source) as file:
        numbers = sorted(int(match[1]) for name in file if (match := EPISODE.fullmatch(name)))
        rewards = [_fetch(source, file, number, "rewards", None) for number in numbers]
        lengths = [len(array) for array in rewards]
        found = {"total_episodes": len(lengths), "total_steps": sum(lengths)}
        for key, count in found.items():
            if count != counts.get(key, count) or count == 0:
                raise source.broken(f"metadata.json says {key} = {counts.get(key)} where the file has {count}")
        for part in spaces.layout:  # before memory is set aside for observations of their size
            _open(source, file, numbers[0], _name(part.name), (lengths[0] + 1, *part.shape))
        columns = _allocate(found["total_steps"], spaces)
        start = 0
        for number, length in zip(numbers, lengths, strict=True):
            rows = slice(start, start + length)
            _read_episode(source, file, number, spaces, {name: array[rows] for name, array in columns.items()})
            start += length
    columns["true_rewards"] = np.concatenate([array.astype(np.float32, copy=False) for array in rewards])
    terminals, timeouts = _find_ends(source, columns.pop("terminations"), columns.pop("truncations"), numbers, lengths)
    return {**columns, "terminals": terminals, "timeouts": timeouts}


def _allocate(n: int, spaces: Spaces) -> dict[str, Array]:
    size, space = spaces.observation_size, spaces.action_space
    return {
        "observations": np.empty((n, size), np.float32),
        "next_observations": np.empty((n, size), np.float32),
        "actions": np.empty(n, np.int64) if space.discrete else np.empty((n, space.low.size), np.float32),
        "terminations": np.empty(n, np.bool_),
        "truncations": np.empty(n, np.bool_),
    }


def _read_episode(source: Source, file: Any, number: int, spaces: Spaces, columns: dict[str, Array]) -> None:
    """Fill `columns`, the rows of one episode of T steps in each of the flat arrays."""
    steps, size = columns["observations"].shape
    start = 0
    for part in spaces.layout:
        stored = _fetch(source, file, number, _name(part.name), (steps + 1, *part.shape))
        try:
            values = part.flatten(stored)
        except ValueError as error:
            raise DatasetError(f"{source.path}: episode_{number}/{_name(part.name)}: {error}.") from error
        columns["observations"][:, start : start + part.size] = values[:-1]
        columns["next_observations"][:, start : start + part.size] = values[1:]
        start += part.size
    if _has_next(file, number):
        columns["next_observations"][:] = _fetch(source, file, number, "/".join(("infos", *NEXT)), (steps, size))
    actions = _fetch(source, file, number, "actions", columns["actions"].shape)
    if columns["actions"].dtype == np.int64 != actions.dtype:
        raise DatasetError(
            f"{source.path}: episode_{number}/actions are no integers, but the action space is Discrete."
        )
    columns["actions"][:] = actions
    for name in FLAGS:
        flags = _fetch(source, file, number, name, (steps,))
        if flags.dtype != np.bool_ and not ((flags == 0) | (flags == 1)).all():
            raise DatasetError(f"{source.path}: episode_{number}/{name} are not all 0 or 1.")
        columns[name][:] = flags


def _name(part: str) -> str:
    return f"observations/{part}" if part else "observations"


def _has_next(file: Any, number: int) -> bool:
    links, name = file.id.links, f"episode_{number}"
    for part in ("infos", *NEXT):
        name = f"{name}/{part}"
        if not links.exists(name.encode()):
            return False
    return True


def _fetch(source: Source, file: Any, number: int, name: str, shape: tuple[int, ...] | None) -> Array:
    """An array as stored, of `shape`: bool, int64, float32 or float64; NumPy narrows it faster than HDF5 does.

    Without a `shape` it is to have one number for each step, and says how many steps there are.
    """
    from h5py import h5s, h5t

    stored = _open(source, file, number, name, shape)
    if shape is None:
        shape = stored.shape
        if shape is None or len(shape) != 1 or shape[0] == 0:
            raise source.broken(f"episode_{number}/{name} has shape {shape}, not one number for each of its steps")
    kind = stored.get_type()
    size = kind.get_size()
    single = np.float32 if size <= 4 else np.float64
    memory = {h5t.ENUM: np.bool_, h5t.INTEGER: np.int64, h5t.FLOAT: single}.get(kind.get_class())
    if memory is None:
        raise DatasetError(f"{source.path}: episode_{number}/{name} holds {kind.dtype}, not numbers.")
    if stored.get_storage_size() < math.prod(shape) * size:
        check_stored(source, f"episode_{number}/{name}", stored)
    array: Array = np.empty(shape, memory)
    try:
        stored.read(h5s.ALL, h5s.ALL, array)
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise source.broken(f"episode_{number}/{name} cannot be read ({error})") from error
    return array


def _open(source: Source, file: Any, number: int, name: str, shape: tuple[int, ...] | None = None) -> Any:
    """The `h5py.h5d.DatasetID` of an array: h5py's upper layer would take longer than the reading itself.

    Raises where it is not there, or not of `shape`.
    """
    from h5py import h5d

    try:
        stored = h5d.open(file.id, f"episode_{number}/{name}".encode())
    except (KeyError, TypeError, ValueError) as error:
        raise source.broken(f"it has no array episode_{number}/{name}") from error
    if shape is not None and stored.shape != shape:
        raise source.broken(
            f"episode_{number}/{name} has shape {stored.shape}, not {shape} "
            "(an episode of T rewards has T actions and flags, and T+1 observations)"
        )
    return stored


def _find_ends(
    source: Source, terminations: Array, truncations: Array, numbers: list[int], lengths: list[int]
) -> tuple[Array, Array]:
    """Terminals and time-outs (n,): one of the two at each episode's last row, none before."""
    ends = np.cumsum(lengths) - 1
    early = terminations | truncations
    early[ends] = False
    if early.any():
        row = int(early.argmax())
        episode = int(np.searchsorted(ends, row))
        step = row - (int(ends[episode]) + 1 - lengths[episode])
        raise DatasetError(
            f"{source.path}: episode_{numbers[episode]} goes on after step {step}, where its terminations or "
            "truncations say that it ended. Only the last step may; split the episode there."
        )
    timeouts = np.zeros_like(truncations)
    timeouts[ends] = ~terminations[ends]
    return terminations, timeouts
