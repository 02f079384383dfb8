"""Windows of trajectories with the return still to come, and the return a policy is asked for when it acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.algorithms.library import import_d3rlpy
from offline_bench.data.dataset import Dataset

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ReturnSchedule:
    """The return-to-go a policy is given at each step of an episode, when no reward may be shown to it.

    Chen et al. 2021 subtract the reward of each step from the target as it is earned. Here that reward would be the
    true one, which the learner must never see, and a relabeled one exists on the data alone. So the target is spent
    at a constant rate: that of the data's own episodes that earned it. It is never spent past zero, nor away from
    zero, where rate and target differ in sign.

    target         the return asked for, as the learner's rewards count it
    spending_rate  what each step takes from it
    scale          what returns-to-go are divided by before a network sees them
    """

    target: float
    spending_rate: float
    scale: float

    def returns_to_go(self, elapsed: Array) -> Array:
        """Steps since the episode began, of any shape, to scaled returns-to-go of that shape, float32."""
        rest = np.clip(self.target - elapsed * self.spending_rate, min(self.target, 0.0), max(self.target, 0.0))
        scaled: Array = (rest / self.scale).astype(np.float32)
        return scaled


def schedule_returns(
    data: Dataset, quantile: float, target: float | None, scale: float | None, spend: bool
) -> ReturnSchedule:
    """The schedule that `data.rewards` suggest: one rule for all rewards.

    target   by default the `quantile` of the episodes' returns, spent at the mean reward per step of the episodes
             that reach it; one that is given is spent at the mean reward per step of all episodes
    scale    by default the largest absolute return-to-go of the data, or 1 where all are 0: that is the largest
             absolute return of an episode, unless rewards within an episode cancel
    """
    returns = episode_returns(data)
    reach = np.ones(len(returns), bool)
    if target is None:
        target = float(np.quantile(returns, quantile))
        reach = returns >= target
    if scale is None:
        scale = float(np.abs(returns_to_go(data)).max()) or 1.0
    rate = float(returns[reach].sum() / data.lengths[reach].sum()) if spend else 0.0
    return ReturnSchedule(target, rate, scale)


def episode_returns(data: Dataset) -> Array:
    """(n_episodes,) undiscounted sum of the learner's rewards of each episode, float64."""
    returns: Array = np.add.reduceat(data.rewards.astype(np.float64), data.episode_starts)
    return returns


def returns_to_go(data: Dataset) -> Array:
    """(n,) undiscounted sum of the learner's rewards from each step to its episode's end, float64."""
    total = np.cumsum(data.rewards, dtype=np.float64)
    earned: Array = total[data.episode_ends[data.episode_of]] - total + data.rewards
    return earned


class TrajectorySampler:
    """Draws windows of K steps, each ending at a transition drawn uniformly, as d3rlpy's `TrajectoryMiniBatch`.

    A window that would begin before its episode is padded with zeros at the front and masked there:

        timesteps   0 0 0 1 2        the second step of an episode, K = 5
        masks       0 0 0 1 1

    Returns-to-go are divided by `scale`; time steps count from 1 and stop at `max_timestep`.
    """

    def __init__(
        self,
        data: Dataset,
        context_size: int,
        batch_size: int,
        rng: np.random.Generator,
        scale: float,
        max_timestep: int,
    ) -> None:
        self._data = data
        self._offsets = np.arange(1 - context_size, 1)
        self._batch_size = batch_size
        self._rng = rng
        self._max_timestep = max_timestep
        self._minibatch = import_d3rlpy().dataset.TrajectoryMiniBatch
        self._returns_to_go = (returns_to_go(data) / scale).astype(np.float32)

    def sample(self) -> Any:
        """One `TrajectoryMiniBatch` of `batch_size` windows."""
        return self.windows(self._rng.integers(self._data.n, size=self._batch_size))

    def windows(self, ends: Array) -> Any:
        """The windows that end at the transitions `ends` (b,): arrays (b, K, ...), float32."""
        data, starts = self._data, self._data.episode_starts[self._data.episode_of[ends]][:, None]
        rows = ends[:, None] + self._offsets
        inside = rows >= starts
        rows = np.maximum(rows, starts)
        masks = inside.astype(np.float32)
        return self._minibatch(
            observations=data.observations[rows] * masks[..., None],
            actions=data.actions[rows] * masks[..., None],
            rewards=(data.rewards[rows] * masks)[..., None],
            returns_to_go=(self._returns_to_go[rows] * masks)[..., None],
            terminals=(data.terminals[rows] * masks)[..., None],
            timesteps=np.minimum(rows - starts + 1, self._max_timestep).astype(np.float32) * masks,
            masks=masks,
            length=len(self._offsets),
        )
