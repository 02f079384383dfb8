"""Following waypoints through a maze: along the shortest way from cell to cell, with noise."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.behaviors.registry import Behavior, behaviors
from offline_bench.environment import make_environment
from offline_bench.errors import EnvironmentMismatchError

Array = npt.NDArray[Any]

WALL = 1
# Where the entries of a point maze's observation lie once it is flat.
POSITION, GOAL, VELOCITY = slice(0, 2), slice(2, 4), slice(6, 8)

# Cells a second for every cell of distance, no faster than SPEED; and pushes for every cell a second too slow.
APPROACH, SPEED, PUSH = 8.0, 4.0, 0.5
ARRIVED = 0.3


@behaviors.register("waypoints")
def waypoints(environment: str, rng: np.random.Generator, *, noise: float = 0.0, roam: bool = False) -> Behavior:
    """Push a ball through a maze from the center of one cell to the next, along the shortest way to a target.

    noise  deviation of the Gaussian noise on the actions, which are clipped to [-1, 1]
    roam   False: the target is the goal. True: it is a random cell, and another one on arrival; the goal is ignored.

    A proportional controller of the velocity, which is wanted in proportion to the distance.
    Raises `EnvironmentMismatchError` where `environment` is not a point maze of gymnasium-robotics.
    """
    maze = _survey(environment)
    return _Follower(maze, rng, noise, roam)


@dataclass(frozen=True)
class _Survey:
    """The k free cells of a maze: their centers (k, 2), and the next cell (k, k) on the way from each to each."""

    centers: Array
    following: Array

    def locate(self, positions: Array) -> Array:
        """The free cell (b,) nearest to each of positions (b, 2)."""
        distances = np.linalg.norm(positions[:, None] - self.centers, axis=-1)
        nearest: Array = distances.argmin(axis=1)
        return nearest


@dataclass
class _Follower:
    maze: _Survey
    rng: np.random.Generator
    noise: float
    roam: bool
    targets: dict[int, int] = field(default_factory=dict)

    def __call__(self, episodes: Array, observations: Array) -> Array:
        positions, velocities = observations[:, POSITION], observations[:, VELOCITY]
        cells = self.maze.locate(positions)
        targets, ends = self._roam(episodes, positions) if self.roam else self._seek(observations[:, GOAL])
        steps = self.maze.following[cells, targets]
        places = np.where((cells == targets)[:, None], ends, self.maze.centers[steps])
        wanted = APPROACH * (places - positions)
        wanted *= np.minimum(1.0, SPEED / np.maximum(np.linalg.norm(wanted, axis=1, keepdims=True), 1e-9))
        actions = PUSH * (wanted - velocities) + self.noise * self.rng.standard_normal(positions.shape)
        return np.clip(actions, -1.0, 1.0).astype(np.float32)

    def _seek(self, goals: Array) -> tuple[Array, Array]:
        return self.maze.locate(goals), goals

    def _roam(self, episodes: Array, positions: Array) -> tuple[Array, Array]:
        """Each episode's target; those that are not asked about are over, and forgotten."""
        self.targets = {
            int(episode): self._go_on(self.targets.get(int(episode)), position)
            for episode, position in zip(episodes, positions, strict=True)
        }
        targets = np.array(list(self.targets.values()))
        return targets, self.maze.centers[targets]

    def _go_on(self, target: int | None, position: Array) -> int:
        if target is not None and np.linalg.norm(position - self.maze.centers[target]) > ARRIVED:
            return target
        return int(self.rng.integers(len(self.maze.centers)))


def _survey(environment: str) -> _Survey:
    made = make_environment(environment)
    maze, shown = getattr(made.unwrapped, "maze", None), made.observation_space.shape
    made.close()
    if maze is None or shown != (8,):
        raise EnvironmentMismatchError(f"waypoints lead through a point maze, which {environment!r} is not.")
    free = [(i, j) for i, row in enumerate(maze.maze_map) for j, cell in enumerate(row) if cell != WALL]
    centers = np.array([maze.cell_rowcol_to_xy(cell) for cell in free])
    beside = [
        [free.index(cell) for cell in ((i, j + 1), (i + 1, j), (i, j - 1), (i - 1, j)) if cell in free] for i, j in free
    ]
    return _Survey(centers, np.stack([_lead_to(target, beside) for target in range(len(free))], axis=1))


def _lead_to(target: int, beside: list[list[int]]) -> Array:
    """The next cell (k,) on a shortest way from each cell to `target`, itself from there; breadth first."""
    following = np.arange(len(beside))
    seen, waiting = {target}, deque([target])
    while waiting:
        cell = waiting.popleft()
        for neighbor in beside[cell]:
            if neighbor not in seen:
                seen.add(neighbor)
                following[neighbor] = cell
                waiting.append(neighbor)
    return following
