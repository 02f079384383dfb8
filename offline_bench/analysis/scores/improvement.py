"""How likely a run under one reward outscores a run under another. Source: Agarwal et al. 2021, arXiv 2108.13264."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.findings import Estimate, Improvement
from offline_bench.analysis.resampling import Resampling
from offline_bench.analysis.scores.entrants import enter_runs, split_runs, split_tasks
from offline_bench.analysis.scores.leaderboard import TRUE_RELABELING
from offline_bench.analysis.statistics import widened_interval

Array = npt.NDArray[np.float64]


def compare_rewards(frame: pd.DataFrame, rng: np.random.Generator) -> tuple[Improvement, ...]:
    """Per algorithm, the true reward against each other one, over the tasks (dataset, curation) that have both.

    By true returns, which order the runs of a task as scores do: datasets without a score count too. Runs of one seed
    share their minibatches; the intervals make no use of that, and are wider for it rather than narrower.
    """
    draws = Resampling.of(rng)
    found = []
    for (entrant,), group in split_runs(enter_runs(frame), "entrant"):
        by_reward = {name: split_tasks(runs, "true_return") for (name,), runs in split_runs(group, "relabeling")}
        true = by_reward.pop(TRUE_RELABELING, {})
        for name, other in by_reward.items():
            shared = [task for task in true if task in other]
            if shared:
                first, second = [true[task] for task in shared], [other[task] for task in shared]
                probability = probability_of_improvement(first, second, draws)
                found.append(Improvement(entrant, TRUE_RELABELING, name, probability, len(shared)))
    return tuple(found)


def probability_of_improvement(x_by_task: Sequence[Array], y_by_task: Sequence[Array], draws: Resampling) -> Estimate:
    """P(X > Y) + ½ P(X = Y), the mean over tasks of Mann and Whitney's U / (n_x n_y), with its interval.

    x_by_task, y_by_task: one (n,) array per task, in one order; lengths may differ, none may be 0. The interval is of
    the bootstrap within each task, of x and y apart, and kept within 0 and 1. Where no run of one side comes between
    those of the other in any task, no resample differs: the interval is that number alone, and says too much.
    """
    sizes = [(len(x), len(y)) for x, y in zip(x_by_task, y_by_task, strict=True)]
    total = sum(x + y for x, y in sizes)
    if not total:
        return Estimate()
    wins = [np.heaviside(x[:, None] - y[None], 0.5) for x, y in zip(x_by_task, y_by_task, strict=True)]
    value = float(np.mean([table.mean() for table in wins]))
    counts = [n for pair in sizes for n in pair]
    weights = np.split(draws.weights(counts), np.cumsum(counts)[:-1], axis=1)
    won = [_weigh(table, *sides) for table, *sides in zip(wins, weights[::2], weights[1::2], strict=True)]
    low, high = np.clip(widened_interval(value, np.mean(won, axis=0), counts), 0.0, 1.0)
    return Estimate(value, float(low), float(high), total)


def _weigh(wins: Array, rows: Array, columns: Array) -> Array:
    return np.asarray(((rows @ wins) * columns).sum(axis=1))
