"""A `TabularModel` as a Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from offline_bench.environments.model import TabularModel

Array = npt.NDArray[Any]


class TabularEnvironment(gymnasium.Env[Array, np.int64]):
    """Acts out `model`; the time limit is Gymnasium's own wrapper, registered with the model's horizon."""

    def __init__(self, model: TabularModel) -> None:
        self.model = model
        self.observation_space = gymnasium.spaces.Box(
            model.observations.min(axis=0), model.observations.max(axis=0), dtype=np.float32
        )
        self.action_space = gymnasium.spaces.Discrete(model.n_actions)
        self._state = -1

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """A state drawn from the model's `initial`; the info names it."""
        super().reset(seed=seed)
        self._state = int(self.np_random.choice(self.model.n_states, p=self.model.initial))
        return self.model.observations[self._state].copy(), {"state": self._state}

    def step(self, action: np.int64) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """One outcome drawn from the model's; the info names the state and has each event that took place."""
        at = self._state, int(action)
        outcome = int(self.np_random.choice(self.model.successors.shape[2], p=self.model.probabilities[at]))
        self._state = int(self.model.successors[at][outcome])
        events = {name: bool(outcomes[at][outcome]) for name, outcomes in self.model.events.items()}
        observation = self.model.observations[self._state].copy()
        reward, ended = float(self.model.rewards[at][outcome]), bool(self.model.terminal[self._state])
        return observation, reward, ended, False, {"state": self._state, **events}
