"""Curations that bring in transitions of another dataset."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import CurationError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.curate.curation import Selection, curations
from offline_bench.schemes.curate.pool import Pool

Array = npt.NDArray[Any]


@curations.register("mix")
def mix(data: Dataset, *, id: str, p: float, seed: int = 0) -> Selection:
    """About as many transitions as before, a share p in (0, 1) of them from the dataset `id` of the same task.

    Widens the coverage by another behavior and keeps less of its own. Whole episodes, drawn by `seed`: as few of the
    other's as hold p · n transitions, or all of them, and as few of its own as hold the rest.
    """
    if not 0.0 < p < 1.0:
        raise CurationError(f"mix(p={p}): a share lies between 0 and 1")
    pool = Pool.of(data, id)
    rng = np.random.default_rng(seed)
    wanted = round(p * data.n)
    own, other = _draw(data, data.n - wanted, rng), _draw(pool.parts[1], wanted, rng)
    rows = np.flatnonzero(np.concatenate([own, other]))
    timeouts = np.concatenate([part.timeouts for part in pool.parts])
    return Selection(rows, pool.terminals[rows], timeouts[rows], beside=id)


def _draw(data: Dataset, steps: int, rng: np.random.Generator) -> Array:
    """(n,) bool: the rows of whole episodes, drawn until they have `steps` transitions; one episode at least."""
    order = rng.permutation(data.n_episodes)
    enough = int(np.searchsorted(np.cumsum(data.lengths[order]), steps)) + 1
    return np.asarray(np.isin(data.episode_of, order[:enough]))
