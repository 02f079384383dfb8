"""A dataset on the device, once, for all runs of a slab; their rewards beside it as one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor

from offline_bench.algorithms.reward_scaling import DEVIATION_FLOOR, scale_rewards, tell_scaling
from offline_bench.algorithms.stacked.episode_rows import EpisodeRows
from offline_bench.data.action_range import ActionRange, find_action_range
from offline_bench.data.dataset import Dataset


@dataclass(frozen=True)
class Batch:
    """One minibatch for each run of a slab: b transitions of size o + a, and the noise of the step.

    observations (runs, b, o), actions (runs, b, a) in [-1, 1], pairs (runs, b, o + a), rewards (runs, b),
    next_observations (runs, b, o), continues (runs, b): 0 where the task ended, else 1. `starts` (runs, b, o): first
    observations of episodes, for the algorithms that draw them.

    source   the transitions that it is of
    rows     (runs, b) which of them
    """

    source: Transitions
    rows: Tensor

    pairs: Tensor
    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    continues: Tensor
    noise: dict[str, Tensor] = field(default_factory=dict)
    starts: Tensor | None = None

    @property
    def next_actions(self) -> Tensor:
        """The data's actions at s' (runs, b, a) in [-1, 1]: gathered when asked for, at no cost to who does not ask.

        Where an episode ends there is none, and it is the row's own action, as in `MinibatchSampler`: after a terminal
        it does not matter, and after a time-out it is not known. (d3rlpy's own sampler has zeros after a terminal, and
        leaves out the last transition before a time-out.)
        """
        return self.source.actions_at(self.source.episodes.following[self.rows])


@dataclass(frozen=True)
class Selection:
    """The `rows` (m,) of its data that a run learns from, ascending, and the `facts` of it for the record."""

    rows: np.ndarray
    facts: dict[str, float]


class Transitions:
    """The transitions that all runs of a slab share, scaled once, and the rewards each of them learns from.

    `selections` holds, for each run, the rows that it learns from; without them, or with None for each, it is all.

    data    the dataset, with the rewards of the first run
    facts   of each run, what its scaling and its rows were decided from the data to be, for the record
    counts  of how many rows its minibatches are drawn: one number, or one for each run where it learns from some
    """

    def __init__(
        self,
        datasets: Sequence[Dataset],
        standardize: bool,
        reward_scaler: str,
        device: str,
        selections: Sequence[Selection | None] = (),
    ) -> None:
        self.data = data = datasets[0]
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
        arrays = [scale_rewards(datasets[places.index(i)], reward_scaler) for i in range(len(distinct))]
        self._rewards = torch.from_numpy(np.stack(arrays)).to(device)
        self._reward_offsets = self.n * torch.tensor(places, device=device)[:, None]
        self._starts = torch.from_numpy(data.episode_starts.copy()).to(device)
        self.n_starts = len(self._starts)
        told = [tell_scaling(datasets[places.index(i)], reward_scaler) for i in range(len(distinct))]
        self.facts = [told[place] for place in places]
        self.reward_ranges = torch.stack([self._rewards.amin(1), self._rewards.amax(1)], dim=1)[places]
        self.counts: int | tuple[int, ...] = self.n
        self._selected: Tensor | None = None
        chosen = [selection for selection in selections if selection is not None]
        if chosen:
            self._select(chosen, device)

    def _select(self, selections: Sequence[Selection], device: str) -> None:
        """Have the minibatches of each run hold its own rows."""
        self.counts = tuple(len(selection.rows) for selection in selections)
        self.facts = [told | selection.facts for told, selection in zip(self.facts, selections, strict=True)]
        self._selected = torch.from_numpy(np.concatenate([selection.rows for selection in selections])).to(device)
        offsets = np.cumsum(self.counts) - self.counts
        self._selection_offsets = torch.from_numpy(offsets).to(device)[:, None]

    def gather(self, draws: dict[str, Tensor]) -> Batch:
        """The minibatches of `draws["rows"]` (runs, b), with the other draws as the step's noise.

        A run that learns from some rows counts these alone: its draws lie below its number in `counts`.
        """
        rows = draws["rows"]
        if self._selected is not None:
            rows = self._selected.index_select(0, (rows + self._selection_offsets).view(-1)).view(rows.shape)
        o, a = self.observation_size, self.action_size
        table = self._look_up(rows)
        rewards = self._rewards.view(-1).index_select(0, (rows + self._reward_offsets).view(-1)).view(rows.shape)
        return Batch(
            source=self,
            rows=rows,
            pairs=table[..., : o + a],
            observations=table[..., :o],
            actions=table[..., o : o + a],
            rewards=rewards,
            next_observations=table[..., o + a : o + a + o],
            continues=table[..., -1],
            noise=draws,
            starts=self._gather_starts(draws["starts"]) if "starts" in draws else None,
        )

    @cached_property
    def episodes(self) -> EpisodeRows:
        """Where episodes go on and end; made when first asked for."""
        return EpisodeRows.of(self.data, str(self._table.device))

    def actions_at(self, rows: Tensor) -> Tensor:
        """Actions (..., a) in [-1, 1] at `rows` (...)."""
        o, a = self.observation_size, self.action_size
        return self._look_up(rows)[..., o : o + a]

    def next_observations_at(self, rows: Tensor) -> Tensor:
        """Scaled next observations (..., o) at `rows` (...)."""
        o, a = self.observation_size, self.action_size
        return self._look_up(rows)[..., o + a : o + a + o]

    def rewards_of_runs(self) -> Tensor:
        """(runs, n) scaled rewards."""
        return self._rewards.index_select(0, (self._reward_offsets // self.n).view(-1))

    def _look_up(self, rows: Tensor) -> Tensor:
        return self._table.index_select(0, rows.view(-1)).view(*rows.shape, -1)

    def _gather_starts(self, places: Tensor) -> Tensor:
        return self._look_up(self._starts.index_select(0, places.view(-1)).view(places.shape))[
            ..., : self.observation_size
        ]


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
