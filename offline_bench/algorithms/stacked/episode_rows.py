"""Where the episodes of a dataset go on and end, row by row, and what is still to come in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from offline_bench.algorithms.sampler import following_rows
from offline_bench.data.dataset import Dataset


@dataclass(frozen=True)
class EpisodeRows:
    """For each of n transitions: the row that follows it, the last row of its episode, whether it was cut there.

    following  (n,) int64, in its own episode; the last row is followed by itself
    last       (n,) int64
    cut        (n,) bool, the episode ends at this row but the task does not: what comes after it is not in the data
    """

    following: Tensor
    last: Tensor
    cut: Tensor
    any_cut: bool

    @staticmethod
    def of(data: Dataset, device: str) -> EpisodeRows:
        """The episodes of `data`."""
        columns = (following_rows(data), data.episode_ends[data.episode_of], data.timeouts.copy())
        following, last, cut = (torch.from_numpy(column).to(device) for column in columns)
        return EpisodeRows(following, last, cut, bool(data.timeouts.any()))


@dataclass(frozen=True)
class ReturnsToGo:
    """Discounted returns to go: of row t, in an episode that ends at row T, and of a run whose discount is γ,

    rewards  (runs, n) Σ_{k=t..T} γ^(k-t) r_k
    weights  (runs, n) γ^(T-t+1) where the episode was cut: what the value after it counts for. 0 where the task ended
    """

    rewards: Tensor
    weights: Tensor

    @staticmethod
    def of(data: Dataset, rewards: Tensor, gamma: Tensor) -> ReturnsToGo:
        """Those of `rewards` (runs, n) over the episodes of `data`; `gamma` (runs,)."""
        gamma, device = gamma[:, None], rewards.device
        earned, weights = rewards.clone(), torch.zeros_like(rewards)
        cut = torch.from_numpy(np.flatnonzero(data.timeouts)).to(device)
        weights.index_copy_(1, cut, gamma.expand(-1, len(cut)).contiguous())
        for before in range(1, int(data.lengths.max())):
            rows = torch.from_numpy(data.episode_ends[data.lengths > before] - before).to(device)
            later = gamma * earned.index_select(1, rows + 1)
            earned.index_add_(1, rows, later)
            weights.index_copy_(1, rows, gamma * weights.index_select(1, rows + 1))
        return ReturnsToGo(earned, weights)

    def at(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Rewards and weights at `rows` (runs, b), each of that shape."""
        return self.rewards.gather(1, rows), self.weights.gather(1, rows)
