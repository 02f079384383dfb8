"""Numbers from whole episodes: how good the data is, and what its lengths say of its returns. All by true rewards."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.cards import Task

Array = npt.NDArray[Any]

BEST_SHARE = 0.1


@dataclass(frozen=True)
class Quality:
    """How good the data is, G_i the undiscounted true returns of its episodes.

    mean_return, return_deviation, lowest_return, highest_return   of G_i; the deviation over the episodes
    mean_score             the mean of G_i on the task's normalized scale; None without a task
    trajectory_quality     see `trajectory_quality`; None without a task
    relative_improvement   see `relative_improvement`
    """

    mean_return: float
    return_deviation: float
    lowest_return: float
    highest_return: float
    mean_score: float | None
    trajectory_quality: float | None
    relative_improvement: float | None


@dataclass(frozen=True)
class Endings:
    """How long episodes last, how they end, and what that has to do with the return.

    mean_length, shortest, longest   in steps
    length_spearman, length_pearson  correlation of (T_i, G_i) over episodes, see `correlate` and `correlate_ranks`
    time_limit_share                 of the episodes: those that the task did not end, by the clock or by a cut
    terminal_share                   terminals / transitions
    early_return, late_return        mean G of the episodes that the task ended and of the others; None of none
    """

    mean_length: float
    shortest: int
    longest: int
    length_spearman: float | None
    length_pearson: float | None
    time_limit_share: float
    terminal_share: float
    early_return: float | None
    late_return: float | None


def measure_quality(data: Dataset, task: Task | None) -> Quality:
    """How good the data is. Sources: see each number's own function."""
    returns = data.true_returns
    return Quality(
        mean_return=float(returns.mean()),
        return_deviation=float(returns.std()),
        lowest_return=float(returns.min()),
        highest_return=float(returns.max()),
        mean_score=None if task is None else float(task.normalize(returns.mean())),
        trajectory_quality=None if task is None else trajectory_quality(returns, task),
        relative_improvement=relative_improvement(returns),
    )


def measure_endings(data: Dataset) -> Endings:
    """Length bias, time limits and terminals. Source: Li et al. 2023, arXiv 2306.03286."""
    lengths, returns = data.lengths.astype(np.float64), data.true_returns
    early = data.terminals[data.episode_ends]
    return Endings(
        mean_length=float(lengths.mean()),
        shortest=int(lengths.min()),
        longest=int(lengths.max()),
        length_spearman=correlate_ranks(lengths, returns),
        length_pearson=correlate(lengths, returns),
        time_limit_share=float((~early).mean()),
        terminal_share=float(data.terminals.mean()),
        early_return=_mean(returns[early]),
        late_return=_mean(returns[~early]),
    )


def trajectory_quality(returns: Array, task: Task) -> float:
    """TQ = (mean G − G_random) / (G_best − G_random), G_best the expert of the task's normalized scale.

    So it is a hundredth of the mean normalized score. Source: Schweighofer et al. 2022, arXiv 2111.04714.
    """
    return float(task.normalize(returns.mean())) / 100.0


def relative_improvement(returns: Array) -> float | None:
    """ERI = (max G − mean G) / mean G, after the returns (n,) were shifted so that none is negative.

    None where the mean is then 0. Source: estimated relative return improvement, Swazinna et al. 2021.
    """
    shifted = returns - min(float(returns.min()), 0.0)
    mean = float(shifted.mean())
    return (float(shifted.max()) - mean) / mean if mean > 0 else None


def best_mean(returns: Array, share: float = BEST_SHARE) -> float:
    """Mean of the best `share` of the returns (n,), n ≥ 1: of ⌈n · share⌉ episodes, so of at least one.

    What the data can be said to hold: cloning that reaches it leaves a learner nothing to find in these episodes.
    """
    count = math.ceil(round(len(returns) * share, 9))
    return float(np.sort(returns)[-max(count, 1) :].mean())


def correlate(x: Array, y: Array) -> float | None:
    """Pearson's correlation of x and y, each (n,); None where one of them is the same everywhere."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    x, y = x - x.mean(), y - y.mean()
    # Scaled first, so that no square is too great or too small for a float.
    x, y = x / np.abs(x).max(), y / np.abs(y).max()
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def correlate_ranks(x: Array, y: Array) -> float | None:
    """Spearman's correlation of x and y, each (n,): Pearson's of their ranks, equal values sharing the mean rank."""
    return correlate(_rank(x), _rank(y))


def _rank(values: Array) -> Array:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None
