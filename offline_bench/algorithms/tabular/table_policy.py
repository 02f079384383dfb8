"""Policies that look their action up."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.algorithms.tabular.counts import States
from offline_bench.environments.model import TabularModel

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TablePolicy:
    """One action per state of a table; in a state that the data does not hold, one drawn once from `seed`.

    actions (states,) int64; n_actions are drawn from.
    """

    states: States
    actions: Array
    n_actions: int
    seed: int

    def act(self, observations: Array) -> Array:
        """Observations (b, size) to actions (b,) int64."""
        found = self.states.find(observations)
        chosen = np.where(found >= 0, self.actions[found], 0)
        for place in np.flatnonzero(found < 0):
            chosen[place] = self._draw(observations[place])
        return chosen

    def _draw(self, observation: Array) -> int:
        # Of the whole observation, so that the draw depends on nothing that was asked before.
        digest = hashlib.sha256(f"{self.seed}".encode() + np.asarray(observation, np.float32).tobytes()).digest()
        return int.from_bytes(digest[:8], "big") % self.n_actions


@dataclass(frozen=True)
class PlannedPolicy:
    """One action per step and state of a model, (horizon, S) int64; after the horizon that of the last step."""

    model: TabularModel
    actions: Array
    _steps: dict[int, int] = field(default_factory=dict)

    def act(self, observations: Array) -> Array:
        """Observations (b, size), each the first of an episode, to actions (b,) int64."""
        return self.act_at(0, observations)

    def act_at(self, step: int, observations: Array) -> Array:
        """Observations (b, size), each seen at `step` of its episode, to actions (b,) int64."""
        return self._look_up(step, observations)

    def act_in(self, episodes: Array, observations: Array) -> Array:
        """Observations (b, size), each the next of its episode, to actions (b,) int64; see `EpisodicPolicy`."""
        steps = [self._steps.get(int(episode), 0) for episode in episodes]
        self._steps.clear()
        self._steps.update({int(episode): step + 1 for episode, step in zip(episodes, steps, strict=True)})
        return self._look_up(np.array(steps), observations)

    def _look_up(self, steps: int | Array, observations: Array) -> Array:
        rows = np.minimum(steps, len(self.actions) - 1)
        chosen: Array = self.actions[rows, self.model.states_of(observations)]
        return chosen


def draw_best(best: Array, rng: np.random.Generator) -> Array:
    """One of the actions of `best` (..., A) bool in each place, (...) int64; the draws do not depend on `best`."""
    drawn: Array = ((1.0 - rng.random(best.shape)) * best).argmax(axis=-1)
    return drawn
