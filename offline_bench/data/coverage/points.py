"""Points of many transitions: rows of float32 arrays, read as float64 a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.data.dataset import Dataset

Array = npt.NDArray[Any]

CHUNK = 32_768  # rows; with 14 columns 4 MB of float64, so that a million rows are never copied whole
DEPENDENT = 1e-9  # share of a column's variance that rounding may leave where it follows from others


@dataclass(frozen=True, eq=False)
class Points:
    """n points of d columns, kept as the arrays (n, d_i) whose columns stand side by side; nothing is copied."""

    parts: tuple[Array, ...]

    def __len__(self) -> int:
        return len(self.parts[0])

    def rows(self, which: Array | slice) -> Array:
        """The points `which`, (m, d) float64."""
        return np.concatenate([part[which].astype(np.float64) for part in self.parts], axis=1)

    def chunks(self) -> Iterator[Array]:
        """All points in order, as (≤ CHUNK, d) float64."""
        for start in range(0, len(self), CHUNK):
            yield self.rows(slice(start, start + CHUNK))


def states_of(data: Dataset) -> Points:
    """The observations s, each as one row."""
    return Points((data.observations.reshape(data.n, -1),))


def visits_of(data: Dataset) -> Points:
    """The pairs (s, a) of a dataset with continuous actions."""
    return Points((*states_of(data).parts, data.actions))


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of n points with d columns. Standardizing leaves out a column that has only one value.

    mean, deviation  (d,) float64; the deviation over n, not n − 1
    varies           (d,) bool, of v columns
    correlation      (v, v) float64, between the columns that vary
    """

    mean: Array
    deviation: Array
    varies: Array
    correlation: Array

    def standardize(self, points: Array) -> Array:
        """(m, d) → (m, v): less the mean, over the deviation, without the columns that do not vary."""
        return (points - self.mean)[:, self.varies] / self.deviation[self.varies]


def measure_moments(points: Points) -> Moments:
    """Mean, deviation and correlations, in two passes over the points."""
    first = points.rows(slice(0, 1))[0]
    offset, varies = np.zeros(len(first)), np.zeros(len(first), bool)
    for chunk in points.chunks():
        offset += (chunk - first).sum(axis=0)
        varies |= (chunk != first).any(axis=0)
    mean = first + offset / len(points)
    products = np.zeros((len(first), len(first)))
    for chunk in points.chunks():
        centered = chunk - mean
        products += centered.T @ centered
    deviation = np.sqrt(np.diag(products) / len(points))
    kept = products[np.ix_(varies, varies)]
    norm = np.sqrt(np.diag(kept))
    return Moments(mean, deviation, varies, kept / np.outer(norm, norm))


def effective_dimension(moments: Moments) -> float | None:
    """(Σλ)² / Σλ², λ the eigenvalues of the covariance of the standardized points: the participation ratio.

    From 1, all columns moving together, to the number of columns that vary, all unrelated. None where none varies.
    """
    if not moments.correlation.size:
        return None
    # The sum of the eigenvalues is the trace, that of their squares the squared Frobenius norm.
    return float(np.trace(moments.correlation) ** 2 / (moments.correlation**2).sum())


def independent_columns(moments: Moments) -> Array:
    """(v,) bool, the columns that vary, less those that follow linearly from the ones before, to 1e-9 of the variance.

    So are the goal reached and the position in a maze one and the same. By Gaussian elimination.
    """
    left = moments.correlation.copy()
    kept = np.zeros(len(left), bool)
    for column in range(len(left)):
        kept[column] = left[column, column] > DEPENDENT
        if kept[column]:
            left -= np.outer(left[:, column], left[column]) / left[column, column]
    return kept


def principal_axes(moments: Moments, count: int) -> Array:
    """(v, ≤ count) unit vectors along which standardized points vary most, the first most of all.

    An axis points to where its largest entry is positive: which way it is drawn is not left to the library.
    """
    if not moments.correlation.size:
        return np.empty((0, 0))
    axes = np.linalg.eigh(moments.correlation)[1][:, ::-1][:, :count]
    largest = np.abs(axes).argmax(axis=0)
    return np.asarray(axes * np.sign(axes[largest, np.arange(axes.shape[1])]))


def project(points: Points, moments: Moments, axes: Array) -> Array:
    """Where the standardized points lie along `axes` (v, c): (n, c) float32."""
    projected = np.empty((len(points), axes.shape[1]), np.float32)
    start = 0
    for chunk in points.chunks():
        projected[start : start + len(chunk)] = moments.standardize(chunk) @ axes
        start += len(chunk)
    return projected
