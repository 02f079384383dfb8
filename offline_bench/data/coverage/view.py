"""What the figure shows: a point for each episode, and a 2-d view of where the states lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import DatasetError
from offline_bench.data.coverage.points import CHUNK, Moments, Points, principal_axes, project, states_of
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.cards import Task

Array = npt.NDArray[Any]

BINS = 100
OUTSIDE = 0.0001  # share of the states beyond each side of the view, counted in its outermost bins


@dataclass(frozen=True, eq=False)
class EpisodePoints:
    """One point an episode. lengths, scores (n_episodes,); early (n_episodes,) bool, where the task ended it."""

    lengths: Array
    scores: Array
    early: Array
    normalized: bool


@dataclass(frozen=True, eq=False)
class StateView:
    """How many states lie in each bin of a plane.

    counts            (columns, rows) int64
    x_edges, y_edges  (columns + 1,), (rows + 1,)
    x_label, y_label  what the axes are
    downward          whether y is drawn from the top down, as the rows of a grid are
    """

    counts: Array
    x_edges: Array
    y_edges: Array
    x_label: str
    y_label: str
    downward: bool = False


def episode_points(data: Dataset, task: Task | None) -> EpisodePoints:
    """Length and score of each episode: normalized where the task is known, else the true return."""
    scores = data.true_returns if task is None else task.normalize(data.true_returns)
    return EpisodePoints(data.lengths, scores, data.terminals[data.episode_ends], task is not None)


def view_states(data: Dataset, moments: Moments, task: Task | None) -> StateView:
    """All states, counted in a plane: as the card of the task says, else along two axes.

    A card says by `grid` that states are cells, or by `view` which two numbers of an observation to look at. The axes
    are the first two principal ones of the standardized states, whose `moments` are given; one along which all are
    equal is drawn as 0. Raises `DatasetError` where the card does not fit the observations.
    """
    points = states_of(data)
    if task is not None and task.grid:
        return _view_grid(points, task)
    if task is not None and task.view:
        labels = [f"observation {index}" for index in task.view]
        return _view_places(_take_columns(points, task), *labels)
    axes = principal_axes(moments, 2)
    places = project(points, moments, np.pad(axes, ((0, 0), (0, 2 - axes.shape[1]))))
    shares = [100 * float(axis @ moments.correlation @ axis) / len(axes) for axis in axes.T] + [0.0, 0.0]
    labels = [f"principal axis {i + 1} of the standardized states ({shares[i]:.0f} %)" for i in range(2)]
    return _view_places(places, *labels)


def _view_grid(points: Points, task: Task) -> StateView:
    observations = points.parts[0]
    if len(task.grid) != 2 or min(task.grid) < 1 or task.grid[0] * task.grid[1] > observations.shape[1]:
        raise DatasetError(
            f"the card of task {task.name!r}: grid is {list(task.grid)}. It must be rows and columns, with at most as "
            f"many cells as an observation has numbers: {observations.shape[1]}."
        )
    rows, columns = task.grid
    visits = np.bincount(observations[:, : rows * columns].argmax(axis=1), minlength=rows * columns)
    x_edges, y_edges = (np.arange(count + 1) - 0.5 for count in (columns, rows))
    return StateView(visits.reshape(rows, columns).T, x_edges, y_edges, "column of the grid", "row of the grid", True)


def _take_columns(points: Points, task: Task) -> Array:
    """(n, 2) float32, the two columns that the task's card asks to look at. Raises `DatasetError`."""
    columns = points.parts[0]
    if len(task.view) != 2 or not all(0 <= index < columns.shape[1] for index in task.view):
        raise DatasetError(
            f"the card of task {task.name!r}: view is {list(task.view)}. It must be two indices of an observation, "
            f"each from 0 to {columns.shape[1] - 1}."
        )
    return np.stack([columns[:, index] for index in task.view], axis=1)


def _view_places(places: Array, x_label: str, y_label: str) -> StateView:
    x_edges, y_edges = _edges(places[:, 0]), _edges(places[:, 1])
    return StateView(_count(places, x_edges, y_edges), x_edges, y_edges, x_label, y_label)


def _edges(values: Array) -> Array:
    different = np.unique(values).astype(np.float64)
    first, last = different[0], different[-1]
    gap = float(np.diff(different).min()) if len(different) > 1 else 1.0
    if last - first < BINS * gap:
        # Few values, as on a grid: a bin for each, and for those left out between them.
        return np.asarray(first - gap / 2 + gap * np.arange(round((last - first) / gap) + 2))
    low, high = np.quantile(values, [OUTSIDE, 1 - OUTSIDE])
    return np.linspace(low, high, BINS + 1) if low < high else np.linspace(first, last, BINS + 1)


def _count(places: Array, x_edges: Array, y_edges: Array) -> Array:
    counts = np.zeros((len(x_edges) - 1, len(y_edges) - 1), np.int64)
    for start in range(0, len(places), CHUNK):
        columns, rows = (
            np.clip(np.searchsorted(edges, places[start : start + CHUNK, axis], side="right") - 1, 0, len(edges) - 2)
            for axis, edges in enumerate((x_edges, y_edges))
        )
        np.add.at(counts, (columns, rows), 1)
    return counts
