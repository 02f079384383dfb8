"""State-action cells: how many different places a dataset visits, beside another of its size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import EnvironmentMismatchError
from offline_bench.data.coverage.points import (
    CHUNK,
    Moments,
    Points,
    measure_moments,
    principal_axes,
    project,
    states_of,
    visits_of,
)
from offline_bench.data.dataset import Dataset

Array = npt.NDArray[Any]

AXES = 4
BINS = 10  # between the 1st and the 99th percentile of the reference on each axis; as wide beyond
_GOLDEN, _MIX = 0x9E3779B97F4A7C15, (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


@dataclass(frozen=True, eq=False)
class Cells:
    """A reference set cut into cells. It keeps the cuts and the cell's key of each row, not the arrays.

    keys  (n,) uint64
    cut   moments, axes (v, ≤ 4), and the low end and width of the bins on each axis; None where rows are the cells
    """

    id: str
    observation_shape: tuple[int, ...]
    action_size: int
    keys: Array
    cut: tuple[Moments, Array, Array, Array] | None

    def key(self, data: Dataset) -> Array:
        """(n,) uint64, the same for two rows of `data` or of the reference exactly where they share a cell."""
        if self.cut is None:
            return row_keys(data)
        moments, axes, low, width = self.cut
        # In place: of a million rows the places alone are 16 MB.
        places = project(_points(data), moments, axes)
        places -= low
        places /= width
        return _hash(Points((np.floor(places, out=places),)), _choices(data))


def cut_into_cells(reference: Dataset) -> Cells:
    """Cells of (s, a) after the reference: bins along its principal axes, or its distinct rows where those repeat.

    Standardized (s, a) is projected onto its first 4 principal axes, each cut in 10 bins between the 1st and the 99th
    percentile and in bins as wide beyond; discrete actions are kept apart instead, so that each has cells of its own.
    Where less than half of the reference's rows are distinct, as on a grid, each distinct row is a cell.
    """
    about = (reference.id, reference.observations.shape[1:], _action_size(reference))
    keys = row_keys(reference)
    if is_tabular(reference.n, count_distinct(keys)):
        return Cells(*about, keys, None)
    points = _points(reference)
    moments = measure_moments(points)
    axes = principal_axes(moments, AXES)
    places = project(points, moments, axes)
    low, high = (np.array([np.percentile(column, at) for column in places.T], np.float32) for at in (1, 99))
    width = np.where(high > low, high - low, np.float32(1)) / BINS
    cells = Cells(*about, keys, (moments, axes, low, width))
    return Cells(*about, cells.key(reference), cells.cut)


def saco(data: Dataset, reference: Cells, rng: np.random.Generator) -> float:
    """Distinct (s, a) cells in the data over distinct cells in a reference of the same task: above 1, it covers more.

    The larger of the two is brought to the size of the smaller by a random choice of rows. The cells are the
    reference's, see `cut_into_cells`. Raises `EnvironmentMismatchError` where observations or actions differ in size.
    Source: SACo of Schweighofer et al. 2022, arXiv 2111.04714, who count distinct rows of (s, a).
    """
    sizes = (data.observations.shape[1:], _action_size(data))
    if sizes != (reference.observation_shape, reference.action_size):
        raise EnvironmentMismatchError(
            f"{data.id} and the reference {reference.id} belong to different tasks: observations of shape {sizes[0]} "
            f"and {reference.observation_shape}, actions {_told(sizes[1])} and {_told(reference.action_size)}. Name "
            "another set with --reference."
        )
    size = min(data.n, len(reference.keys))
    mine, theirs = (
        keys if len(keys) == size else keys[rng.choice(len(keys), size, replace=False)]
        for keys in (reference.key(data), reference.keys)
    )
    return count_distinct(mine) / count_distinct(theirs)


def state_keys(data: Dataset) -> Array:
    """(n,) uint64, the same for two rows exactly where their observations are equal."""
    return _hash(states_of(data), None)


def row_keys(data: Dataset) -> Array:
    """(n,) uint64, the same for two rows exactly where their observations and their actions are equal."""
    return _hash(_points(data), _choices(data))


def count_distinct(keys: Array) -> int:
    """How many different keys there are."""
    ordered = np.sort(keys)
    return int((ordered[1:] != ordered[:-1]).sum()) + 1


def conditional_entropy(given: Array, both: Array) -> float:
    """H(a | s) = H(s, a) − H(s) in nats, of rows with the keys `given` of s and `both` of (s, a): shares are counts."""
    return max(_shannon(both) - _shannon(given), 0.0)


def is_tabular(n: int, distinct: int) -> bool:
    """Whether n rows repeat so often that each distinct row is its own place: fewer than half differ."""
    return 2 * distinct < n


def _points(data: Dataset) -> Points:
    return states_of(data) if data.action_space.discrete else visits_of(data)


def _choices(data: Dataset) -> Array | None:
    return data.actions if data.action_space.discrete else None


def _shannon(keys: Array) -> float:
    shares = np.unique(keys, return_counts=True)[1] / len(keys)
    return float(-(shares * np.log(shares)).sum())


def _action_size(data: Dataset) -> int:
    """The number of columns; of discrete actions, minus how many there are, so that the two are never mixed up."""
    return -data.action_space.n if data.action_space.discrete else int(data.actions.shape[1])


def _told(action_size: int) -> str:
    return f"of {action_size} numbers" if action_size > 0 else f"one of {-action_size}"


def _hash(points: Points, choices: Array | None) -> Array:
    """(n,) uint64 keys of rows by SplitMix64: of a million rows, two share one by accident once in 30 million sets."""
    keys = np.empty(len(points), np.uint64)
    for rows in _slices(len(points)):
        key = np.zeros(len(keys[rows]), np.uint64) if choices is None else _mix(choices[rows].astype(np.uint64))
        for part in points.parts:
            for column in part[rows].T:
                # Adding 0 makes -0.0 and 0.0 the same bits.
                key = _mix(key ^ (np.ascontiguousarray(column) + np.float32(0)).view(np.uint32))
        keys[rows] = key
    return keys


def _mix(key: Array) -> Array:
    key = key + np.uint64(_GOLDEN)
    key = (key ^ (key >> np.uint64(30))) * np.uint64(_MIX[0])
    key = (key ^ (key >> np.uint64(27))) * np.uint64(_MIX[1])
    return np.asarray(key ^ (key >> np.uint64(31)))


def _slices(n: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, n, CHUNK))
