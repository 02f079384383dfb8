"""The jackknife over seeds: how far a statistic may be off, from its values without each seed in turn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

Array = npt.NDArray[np.float64]

TAIL = 0.025
ENOUGH_SEEDS = 3


def jackknife_covariance(one: Array, other: Array) -> float:
    """Covariance of two statistics from their (seeds,) values without each seed. Source: Tukey 1958."""
    return float((len(one) - 1) / len(one) * ((one - one.mean()) * (other - other.mean())).sum())


def jackknife_reach(without: Array, degrees: int) -> float:
    """Half the width of the 95 % interval of a statistic, by Student's t with `degrees` degrees of freedom."""
    return float(student_quantile(degrees) * np.sqrt(jackknife_covariance(without, without)))


def student_quantile(degrees: int) -> float:
    """What leaves 2.5 % of Student's t above it."""
    return float(stdtrit(degrees, 1.0 - TAIL))
