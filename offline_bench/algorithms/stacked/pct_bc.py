"""Cloning of the best share of the data. Source: Chen et al. 2021, section 5, "percentile behavior cloning"."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from offline_bench.algorithms.learner import Member
from offline_bench.algorithms.stacked.bc import BC
from offline_bench.algorithms.stacked.draws import selection_rng
from offline_bench.algorithms.stacked.transitions import Selection
from offline_bench.algorithms.trajectories import episode_returns
from offline_bench.data.dataset import Dataset


class PctBC(BC):
    """Cloning of the episodes with the largest sums of relabeled rewards, until they hold a `share` of the transitions.

    The reward decides what is cloned, and nothing else: it reads a reward at cloning's price. Observations are scaled
    by all the data, as those of `BC` are.
    """

    share: Tensor

    @classmethod
    def select(cls, member: Member) -> Selection:
        kept = best_episodes(member.data, member.parameters["share"], selection_rng(member.seed))
        rows = np.flatnonzero(kept[member.data.episode_of])
        return Selection(rows, {"kept_episodes": float(kept.sum()), "kept_transitions": float(len(rows))})


def best_episodes(data: Dataset, share: float, rng: np.random.Generator) -> np.ndarray:
    """(n_episodes,) bool, which episodes to keep: from the largest return on, until `share` of all transitions is kept.

    Chance decides the order of episodes whose returns are equal. Where the reward is 0 all are, and a random share is
    kept. Under another constant a return is a length: the longest episodes are kept, or the shortest.
    """
    shuffled = rng.permutation(data.n_episodes)
    order = shuffled[np.argsort(-episode_returns(data)[shuffled], kind="stable")]
    before = np.cumsum(data.lengths[order]) - data.lengths[order]
    kept = np.zeros(data.n_episodes, bool)
    # The first has nothing before it: one episode at least is kept.
    kept[order[before / data.n < share]] = True
    return kept
