"""A small environment with the quirks that users' own environments have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np

HERE = "tests.environments.quirks:Quirky"
MOST = 50  # steps, so that a test that nothing ends fails


class Quirky(gymnasium.Env[np.ndarray, np.ndarray]):
    """Two numbers in [0, 1) that halve at every step; what is odd about it is said by its arguments.

    low, high  of its one action; reset_as, declared  dtypes of the first observation and of the space
    paid       each step's reward
    """

    def __init__(
        self,
        low: float = -1.0,
        high: float = 1.0,
        reset_as: str = "float32",
        declared: str = "float32",
        paid: Any = 1.0,
    ) -> None:
        self.observation_space = gymnasium.spaces.Box(0, 9, (2,), np.dtype(declared).type)
        self.action_space = gymnasium.spaces.Box(low, high, (1,), np.float32)
        self.reset_as, self.paid = reset_as, paid
        self.state, self.steps = np.zeros(2, np.float32), 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        self.steps = 0
        self.state = np.array([1.0, (seed or 0) % 4], np.float32)
        return self.state.astype(self.reset_as), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        self.steps += 1
        if self.steps > MOST:
            raise RuntimeError("stepped on and on")
        self.state = (self.state / 2).astype(np.float32)
        return self.state, self.paid, False, False, {}


@contextmanager
def registered(name: str, limit: int | None = 5, entry_point: Any = HERE, **arguments: Any) -> Iterator[str]:
    """`name` in the registry, for as long as this lasts."""
    gymnasium.register(name, entry_point=entry_point, max_episode_steps=limit, kwargs=arguments)
    try:
        yield name
    finally:
        gymnasium.registry.pop(name, None)
