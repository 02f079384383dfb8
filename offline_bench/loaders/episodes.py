"""The episodes of a Minari HDF5 file as flat columns, T+1 observations beside T actions taken apart."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from offline_bench.dataset import ActionSpace, Array
from offline_bench.errors import DatasetError
from offline_bench.loaders.hdf5 import Source, open_hdf5

EPISODE = re.compile(r"episode_(\d+)")


def read_episodes(source: Source, size: int, space: ActionSpace, counts: dict[str, Any]) -> dict[str, Any]:
    """All transitions of the file as the content fields of a `Dataset`, episodes in the order of their numbers.

    `size` is the length of an observation; `counts` has the total_episodes and total_steps that the file is to hold.
    Raises `DatasetError` naming the file where it is truncated, inconsistent or holds something else than numbers.
    """
    with open_hdf5(source) as file:
        numbers = sorted(int(match[1]) for name in file if (match := EPISODE.fullmatch(name)))
        lengths = [_length(source, file, number) for number in numbers]
        found = {"total_episodes": len(lengths), "total_steps": sum(lengths)}
        for key, count in found.items():
            if count != counts.get(key, count) or count == 0:
                raise source.broken(f"metadata.json says {key} = {counts.get(key)} where the file has {count}")
        columns = _allocate(found["total_steps"], size, space)
        start = 0
        for number, length in zip(numbers, lengths, strict=True):
            rows = slice(start, start + length)
            _read_episode(source, file, number, {name: array[rows] for name, array in columns.items()})
            start += length
    terminals, timeouts = _find_ends(source, columns.pop("terminations"), columns.pop("truncations"), numbers, lengths)
    return {**columns, "terminals": terminals, "timeouts": timeouts}


def _length(source: Source, file: Any, number: int) -> int:
    """The steps of an episode: the rows of its rewards."""
    shape = _open(source, file, number, "rewards").shape
    if len(shape) != 1 or shape[0] == 0:
        raise source.broken(f"episode_{number}/rewards has shape {shape}, not one reward for each of its steps")
    return int(shape[0])


def _allocate(n: int, size: int, space: ActionSpace) -> dict[str, Array]:
    return {
        "observations": np.empty((n, size), np.float32),
        "next_observations": np.empty((n, size), np.float32),
        "actions": np.empty(n, np.int64) if space.discrete else np.empty((n, space.low.size), np.float32),
        "true_rewards": np.empty(n, np.float32),
        "terminations": np.empty(n, np.bool_),
        "truncations": np.empty(n, np.bool_),
    }


def _read_episode(source: Source, file: Any, number: int, columns: dict[str, Array]) -> None:
    """Fill `columns`, the rows of one episode of T steps in each of the flat arrays."""
    steps, size = columns["observations"].shape
    observations = _fetch(source, file, number, "observations", (steps + 1, size))
    columns["observations"][:] = observations[:-1]
    columns["next_observations"][:] = observations[1:]
    columns["true_rewards"][:] = _fetch(source, file, number, "rewards", (steps,))
    actions = _fetch(source, file, number, "actions", columns["actions"].shape)
    if columns["actions"].dtype == np.int64 != actions.dtype:
        raise DatasetError(
            f"{source.path}: episode_{number}/actions are no integers, but the action space is Discrete."
        )
    columns["actions"][:] = actions
    for name in ("terminations", "truncations"):
        columns[name][:] = _fetch(source, file, number, name, (steps,))


def _fetch(source: Source, file: Any, number: int, name: str, shape: tuple[int, ...]) -> Array:
    """An array as stored, of `shape`: bool, int64, float32 or float64; NumPy narrows it faster than HDF5 does."""
    from h5py import h5s, h5t

    stored = _open(source, file, number, name)
    if stored.shape != shape:
        raise source.broken(
            f"episode_{number}/{name} has shape {stored.shape}, not {shape} "
            "(an episode of T rewards has T actions and flags, and T+1 observations)"
        )
    kind = stored.get_type()
    single = np.float32 if kind.get_size() <= 4 else np.float64
    memory = {h5t.ENUM: np.bool_, h5t.INTEGER: np.int64, h5t.FLOAT: single}.get(kind.get_class())
    if memory is None:
        raise DatasetError(f"{source.path}: episode_{number}/{name} holds {kind.dtype}, not numbers.")
    array: Array = np.empty(shape, memory)
    stored.read(h5s.ALL, h5s.ALL, array)
    return array


def _open(source: Source, file: Any, number: int, name: str) -> Any:
    """The `h5py.h5d.DatasetID` of an array: h5py's upper layer would take longer than the reading itself."""
    from h5py import h5d

    try:
        return h5d.open(file.id, f"episode_{number}/{name}".encode())
    except (KeyError, TypeError, ValueError) as error:
        raise source.broken(f"it has no array episode_{number}/{name}") from error


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
