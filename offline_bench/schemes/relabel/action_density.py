"""How usual an action is for the behavior near a state: a density over the actions of the nearest states."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import RelabelingError
from offline_bench.data.dataset import Dataset

Array = npt.NDArray[Any]

CHUNK = 16_384


def estimate_log_density(
    data: Dataset, rng: np.random.Generator, scheme: str, neighbors: int = 32, references: int = 5_000
) -> Array:
    """(n,) float64: log p̂(a | s), a Gaussian kernel density over the actions at the nearest states.

    Neighbors are the `neighbors` nearest by standardized state among `references` transitions drawn by `rng`, itself
    left out. The kernel's width in each action is Scott's, k^(−1/(d+4)) deviations (Scott 1992, equation 6.42).
    Raises `RelabelingError` where actions are discrete, or the data has fewer than three transitions.
    """
    if data.action_space.discrete:
        raise RelabelingError(
            f"{scheme}: the actions of {data.id!r} are one of {data.action_space.n}, without distances"
        )
    if data.n < 3:
        raise RelabelingError(f"{scheme}: {data.id!r} has {data.n} transitions, and three are needed for neighbors")
    chosen = np.sort(rng.choice(data.n, min(references, data.n), replace=False))
    states, actions = _standardize(data.observations.reshape(data.n, -1)), _standardize(data.actions)
    k = min(neighbors, len(chosen) - 1)
    width = k ** (-1.0 / (actions.shape[1] + 4))
    found = [_density_of(slice(at, at + CHUNK), states, actions, chosen, k, width) for at in range(0, data.n, CHUNK)]
    return np.concatenate(found)


def _density_of(rows: slice, states: Array, actions: Array, chosen: Array, k: int, width: float) -> Array:
    from scipy.special import logsumexp

    numbers = np.arange(len(states))[rows]
    near = _find_nearest(states[rows], states[chosen], k + 1)
    # The transition itself is no witness of itself; where it is not among the references, the farthest one goes.
    own = chosen[near] == numbers[:, None]
    own[~own.any(axis=1), -1] = True
    near = near[~own].reshape(len(numbers), k)
    gaps = (actions[rows][:, None] - actions[chosen[near]]) / width
    scale = actions.shape[1] * np.log(width * np.sqrt(2.0 * np.pi))
    return np.asarray(logsumexp(-0.5 * (gaps**2).sum(axis=2), axis=1) - np.log(k) - scale)


def _find_nearest(queries: Array, references: Array, k: int) -> Array:
    """(q, k) the numbers of the nearest `references`, nearest first."""
    squares = (references**2).sum(axis=1) - 2.0 * queries @ references.T
    near = np.argpartition(squares, k - 1, axis=1)[:, :k]
    order = np.argsort(np.take_along_axis(squares, near, axis=1), axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1)


def _standardize(columns: Array) -> Array:
    columns = columns.astype(np.float64)
    deviation = columns.std(axis=0)
    return np.asarray((columns - columns.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0))


# What a scheme that asks for the density rests on.
PARTS = (estimate_log_density, _density_of, _find_nearest, _standardize)
