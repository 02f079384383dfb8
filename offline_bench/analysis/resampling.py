"""Bootstrap draws as counts: how often each resample holds each run, made once for all numbers that draw alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.signedinteger]

RESAMPLES = 10_000
KEPT = 4  # sizes that are asked for by turns: a table has cells of all runs, and of all but one


@dataclass(frozen=True)
class Resampling:
    """Draws with replacement that come out the same whenever they are asked for.

    So equal runs get equal intervals, and no number moves with those beside it. What was drawn last is kept: thousands
    of cells have equally many runs.
    """

    seed: int
    resamples: int = RESAMPLES

    @classmethod
    def of(cls, rng: np.random.Generator) -> Resampling:
        """One whose seed is the next of `rng`."""
        return cls(int(rng.integers(2**63)))

    def counts(self, sizes: Sequence[int]) -> Counts:
        """How often each resample holds each run, (Σ n_t, resamples): n_t of n_t runs, drawn within each task."""
        return _count(self.seed, self.resamples, tuple(sizes))

    def weights(self, sizes: Sequence[int]) -> Array:
        """How much each run counts in each resample, (resamples, Σ n_t): times drawn over n_t, 1 in all for each task.

        Drawn from the multinomial distribution, other draws than those of `counts`.
        """
        return _weigh(self.seed, self.resamples, tuple(sizes))


@lru_cache(maxsize=KEPT)
def _count(seed: int, resamples: int, sizes: tuple[int, ...]) -> Counts:
    rng = np.random.default_rng(seed)
    # The least that holds them all summed up: what is small is added up fastest.
    kind = np.min_scalar_type(-sum(sizes) - 1)
    counts = np.concatenate([rows.astype(kind) for rows in _count_each(rng, resamples, sizes)])
    counts.flags.writeable = False
    return counts


def _count_each(rng: np.random.Generator, resamples: int, sizes: tuple[int, ...]) -> Iterator[npt.NDArray[np.int64]]:
    for size in sizes:
        places = rng.integers(size, size=(resamples, size))
        places += size * np.arange(resamples)[:, None]
        yield np.bincount(places.ravel(), minlength=resamples * size).reshape(resamples, size).T


@lru_cache(maxsize=KEPT)
def _weigh(seed: int, resamples: int, sizes: tuple[int, ...]) -> Array:
    rng = np.random.default_rng(seed)
    weights = [rng.multinomial(size, np.full(size, 1.0 / size), size=resamples) / size for size in sizes]
    together = np.concatenate(weights, axis=1)
    together.flags.writeable = False
    return together
