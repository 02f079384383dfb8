"""Curations by where states lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import CurationError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.curate.curation import Selection, curations, select_pieces

Array = npt.NDArray[Any]

REFERENCES = 2_000
NEIGHBOR = 10


@curations.register("thin")
def thin(data: Dataset, *, p: float, seed: int = 0) -> Selection:
    """The share p in (0, 1] of the transitions whose states lie where there are fewest: the densest regions go.

    Takes the middle out of the coverage and keeps its edges: how widely states are spread stays, how often the common
    ones are seen does not. Sparseness of a state is its distance to the 10th nearest of 2,000 states drawn by `seed`,
    observations standardized by the data's own mean and deviation. An episode torn apart becomes several, ended by
    time-outs where it was torn.
    """
    if not 0.0 < p <= 1.0:
        raise CurationError(f"thin(p={p}): a share lies in (0, 1]")
    kept = np.argsort(-_sparseness(data, np.random.default_rng(seed)), kind="stable")[: max(1, round(p * data.n))]
    return select_pieces(data, np.isin(np.arange(data.n), kept))


def _sparseness(data: Dataset, rng: np.random.Generator) -> Array:
    """(n,) distance of each state to its 10th neighbor among the references, itself not counted."""
    from scipy.spatial import cKDTree

    states = data.observations.reshape(data.n, -1).astype(np.float64)
    deviation = states.std(axis=0)
    # A column with one value keeps no state from any other.
    states = (states - states.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    chosen = rng.permutation(data.n)[:REFERENCES]
    k = min(NEIGHBOR, len(chosen) - 1)
    if k < 1:
        return np.zeros(data.n)
    distances = cKDTree(states[chosen], balanced_tree=False).query(states, k=[k, k + 1], workers=1)[0]
    is_reference = np.isin(np.arange(data.n), chosen)
    return np.asarray(np.where(is_reference, distances[:, 1], distances[:, 0]))
