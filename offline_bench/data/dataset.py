"""`Dataset`: transitions as read-only flat arrays, the true reward always beside the learner's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import DatasetError

Array = npt.NDArray[Any]

CONTENT = ("observations", "actions", "next_observations", "true_rewards", "terminals", "timeouts")
# What follows from where episodes end: other rewards change none of it.
EPISODES = ("episode_ends", "episode_starts", "lengths", "episode_of", "source_of")


@dataclass(frozen=True)
class ActionSpace:
    """A box [low, high], each (action_size,); or `n` discrete actions, with low and high empty."""

    low: Array
    high: Array
    n: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", protect(self.low))
        object.__setattr__(self, "high", protect(self.high))

    @property
    def discrete(self) -> bool:
        return self.n > 0


@dataclass(frozen=True, eq=False)
class Sources:
    """The whole episodes that transitions come from.

    returns (m,) float64 true returns of them; episodes (n_episodes,) int64, which of them each episode is a piece of.
    """

    returns: Array
    episodes: Array


@dataclass(frozen=True, eq=False)
class Dataset:
    """n transitions in time order, episode after episode. All arrays are write-protected on construction.

    id                 the dataset's name
    environment        Gymnasium id of the true environment; '' where none is known
    action_space       the bounds its actions keep
    observations       (n, *observation_shape) float32
    actions            (n, action_size) float32; discrete: (n,) int64
    next_observations  (n, *observation_shape) float32
    true_rewards       (n,) float32, what the task pays
    rewards            (n,) float32, what a learner sees
    terminals          (n,) bool, the task ended here: the value after it is 0
    timeouts           (n,) bool, the clock ran out or the episode was cut here: the value after it is bootstrapped
    curation, relabeling   canonical text of what was done to it
    sources            the whole episodes a curation cut it from; None where its episodes are whole
    notes              what reading it decided, a sentence each: its file has it otherwise
    relabeling_facts   how well a learned reward tells the true one, by their names; empty for all others

    Raises `DatasetError`, naming the dataset and the field, where a rule is broken.
    """

    id: str
    environment: str
    action_space: ActionSpace
    observations: Array
    actions: Array
    next_observations: Array
    true_rewards: Array
    terminals: Array
    timeouts: Array
    rewards: Array = field(default_factory=lambda: np.empty(0, np.float32))
    curation: str = "full"
    relabeling: str = "original"
    sources: Sources | None = None
    notes: tuple[str, ...] = ()
    relabeling_facts: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rewards.size == 0:
            object.__setattr__(self, "rewards", self.true_rewards)
        _validate(self)
        for name in (*CONTENT, "rewards"):
            object.__setattr__(self, name, protect(getattr(self, name)))

    def with_rewards(self, rewards: Array, relabeling: str, facts: Mapping[str, float] | None = None) -> Dataset:
        """The same transitions, sharing every other array, with `rewards` (n,) for the learner to see."""
        other = replace(self, rewards=rewards, relabeling=relabeling, relabeling_facts=facts or {})
        other.__dict__.update({name: getattr(self, name) for name in EPISODES})
        return other

    @property
    def n(self) -> int:
        return len(self.rewards)

    @property
    def n_episodes(self) -> int:
        return len(self.episode_ends)

    @cached_property
    def episode_ends(self) -> Array:
        """(n_episodes,) index of each episode's last transition."""
        return protect(np.flatnonzero(self.terminals | self.timeouts))

    @cached_property
    def episode_starts(self) -> Array:
        """(n_episodes,) index of each episode's first transition."""
        return protect(np.concatenate([[0], self.episode_ends[:-1] + 1]))

    @cached_property
    def episode_of(self) -> Array:
        """(n,) which episode each transition belongs to."""
        return protect(np.repeat(np.arange(self.n_episodes), self.lengths))

    @cached_property
    def lengths(self) -> Array:
        """(n_episodes,) number of transitions of each episode."""
        return protect(self.episode_ends - self.episode_starts + 1)

    @cached_property
    def true_returns(self) -> Array:
        """(n_episodes,) undiscounted sum of the true rewards of each episode, float64."""
        return protect(np.add.reduceat(self.true_rewards.astype(np.float64), self.episode_starts))

    @property
    def behavior_returns(self) -> Array:
        """(m,) true returns of the whole episodes its transitions come from, float64: how well the behavior did.

        A piece of an episode says nothing of that; where no curation cut any, they are `true_returns`.
        """
        return self.true_returns if self.sources is None else self.sources.returns

    @cached_property
    def source_of(self) -> Array:
        """(n,) which of `behavior_returns` is of the whole episode each transition comes from."""
        return self.episode_of if self.sources is None else protect(self.sources.episodes[self.episode_of])

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits over all content, the same for every file format; the learner's rewards do not count."""
        digest = hashlib.sha256()
        for name in CONTENT:
            array = np.ascontiguousarray(getattr(self, name))
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(array.view(np.uint8).data if array.size else b"")
        return digest.hexdigest()[:16]


