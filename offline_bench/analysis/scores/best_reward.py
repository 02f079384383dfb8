"""Which reward each learner does best under: place by place, a place being a learner on a dataset."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from offline_bench.analysis.scores.entrants import enter_runs, split_runs
from offline_bench.analysis.scores.leaderboard import relabeling_order


@dataclass(frozen=True)
class BestRewards:
    """In how many of `places` each reward is best; `counts` has every reward of the places, in the leaderboard's order.

    tied   places where two rewards are best alike
    """

    places: int
    counts: tuple[tuple[str, int], ...]
    tied: int = 0


def find_best_rewards(frame: pd.DataFrame) -> BestRewards:
    """The reward with the greatest mean true return in each place, over the curations that have every reward there.

    A place is a dataset and a learner that reads rewards, of those that have two rewards or more. Means over seeds, and
    over curations alike. No interval is asked for: what is best by chance counts as well.
    """
    counts: Counter[str] = Counter()
    places = tied = 0
    seen: set[str] = set()
    blind = find_blind(frame)
    for (_, entrant), group in split_runs(enter_runs(frame), "dataset", "entrant"):
        means = group.pivot_table(index="curation", columns="relabeling", values="true_return").dropna()
        if entrant in blind or means.shape[1] < 2 or not len(means):
            continue
        by_reward = means.mean()
        best = [str(name) for name in by_reward.index[by_reward == by_reward.max()]]
        places, tied = places + 1, tied + (len(best) > 1)
        seen |= {str(name) for name in by_reward.index}
        counts.update(best if len(best) == 1 else ())
    return BestRewards(places, tuple((name, counts[name]) for name in sorted(seen, key=relabeling_order)), tied)


def find_blind(frame: pd.DataFrame) -> frozenset[str]:
    """The learners that read no reward: runs that differ in reward alone have the same return, to the bit."""
    blind = set()
    for (entrant,), group in split_runs(enter_runs(frame), "entrant"):
        table = group.pivot_table(index=["dataset", "curation", "seed"], columns="relabeling", values="true_return")
        values = table.to_numpy(float)
        compared = np.isfinite(values).sum(axis=1) > 1
        if compared.any() and np.array_equal(np.nanmin(values[compared], axis=1), np.nanmax(values[compared], axis=1)):
            blind.add(entrant)
    return frozenset(blind)
