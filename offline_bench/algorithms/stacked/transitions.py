"""A dataset on the device, once, for all runs of a slab; their rewards beside it as one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor

from offline_bench.core.errors import DatasetError
from offline_bench.data.action_range import ActionRange, find_action_range
from offline_bench.data.dataset import Dataset

# As d3rlpy's scaler has it.
DEVIATION_FLOOR = 1e-3


@dataclass(frozen=True)
class Batch:
    """One minibatch for each run of a slab: b transitions of size o + a, and the noise of the step.

    observations (runs, b, o), actions (runs, b, a) in [-1, 1], pairs (runs, b, o + a), rewards (runs, b),
    next_observations (runs, b, o), continues (runs, b): 0 where the task ended, else 1. `starts` (runs, b, o): first
    observations of episodes, for the algorithms that draw them.
    """

    pairs: Tensor
    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    continues: Tensor
    noise: dict[str, Tensor] = field(default_factory=dict)
    starts: Tensor | None = None


class Transitions:
    """The transitions that all runs of a slab share, scaled once, and the rewards each of them learns from."""

    def __init__(self, datasets: Sequence[Dataset], standardize: bool, reward_scaler: str, device: str) -> None:
        data = datasets[0]
        self.n, self.observation_size = data.observations.shape
        self.action_size = data.actions.shape[1]
        self.scaling = Scaling.of(data, standardize)
        columns = [
            self.scaling.observations(data.observations),
            self.scaling.actions_to_unit(data.actions),
            self.scaling.observations(data.next_observations),
            1.0 - data.terminals[:, None].astype(np.float32),
        ]
        self._table = torch.from_numpy(np.concatenate(columns, axis=1)).to(device)
        distinct: dict[bytes, int] = {}
        digests = [sha256(np.ascontiguousarray(d.rewards).data).digest() for d in datasets]
        places = [distinct.setdefault(digest, len(distinct)) for digest in digests]
        arrays = [scale_rewards(datasets[places.index(i)].rewards, reward_scaler) for i in range(len(distinct))]
        self._rewards = torch.from_numpy(np.stack(arrays)).to(device)
        self._reward_offsets = self.n * torch.tensor(places, device=device)[:, None]
        self._starts = torch.from_numpy(data.episode_starts.copy()).to(device)
        self.n_starts = len(self._starts)
        self.reward_ranges = torch.stack([self._rewards.amin(1), self._rewards.amax(1)], dim=1)[places]

    def gather(self, draws: dict[str, Tensor]) -> Batch:
        """The minibatches of `draws["rows"]` (runs, b), with the other draws as the step's noise."""
        rows = draws["rows"]
        o, a = self.observation_size, self.action_size
        table = self._table.index_select(0, rows.view(-1)).view(*rows.shape, -1)
        rewards = self._rewards.view(-1).index_select(0, (rows + self._reward_offsets).view(-1)).view(rows.shape)
        return Batch(
            pairs=table[..., : o + a],
            observations=table[..., :o],
            actions=table[..., o : o + a],
            rewards=rewards,
            next_observations=table[..., o + a : o + a + o],
            continues=table[..., -1],
            noise=draws,
            starts=self._gather_starts(draws["starts"]) if "starts" in draws else None,
        )

    def _gather_starts(self, places: Tensor) -> Tensor:
        rows = self._starts.index_select(0, places.view(-1))
        return self._table.index_select(0, rows).view(*places.shape, -1)[..., : self.observation_size]


@dataclass(frozen=True)
class Scaling:
    """Observations to zero mean and unit deviation over the dataset, actions from their range to [-1, 1] and back.

    An action that is a constant is 0 to the networks, and that constant whatever they say.
    """

    mean: np.ndarray
    deviation: np.ndarray
    box: ActionRange

    @staticmethod
    def of(data: Dataset, standardize: bool) -> Scaling:
        """The scaling of `data`; without `standardize`, observations stay as they are."""
        size = data.observations.shape[1]
        mean, deviation = np.zeros(size, np.float32), np.ones(size, np.float32)
        if standardize:
            mean = data.observations.mean(axis=0, dtype=np.float64).astype(np.float32)
            deviation = data.observations.std(axis=0, dtype=np.float64).astype(np.float32) + np.float32(DEVIATION_FLOOR)
        return Scaling(mean, deviation, find_action_range(data))

    def observations(self, observations: np.ndarray) -> np.ndarray:
        scaled: np.ndarray = (observations.astype(np.float32, copy=False) - self.mean) / self.deviation
        return scaled

    def actions_to_unit(self, actions: np.ndarray) -> np.ndarray:
        if self.box.is_unit:
            return actions
        constant = self.box.constant
        width = np.where(constant, np.float32(1.0), self.box.high - self.box.low)
        unit: np.ndarray = (actions - self.box.low) / width * np.float32(2.0) - np.float32(1.0)
        unit[..., constant] = 0.0
        return unit

    def actions_to_box(self, actions: np.ndarray) -> np.ndarray:
        if self.box.is_unit:
            return actions
        low, high = self.box.low, self.box.high
        boxed: np.ndarray = (actions + np.float32(1.0)) / np.float32(2.0) * (high - low) + low
        return boxed


def scale_rewards(rewards: np.ndarray, kind: str) -> np.ndarray:
    """Rewards (n,) as they are ('none'), standardized ('standard') or in [0, 1] ('min-max').

    Raises `DatasetError` where the scaler would divide by the spread of constant rewards.
    """
    if kind == "none":
        return rewards
    if np.ptp(rewards) == 0:
        raise DatasetError(f"reward scaler {kind!r} divides by the spread of the rewards, and these are constant.")
    if kind == "min-max":
        shifted: np.ndarray = (rewards - rewards.min()) / np.ptp(rewards)
        return shifted.astype(np.float32)
    standard: np.ndarray = (rewards - rewards.mean()) / (rewards.std() + DEVIATION_FLOOR)
    return standard.astype(np.float32)
