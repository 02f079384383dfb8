"""Acting in an environment: one episode per seed, several side by side; and so for many policies at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from offline_bench.data.episode import Episode
from offline_bench.environments.make import find_step_limit, make_environment
from offline_bench.environments.steppers import RUNNING, TERMINATED, Steppers

Array = npt.NDArray[Any]

# Of one run, at most; a bound on memory that does not depend on how many runs there are.
SIDE_BY_SIDE = 32
PIECE = 64
_names = count()


class SlabPolicy(Protocol):
    """The policies of a slab: observations (runs, e, *observation_shape) to actions (runs, e, *action_shape)."""

    def act(self, observations: Array) -> Array: ...


@dataclass
class _Slot:
    """An environment and the episode it is in."""

    environment: Any
    position: int = 0
    seed: int = 0
    name: int = 0
    observations: list[Array] = field(default_factory=list)
    actions: list[Array] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)

    def reset(self, position: int, seed: int) -> None:
        self.position, self.seed, self.name = position, seed, next(_names)
        # Copies, here and below: an environment or a policy may fill the same array at every step.
        self.observations = [np.array(self.environment.reset(seed=seed)[0])]
        self.actions, self.rewards = [], []

    def step(self, action: Array) -> Episode | None:
        """Take `action`; the whole episode where it ends with that."""
        observation, reward, terminated, truncated, _ = self.environment.step(action)
        self.observations.append(np.array(observation))
        self.actions.append(np.array(action))
        self.rewards.append(float(np.asarray(reward).item()))  # some give an array of one number
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
    return roll_out_episodic(lambda _, observations: act(observations), environment, seeds, side_by_side)


def roll_out_episodic(
    act_in: Callable[[Array, Array], Array], environment: str, seeds: Iterable[int], side_by_side: int = 16
) -> list[Episode]:
    """`roll_out` of a policy with memory: `act_in` is also given a number (b,) for the episode each row is from.

    A number is never given to two episodes, not even of two calls.
    Raises `EnvironmentMismatchError` where the environment has no time limit.
    """
    find_step_limit(environment)
    waiting = [(position, int(seed)) for position, seed in enumerate(seeds)]
    slots = [_Slot(make_environment(environment)) for _ in waiting[:side_by_side]]
    everyone = list(slots)
    for slot in slots:
        slot.reset(*waiting.pop(0))
    done: dict[int, Episode] = {}
    while slots:
        actions = act_in(np.array([slot.name for slot in slots]), np.stack([slot.observations[-1] for slot in slots]))
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


def roll_out_slab(
    act: Callable[[Array], Array], runs: int, steppers: Steppers, seeds: Sequence[int]
) -> list[list[Episode]]:
    """For each of `runs` runs one `Episode` per seed, in the order of `seeds`, in the environment of `steppers`.

    `act` maps observations (runs, e, *observation_shape) to actions (runs, e, *action_shape). Its e depends on the
    number of seeds alone, and episodes that have ended keep their rows: how a run fares changes nothing for another.
    Raises `OfflineBenchError` where the environment fails or its process dies.
    """
    done: list[list[Episode]] = [[] for _ in range(runs)]
    for start in range(0, len(seeds), SIDE_BY_SIDE):
        group = seeds[start : start + SIDE_BY_SIDE]
        half = (len(group) + 1) // 2
        parts = [_Part(runs, some) for some in (group[:half], group[half:]) if some]
        _roll_out_parts(act, parts, steppers)
        for run in range(runs):
            done[run].extend(episode for part in parts for episode in part.episodes_of(run))
    return done


def _roll_out_parts(act: Callable[[Array], Array], parts: list[_Part], steppers: Steppers) -> None:
    """Finish the episodes of `parts`: while `act` looks at one part, the other is stepped."""
    steppers.begin([part.seeds * part.runs for part in parts])
    running = dict(enumerate(parts))
    while running:
        for number, part in list(running.items()):
            observations = part.record(steppers.collect(number))
            if observations is None:
                del running[number]
            else:
                steppers.step(number, part.decide(act(observations)))


class _Part:
    """Episodes of all runs from the same few seeds, rows (run, seed) in that order, and all that happened in them."""

    def __init__(self, runs: int, seeds: Sequence[int]) -> None:
        self.runs, self.seeds = runs, [int(seed) for seed in seeds]
        self._observations, self._actions, self._rewards = _Track(), _Track(), _Track()
        self._episodes: list[Episode | None] = [None] * (runs * len(self.seeds))

    def record(self, rows: Array) -> Array | None:
        """The observations (runs, e, *observation_shape) to act on; None where all episodes have ended."""
        self._observations.append(rows["observation"])
        self._rewards.append(rows["reward"])
        for row in np.flatnonzero(rows["state"] != RUNNING):
            if self._episodes[row] is None:
                self._episodes[row] = self._cut(int(row), bool(rows["state"][row] == TERMINATED))
        if all(self._episodes):
            return None
        observations = rows["observation"].copy()
        return observations.reshape(self.runs, len(self.seeds), *observations.shape[1:])

    def decide(self, actions: Array) -> Array:
        """Take note of `actions` (runs, e, *action_shape) and give them row by row."""
        if actions.shape[:2] != (self.runs, len(self.seeds)):
            raise ValueError(f"actions {actions.shape} for {self.runs} runs and {len(self.seeds)} episodes of each.")
        actions = actions.reshape(-1, *actions.shape[2:])
        self._actions.append(actions)
        return actions

    def episodes_of(self, run: int) -> list[Episode]:
        some = self._episodes[run * len(self.seeds) : (run + 1) * len(self.seeds)]
        return [episode for episode in some if episode is not None]

    def _cut(self, row: int, terminated: bool) -> Episode:
        seed = self.seeds[row % len(self.seeds)]
        actions, rewards = self._actions.of(row), self._rewards.of(row)[1:]
        return Episode(seed, self._observations.of(row), actions, rewards, terminated)


class _Track:
    """A growing array (time, rows, ...), in pieces, so that growing moves nothing."""

    def __init__(self) -> None:
        self._pieces: list[Array] = []
        self._last = PIECE

    def append(self, values: Array) -> None:
        if self._last == PIECE:
            self._pieces.append(np.empty((PIECE, *values.shape), values.dtype))
            self._last = 0
        self._pieces[-1][self._last] = values
        self._last += 1

    def of(self, row: int) -> Array:
        """Everything so far of one row (time, ...), as a copy."""
        *full, last = self._pieces
        return np.concatenate([*(piece[:, row] for piece in full), last[: self._last, row]])
