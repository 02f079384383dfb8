"""Minibatches by index: a few array look-ups for any batch size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.algorithms.library import import_d3rlpy
from offline_bench.data.dataset import Dataset

Array = npt.NDArray[Any]


class MinibatchSampler:
    """Draws transitions uniformly with replacement and hands them over as d3rlpy's `TransitionMiniBatch`.

    The next action is the next row's within an episode; where an episode ends it is the row's own, which a
    terminal makes irrelevant and a time-out leaves unknown.
    """

    def __init__(self, data: Dataset, batch_size: int, rng: np.random.Generator) -> None:
        self._data = data
        self._batch_size = batch_size
        self._rng = rng
        self._minibatch = import_d3rlpy().dataset.TransitionMiniBatch
        # Discrete ones too: d3rlpy takes float32 alone, a column of whole numbers, and rounds them back.
        self._actions = data.actions.reshape(data.n, -1).astype(np.float32, copy=False)
        self._rewards = data.rewards[:, None]
        self._terminals = data.terminals.astype(np.float32)[:, None]
        self._intervals = np.ones((batch_size, 1), np.float32)
        self._following = following_rows(data)

    def sample(self) -> Any:
        """One `TransitionMiniBatch` of `batch_size` rows, float32."""
        rows = self._rng.integers(self._data.n, size=self._batch_size)
        return self._minibatch(
            observations=self._data.observations[rows],
            actions=self._actions[rows],
            rewards=self._rewards[rows],
            next_observations=self._data.next_observations[rows],
            next_actions=self._actions[self._following[rows]],
            terminals=self._terminals[rows],
            intervals=self._intervals,
            transitions=_RewardsToGo(self._data, rows),
        )


def following_rows(data: Dataset) -> Array:
    """(n,) int64 the next transition of the same episode; at an episode's last transition, that one."""
    following = np.arange(1, data.n + 1)
    following[data.episode_ends] -= 1
    return following


@dataclass(frozen=True)
class _Row:
    rewards_to_go: Array


class _RewardsToGo:
    """Stands in for d3rlpy's list of transitions: algorithms read only its `rewards_to_go` (k, 1)."""

    def __init__(self, data: Dataset, rows: Array) -> None:
        self._data = data
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[_Row]:
        ends = self._data.episode_ends[self._data.episode_of[self._rows]]
        return (_Row(self._data.rewards[row : end + 1, None]) for row, end in zip(self._rows, ends, strict=True))