def hash_rewards(data: Dataset) -> str:
    """Sixteen hex digits over the rewards that a learner sees, which `Dataset.fingerprint` leaves out."""
    return hashlib.sha256(np.ascontiguousarray(data.rewards).view(np.uint8).data).hexdigest()[:16]


def protect(array: Array) -> Array:
    """A view of `array` that cannot be made writable again; `array` and what it is a view of become read-only too."""
    array.flags.writeable = False
    if isinstance(array.base, np.ndarray):
        array.base.flags.writeable = False
    if isinstance(array.base, memoryview) and array.base.readonly:
        return array
    # NumPy lets anyone set the flag again on an array that owns its memory, but not on a view of a read-only buffer.
    return np.asarray(array.data.toreadonly())


def find_outside(actions: Array, space: ActionSpace) -> Array:
    """Which numbers of `actions` `space` does not take, of their shape; a box forgives what rounding does."""
    if space.discrete:
        return (actions < 0) | (actions >= space.n)
    below = actions < space.low - 1e-5 * (1.0 + np.abs(space.low))
    outside: Array = below | (actions > space.high + 1e-5 * (1.0 + np.abs(space.high)))
    return outside


def tell_outside(actions: Array, outside: Array, space: ActionSpace) -> str:
    """What is wrong with `actions`, of which `outside` are not in `space`, without the full stop."""
    bounds = f"0..{space.n - 1}" if space.discrete else "the box of the action space"
    row = int(np.argwhere(outside)[0][0])
    return f"leave {bounds} {int(outside.sum())} times, first at row {row}: {actions[row]}"


def is_write(error: Exception) -> bool:
    """Whether `error` is what NumPy raises on a write to a protected array, or on lifting its protection."""
    return "read-only" in str(error) or "WRITEABLE" in str(error)


def _validate(data: Dataset) -> None:
    n = len(data.true_rewards)
    if n == 0:
        _refuse(data, "true_rewards", "is empty: at least one episode is needed")
    wanted = {"true_rewards": np.float32, "rewards": np.float32, "terminals": np.bool_, "timeouts": np.bool_}
    wanted |= {"observations": np.float32, "next_observations": np.float32}
    wanted["actions"] = np.int64 if data.action_space.discrete else np.float32
    for name, kind in wanted.items():
        array = getattr(data, name)
        if array.dtype != kind:
            _refuse(data, name, f"has dtype {array.dtype}, not {np.dtype(kind)}")
        if len(array) != n:
            _refuse(data, name, f"has {len(array)} rows, but true_rewards has {n}")
        if array.dtype == np.float32:
            _check_finite(data, name, array)
    for name in ("true_rewards", "rewards", "terminals", "timeouts"):
        if getattr(data, name).ndim != 1:
            _refuse(data, name, f"has shape {getattr(data, name).shape}, not ({n},)")
    if data.observations.ndim < 2 or data.next_observations.shape != data.observations.shape:
        shapes = f"{data.observations.shape} and {data.next_observations.shape}"
        _refuse(data, "next_observations", f"and observations have shapes {shapes}, not one (n, ...)")
    _validate_actions(data)
    _validate_ends(data)


def _check_finite(data: Dataset, name: str, array: Array) -> None:
    # A sum is finite unless an entry is not, or it overflowed: the slow look is taken only then.
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        row = tuple(int(i) for i in bad[0])
        _refuse(data, name, f"has {len(bad)} values that are not finite, the first at row {row[0]}: {array[row]}")


def _validate_actions(data: Dataset) -> None:
    space = data.action_space
    if space.discrete:
        if data.actions.ndim != 1:
            _refuse(data, "actions", f"have shape {data.actions.shape}, but a discrete space wants (n,)")
    elif data.actions.ndim != 2 or data.actions.shape[1:] != space.low.shape:
        _refuse(data, "actions", f"have shape {data.actions.shape}, but the space wants (n, {space.low.size})")
    outside = find_outside(data.actions, space)
    if outside.any():
        _refuse(data, "actions", tell_outside(data.actions, outside, space))


def _validate_ends(data: Dataset) -> None:
    both = data.terminals & data.timeouts
    if both.any():
        row = int(both.argmax())
        _refuse(data, "terminals", f"and timeouts are both set at row {row}: a task that ended did not run out of time")
    if not (data.terminals[-1] or data.timeouts[-1]):
        _refuse(data, "timeouts", "leaves the last episode open: its last row is neither terminal nor time-out")


def _refuse(data: Dataset, name: str, what: str) -> None:
    raise DatasetError(f"dataset {data.id!r}: {name} {what}.")
