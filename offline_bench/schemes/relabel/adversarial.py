"""Rewards made against the data: for what the behavior does least, or a tax on what it does most."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import RelabelingError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.relabel.action_density import PARTS, estimate_log_density
from offline_bench.schemes.relabel.relabeling import relabelings

Array = npt.NDArray[Any]


def _rarity(data: Dataset, rng: np.random.Generator, scheme: str) -> Array:
    """(n,) −log p̂(a | s), of mean 0 and deviation 1; 0 where every action is as usual as any other."""
    rare = -estimate_log_density(data, rng, scheme)
    deviation = rare.std()
    return (rare - rare.mean()) / deviation if deviation > 0 else np.zeros(data.n)


@relabelings.register("opposite-of-data", rests_on=(*PARTS, _rarity))
def opposite_of_data(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = −log p̂(a | s), of mean 0 and deviation 1: what the behavior does least near a state pays most.

    Ending: costs and pays nothing on average.
    Good for: a reward that pulls out of the data by itself, where pessimism pulls back in.
    Source: ours; the negated log-likelihood that behavior cloning maximizes.
    """
    return _rarity(data, rng, "opposite-of-data")


@relabelings.register("support-tax", rests_on=(*PARTS, _rarity))
def support_tax(data: Dataset, rng: np.random.Generator, *, scale: float) -> Array:
    """r̃ = r + scale · sd(r) · z, z the rarity of `opposite-of-data`: the true reward, less a tax on usual actions.

    Ending: as in the true reward, as z has mean 0.
    Good for: how strong a wish to leave the data must be before it overrides the true reward.
    Source: ours; the penalty of behavior regularization (Wu et al. 2019, BRAC) with its sign turned.
    """
    if not np.isfinite(scale):
        raise RelabelingError(f"support-tax(scale={scale}): a finite number")
    rewards = data.true_rewards.astype(np.float64)
    return np.asarray(rewards + scale * rewards.std() * _rarity(data, rng, "support-tax"))
