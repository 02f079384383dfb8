"""Relabelings that tell apart why noise works: without an alive bonus, with the true values, or by length alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.data.dataset import Dataset
from offline_bench.schemes.relabel.relabeling import relabelings

Array = npt.NDArray[Any]


@relabelings.register("centered-noise")
def centered_noise(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ ~ U[−0.5, 0.5], drawn once per transition: `random` with its mean taken off, the same draws.

    Ending: costs and pays nothing on average.
    Good for: noise without an alive bonus; what `random` does beyond it is the bonus.
    Source: ours.
    """
    return rng.uniform(-0.5, 0.5, data.n)


@relabelings.register("matched-noise")
def matched_noise(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ drawn from the true rewards of the data, with replacement, independently for each transition.

    Ending: costs the mean true reward for each step not lived.
    Good for: noise of the true reward's size and mean; `shuffled` with independent draws.
    Source: ours.
    """
    return rng.choice(data.true_rewards, data.n)


@relabelings.register("length")
def length(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = (T − T̄) / sd(T), T the length of the transition's episode; 0 where all are of one length.

    Ending: is said to be bad by the episodes that ended, and costs nothing by the mean, which is 0.
    Good for: the message of length without an alive bonus.
    Source: ours.
    """
    lengths = data.lengths[data.episode_of].astype(np.float64)
    deviation = lengths.std()
    return (lengths - lengths.mean()) / deviation if deviation > 0 else np.zeros(data.n)
