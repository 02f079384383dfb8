"""The rows a curation may choose from: those of the data, and after them those of one other set of the same task."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import CurationError
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders import load

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Pool:
    """The rows of `parts`, one after the other."""

    parts: tuple[Dataset, ...]

    @classmethod
    def of(cls, data: Dataset, beside: str = "") -> Pool:
        """`data`, and the dataset of the id `beside` where there is one.

        Raises `CurationError` where the two are not of one task, or where `data` was relabeled already, as the other's
        rewards would not be; and what loading raises.
        """
        if not beside:
            return cls((data,))
        other = load(beside)
        _check_same_task(data, other)
        return cls((data, other))

    @property
    def id(self) -> str:
        return self.parts[0].id

    @property
    def n(self) -> int:
        return sum(part.n for part in self.parts)

    @cached_property
    def terminals(self) -> Array:
        """(n,) bool."""
        return self._joined([part.terminals for part in self.parts])

    @cached_property
    def episode_of(self) -> Array:
        """(n,) which episode each row is of, counted over all parts."""
        return self._counted([part.episode_of for part in self.parts], [part.n_episodes for part in self.parts])

    @cached_property
    def source_of(self) -> Array:
        """(n,) which of `behavior_returns` is of the whole episode each row comes from."""
        return self._counted([p.source_of for p in self.parts], [len(p.behavior_returns) for p in self.parts])

    @cached_property
    def behavior_returns(self) -> Array:
        """True returns of the whole episodes of all parts."""
        return self._joined([part.behavior_returns for part in self.parts])

    def take(self, field: str, rows: Array) -> Array:
        """The `rows` (m,), ascending, of an array of the datasets; nothing else of it is copied."""
        first = self.parts[0]
        own = int(np.searchsorted(rows, first.n))
        taken = [getattr(first, field)[rows[:own]]]
        taken += [getattr(part, field)[rows[own:] - first.n] for part in self.parts[1:]]
        return self._joined(taken)

    @staticmethod
    def _joined(arrays: list[Array]) -> Array:
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    @staticmethod
    def _counted(arrays: list[Array], counts: list[int]) -> Array:
        offsets = np.cumsum([0, *counts[:-1]])
        return Pool._joined([array + offset for array, offset in zip(arrays, offsets, strict=True)])


def _check_same_task(data: Dataset, other: Dataset) -> None:
    what = ""
    if data.environment != other.environment:
        what = f"the environment is {data.environment!r} here and {other.environment!r} there"
    elif data.observations.shape[1:] != other.observations.shape[1:]:
        what = f"observations are {data.observations.shape[1:]} here and {other.observations.shape[1:]} there"
    elif not _same_actions(data, other):
        what = "the action spaces differ"
    elif data.relabeling != "original":
        what = f"{data.id!r} carries the rewards of {data.relabeling}: curate first, then relabel"
    if what:
        raise CurationError(f"{other.id!r} cannot be mixed into {data.id!r}: {what}")


def _same_actions(data: Dataset, other: Dataset) -> bool:
    one, two = data.action_space, other.action_space
    return one.n == two.n and np.array_equal(one.low, two.low) and np.array_equal(one.high, two.high)
