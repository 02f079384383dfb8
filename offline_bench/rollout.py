"""Acting in an environment: one episode per seed, several stepped side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Episode:
    """One episode of T steps in the true environment.

    observations (T+1, *observation_shape), actions (T, action_size) or (T,), rewards (T,) float64 true rewards.
    `terminated`: the task ended; otherwise the clock ran out.
    """

    seed: int
    observations: Array
    actions: Array
    rewards: Array
    terminated: bool

    @property
    def length(self) -> int:
        return len(self.rewards)


@dataclass
class _Slot:
    """An environment and the episode it is in."""

    environment: Any
    position: int = 0
    seed: int = 0
    observations: list[Array] = field(default_factory=list)
    actions: list[Array] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)

    def reset(self, position: int, seed: int) -> None:
        self.position, self.seed = position, seed
        self.observations = [self.environment.reset(seed=seed)[0]]
        self.actions, self.rewards = [], []

    def step(self, action: Array) -> Episode | None:
        """Take `action`; the whole episode where it ends with that."""
        observation, reward, terminated, truncated, _ = self.environment.step(action)
        self.observations.append(observation)
        self.actions.append(action)
        self.rewards.append(float(reward))
        if not (terminated or truncated):
            return None
        stacked = np.stack(self.observations), np.stack(self.actions), np.array(self.rewards)
        return Episode(self.seed, *stacked, terminated=bool(terminated))


def roll_out(
    act: Callable[[Array], Array], environment: str, seeds: Iterable[int], side_by_side: int = 16
) -> list[Episode]:
    """One `Episode` per seed, in the order of `seeds`.

    `act` maps the current observations (b, *observation_shape) of up to `side_by_side` episodes to their actions.
    """
    import gymnasium

    waiting = [(position, int(seed)) for position, seed in enumerate(seeds)]
    slots = [_Slot(gymnasium.make(environment)) for _ in waiting[:side_by_side]]
    everyone = list(slots)
    for slot in slots:
        slot.reset(*waiting.pop(0))
    done: dict[int, Episode] = {}
    while slots:
        actions = act(np.stack([slot.observations[-1] for slot in slots]))
        idle = []
        for slot, action in zip(slots, actions, strict=True):
            episode = slot.step(action)
            if episode is None:
                continue
            done[slot.position] = episode
            if waiting:
                slot.reset(*waiting.pop(0))
            else:
                idle.append(slot)
        slots = [slot for slot in slots if slot not in idle]
    for slot in everyone:
        slot.environment.close()
    return [done[position] for position in sorted(done)]
