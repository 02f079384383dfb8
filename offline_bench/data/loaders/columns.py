"""The episodes of a Minari HDF5 file as flat columns, T+1 observations beside T actions taken apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from offline_bench.core.errors import DatasetError
from offline_bench.data.dataset import Array
from offline_bench.data.loaders.capacity import check_memory
from offline_bench.data.loaders.hdf5 import Source, StoredFile, open_hdf5
from offline_bench.data.loaders.leniency import join_ends
from offline_bench.data.loaders.spaces import Spaces

T = TypeVar("T")
EPISODE = re.compile(r"episode_(0|[1-9][0-9]{0,8})")
TOLD = 20
FLAGS = ("terminations", "truncations")
# Under an episode's `infos`, (T, size): the next observations of one whose rows do not follow each other.
NEXT = ("offline_bench", "next_observations")
# There, too, (T,): the true rewards of a set whose rewards were relabeled before it was exported.
TRUE = ("offline_bench", "true_rewards")


@dataclass
class Dropped:
    """Which episodes of `path` are left out, by number, and why; if that is not `allowed`, the error is raised."""

    path: Path
    allowed: bool
    reasons: dict[int, str] = field(default_factory=dict)

    def attempt(self, number: int, read: Callable[[], T]) -> T | None:
        """The result of `read` for an episode; None if it is left out."""
        try:
            return read()
        except DatasetError as error:
            if not self.allowed:
                raise
            self.reasons[number] = str(error).removeprefix(f"{self.path}: ").rstrip(".")
            return None

    def notes(self) -> tuple[str, ...]:
        """A sentence for each of the first `TOLD`, and how many more there are."""
        told = [f"episode_{number} was left out: {reason}" for number, reason in sorted(self.reasons.items())]
        more = [f"{len(told) - TOLD} more episodes were left out"] if len(told) > TOLD else []
        return (*told[:TOLD], *more)


def read_episodes(
    source: Source, spaces: Spaces, counts: dict[str, Any], drop_broken: bool = False, relabeled: bool = False
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """All transitions of the file as content fields of a `Dataset`, in the order of episode numbers, and notes.

    `counts` has the total_episodes and total_steps that the file is to hold. With `drop_broken`, an episode that is
    none is left out and told in the notes. Where they are `relabeled`, the file's rewards are the learner's, and the
    true ones lie in each episode's infos.
    Raises `DatasetError` naming the file where it is truncated, inconsistent or holds something else than numbers.
    """
    dropped = Dropped(source.path, drop_broken)
    with open_hdf5(source) as file:
        numbers = sorted(int(match[1]) for name in file.names() if (match := EPISODE.fullmatch(name)))
        rewards = {
            number: dropped.attempt(number, partial(_fetch, file, number, "rewards", None)) for number in numbers
        }
        kept = {number: array for number, array in rewards.items() if array is not None}
        _check_counts(source, counts, numbers, kept, dropped)
        columns = _fill(file, spaces, kept, dropped)
        if relabeled:
            columns["rewards"] = _join(kept.values())
            where = "/".join(("infos", *TRUE))
            kept = {number: _fetch(file, number, where, array.shape) for number, array in kept.items()}
    lengths = np.array([len(array) for array in kept.values()])
    columns["true_rewards"] = _join(kept.values())
    if drop_broken:
        columns, lengths = _leave_out(columns, np.array(list(kept)), lengths, dropped)
    remaining = [number for number in kept if number not in dropped.reasons]
    terminals, timeouts, notes = _find_ends(
        source, columns.pop("terminations"), columns.pop("truncations"), remaining, lengths
    )
    return {**columns, "terminals": terminals, "timeouts": timeouts}, (*dropped.notes(), *notes)


def _join(arrays: Iterable[Array]) -> Array:
    return np.concatenate([array.astype(np.float32, copy=False) for array in arrays])


def _check_counts(
    source: Source, counts: dict[str, Any], numbers: list[int], kept: dict[int, Array], dropped: Dropped
) -> None:
    found = {"total_episodes": len(numbers), "total_steps": sum(map(len, kept.values()))}
    for key, count in found.items():
        if count == 0 or (count != counts.get(key, count) and not dropped.allowed):
            raise source.odd(f"metadata.json says {key} = {counts.get(key)!r:.80}, but the file has {count}")


def _fill(file: StoredFile, spaces: Spaces, rewards: dict[int, Array], dropped: Dropped) -> dict[str, Array]:
    """The columns of the episodes that `rewards` are of; rows of those left out hold anything."""
    first = next(iter(rewards))
    if not dropped.allowed:
        for part in spaces.layout:  # before memory is set aside for observations of their size
            _open(file, first, _name(part.name), (len(rewards[first]) + 1, *part.shape))
    columns = _allocate(sum(map(len, rewards.values())), spaces, str(file.source.path))
    start = 0
    for number, array in rewards.items():
        rows = slice(start, start + len(array))
        views = {name: column[rows] for name, column in columns.items()}
        dropped.attempt(number, partial(_read_episode, file, number, spaces, views))
        start += len(array)
    return columns


def _allocate(n: int, spaces: Spaces, where: str) -> dict[str, Array]:
    size, space = spaces.observation_size, spaces.action_space
    check_memory(4 * n * (2 * size + max(2, space.low.size)), f"{where}: {n:,} steps of {size:,} observed numbers")
    return {
        "observations": np.empty((n, size), np.float32),
        "next_observations": np.empty((n, size), np.float32),
        "actions": np.empty(n, np.int64) if space.discrete else np.empty((n, space.low.size), np.float32),
        "terminations": np.empty(n, np.bool_),
        "truncations": np.empty(n, np.bool_),
    }


def _read_episode(file: StoredFile, number: int, spaces: Spaces, columns: dict[str, Array]) -> None:
    """Fill `columns`, the rows of one episode of T steps in each of the flat arrays."""
    steps, size = columns["observations"].shape
    start = 0
    for part in spaces.layout:
        stored = _fetch(file, number, _name(part.name), (steps + 1, *part.shape))
        try:
            values = part.flatten(stored)
        except ValueError as error:
            raise file.source.odd(f"episode_{number}/{_name(part.name)}: {error}") from error
        columns["observations"][:, start : start + part.size] = values[:-1]
        columns["next_observations"][:, start : start + part.size] = values[1:]
        start += part.size
    following = "/".join(("infos", *NEXT))
    if file.holds(f"episode_{number}/{following}"):
        columns["next_observations"][:] = _fetch(file, number, following, (steps, size))
    actions = _fetch(file, number, "actions", columns["actions"].shape)
    if columns["actions"].dtype == np.int64 != actions.dtype:
        raise file.source.odd(f"episode_{number}/actions are not integers, but the action space is Discrete")
    columns["actions"][:] = actions
    for name in FLAGS:
        flags = _fetch(file, number, name, (steps,))
        if flags.dtype != np.bool_ and not ((flags == 0) | (flags == 1)).all():
            raise file.source.odd(f"episode_{number}/{name} are not all 0 or 1")
        columns[name][:] = flags


def _name(part: str) -> str:
    return f"observations/{part}" if part else "observations"


def _fetch(file: StoredFile, number: int, name: str, shape: tuple[int, ...] | None) -> Array:
    """An array as stored, of `shape`: bool, int64, float32 or float64; NumPy narrows it faster than HDF5 does.

    Without a `shape` it is to have one number for each step, and says how many steps there are.
    """
    from h5py import h5s, h5t

    where = f"episode_{number}/{name}"
    stored = _open(file, number, name, shape)
    if shape is None:
        shape = stored.shape
        if shape is None or len(shape) != 1:
            raise file.source.odd(f"{where} has shape {shape}, not one number for each of its steps")
        if shape[0] == 0:
            raise file.source.odd(f"{where} has shape {shape}: the episode has no steps")
    kind = stored.get_type()
    single = np.float32 if kind.get_size() <= 4 else np.float64
    memory = {h5t.ENUM: np.bool_, h5t.INTEGER: np.int64, h5t.FLOAT: single}.get(kind.get_class())
    if memory is None:
        raise file.source.odd(f"{where} holds {kind.dtype}, not numbers")
    file.check(where, stored)
    array: Array = np.empty(shape, memory)
    try:
        stored.read(h5s.ALL, h5s.ALL, array)
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise file.source.broken(f"{where} cannot be read ({error})") from error
    return array


def _open(file: StoredFile, number: int, name: str, shape: tuple[int, ...] | None = None) -> Any:
    """The `h5py.h5d.DatasetID` of an array. Raises where it is not there, or not of `shape`."""
    where = f"episode_{number}/{name}"
    try:
        stored = file.open(where)
    except KeyError as error:
        raise file.source.odd(f"it has no array {where}") from error
    if shape is not None and stored.shape != shape:
        raise file.source.odd(
            f"{where} has shape {stored.shape}, not {shape} "
            "(an episode of T rewards has T actions and flags, and T+1 observations)"
        )
    return stored


def _leave_out(
    columns: dict[str, Array], numbers: Array, lengths: Array, dropped: Dropped
) -> tuple[dict[str, Array], Array]:
    """`columns` and `lengths` of the episodes that are ones: read, finite, and going on to their last steps."""
    ends = np.cumsum(lengths) - 1
    early = columns["terminations"] | columns["truncations"]
    early[ends] = False
    odd = ~np.isfinite(columns["true_rewards"])
    for name in ("observations", "next_observations", "actions"):
        odd |= ~np.isfinite(columns[name].reshape(len(odd), -1)).all(axis=1)
    reasons = {"it goes on after a step at which it ended": early, "it has numbers that are not finite": odd}
    for reason, rows in reasons.items():
        for number in numbers[np.logical_or.reduceat(rows, ends - lengths + 1)]:
            dropped.reasons.setdefault(int(number), reason)
    keep = ~np.isin(numbers, list(dropped.reasons))
    if not keep.any():
        raise DatasetError("no episode is left: " + "; ".join(dropped.notes()[:3]))
    rows = np.repeat(keep, lengths)
    return {name: column[rows] for name, column in columns.items()}, lengths[keep]


def _find_ends(
    source: Source, terminations: Array, truncations: Array, numbers: list[int], lengths: Array
) -> tuple[Array, Array, tuple[str, ...]]:
    """Terminals and time-outs (n,): one of the two at each episode's last row, none before; and a note."""
    ends = np.cumsum(lengths) - 1
    early = terminations | truncations
    early[ends] = False
    if early.any():
        row = int(early.argmax())
        episode = int(np.searchsorted(ends, row))
        step = row - (int(ends[episode]) + 1 - int(lengths[episode]))
        raise DatasetError(
            f"{source.path}: episode_{numbers[episode]} goes on after step {step}, although its terminations or "
            "truncations end it there. Only the last step may end an episode; split the episode there."
        )
    truncations, notes = join_ends(terminations, truncations)
    timeouts = np.zeros_like(truncations)
    timeouts[ends] = ~terminations[ends]
    return terminations, timeouts, notes
