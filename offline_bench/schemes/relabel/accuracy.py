"""How well one reward tells another: correlations, undefined where one of them never changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def measure_accuracy(rewards: Array, true_rewards: Array, held_out: Array) -> dict[str, float]:
    """How `rewards` (n,) tell `true_rewards` (n,) on the transitions `held_out` (n,) bool; what is undefined is absent.

    held_out_transitions       how many these are
    held_out_correlation       Pearson's
    held_out_rank_correlation  Spearman's
    held_out_r_squared         1 − Σ (r − r̃)² / Σ (r − r̄)²; far below 0 for a reward on another scale
    """
    guess, truth = rewards[held_out].astype(np.float64), true_rewards[held_out].astype(np.float64)
    found = {"held_out_transitions": float(len(guess))}
    spread = ((truth - truth.mean()) ** 2).sum() if len(truth) else 0.0
    told = {
        "held_out_correlation": correlate(guess, truth),
        "held_out_rank_correlation": correlate_ranks(guess, truth),
        "held_out_r_squared": float(1.0 - ((truth - guess) ** 2).sum() / spread) if spread > 0 else None,
    }
    return found | {name: value for name, value in told.items() if value is not None}


def correlate(one: Array, other: Array) -> float | None:
    """Pearson's correlation of two (n,); None where one of them is the same everywhere, or fewer than two."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    if len(one) < 2 or (one == one[0]).all() or (other == other[0]).all():
        return None
    one, other = one - one.mean(), other - other.mean()
    length = np.sqrt((one**2).sum() * (other**2).sum())
    return float(np.clip((one * other).sum() / length, -1.0, 1.0)) if length > 0 else None


def correlate_ranks(one: Array, other: Array) -> float | None:
    """Spearman's correlation of two (n,), equal values sharing their mean rank; None as for `correlate`."""
    return correlate(_rank(one), _rank(other))


def _rank(values: Array) -> Array:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places])
