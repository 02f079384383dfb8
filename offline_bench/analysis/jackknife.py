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


def mean_interval(values: Array) -> tuple[Array, Array, Array]:
    """The mean of (..., n) over its last axis with the 95 % interval of Student's t: value, low, high, each (...).

    Of differences that are paired by seed it is the paired t interval. NaN ends where n is less than 2.
    """
    count = values.shape[-1]
    value = values.mean(axis=-1) if count else np.full(values.shape[:-1], np.nan)
    if count < 2:
        none = np.full(values.shape[:-1], np.nan)
        return value, none, none
    reach = student_quantile(count - 1) * values.std(axis=-1, ddof=1) / np.sqrt(count)
    return value, value - reach, value + reach


def ratio_interval(over: Array, under: Array) -> tuple[float, float, float]:
    """mean(over) / mean(under) of pairs (n,) with its 95 % interval: value, low, high. Source: Fieller 1954.

    A number q is outside just where the interval of `mean_interval` of over − q · under leaves 0 out, so that whoever
    reads the one knows what the other decided. NaN throughout where the mean of `under` is not above 0 by its whole
    interval: then there is no bounded interval.
    """
    count = len(over)
    if count < 2 or not mean_interval(under)[1] > 0.0:
        return np.nan, np.nan, np.nan
    spread = np.cov(np.stack([over, under]), ddof=1) * student_quantile(count - 1) ** 2 / count
    top, bottom = float(over.mean()), float(under.mean())
    square, cross, rest = bottom**2 - spread[1, 1], top * bottom - spread[0, 1], top**2 - spread[0, 0]
    reach = np.sqrt(max(cross**2 - square * rest, 0.0))
    return top / bottom, float((cross - reach) / square), float((cross + reach) / square)


def seeds_to_tell(value: float, deviation: float, most: int = 1000) -> float:
    """How many seeds an interval of `mean_interval` takes to leave 0 out, if mean and deviation stay; ∞ past `most`."""
    for count in range(2, most + 1):
        if abs(value) > student_quantile(count - 1) * deviation / np.sqrt(count):
            return float(count)
    return np.inf


def student_quantile(degrees: int) -> float:
    """The number that 2.5 % of Student's t lie above."""
    return float(stdtrit(degrees, 1.0 - TAIL))
