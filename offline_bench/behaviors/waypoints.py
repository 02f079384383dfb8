"""Following waypoints through a maze: along the shortest way from cell to cell, with noise."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.behaviors.scripted import Behavior, behaviors
from offline_bench.core.errors import EnvironmentMismatchError
from offline_bench.environments.make import make_environment

Array = npt.NDArray[Any]

WALL = 1
# Where the entries of a point maze's observation lie once it is flat.
POSITION, GOAL, VELOCITY = slice(0, 2), slice(2, 4), slice(6, 8)

# Cells a second for every cell of distance, no faster than SPEED; and pushes for every cell a second too slow.
APPROACH, SPEED, PUSH = 8.0, 4.0, 0.5
ARRIVED = 0.3


@behaviors.register("waypoints")
def waypoints(
    environment: str, rng: np.random.Generator, *, noise: float = 0.0, spread: float = 0.0, roam: bool = False
) -> Behavior:
    """Push a ball through a maze from the center of one cell to the next, along the shortest way to a target.

    noise   deviation of the Gaussian noise on the actions, which are clipped to [-1, 1]
    spread  how far, in cells and on either axis, from the centers the way may lie: another draw for every target.
            The ball meets a wall at 0.4
    roam    False: the target is the goal. True: it is a random cell, and another one on arrival; the goal is ignored

    A proportional controller of the velocity, which is wanted in proportion to the distance.
    Raises `EnvironmentMismatchError` where `environment` is not a point maze of gymnasium-robotics.
    """
    return _Follower(_survey(environment), rng, noise, spread, roam)


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


@dataclass(frozen=True)
class _Errand:
    """Where an episode is heading: a cell, the place (2,) in it, and how far (2,) from the centers the way lies."""

    cell: int
    place: Array
    aside: Array


@dataclass
class _Follower:
    maze: _Survey
    rng: np.random.Generator
    noise: float
    spread: float
    roam: bool
    errands: dict[int, _Errand] = field(default_factory=dict)

    def __call__(self, episodes: Array, observations: Array) -> Array:
        positions, velocities = observations[:, POSITION], observations[:, VELOCITY]
        # Those that are not asked about are over, and forgotten.
        self.errands = {
            episode: self._go_on(self.errands.get(episode), observation)
            for episode, observation in zip(episodes.tolist(), observations, strict=True)
        }
        wanted = APPROACH * (self._next_places(positions) - positions)
        wanted *= np.minimum(1.0, SPEED / np.maximum(np.linalg.norm(wanted, axis=1, keepdims=True), 1e-9))
        actions = PUSH * (wanted - velocities) + self.noise * self.rng.standard_normal(positions.shape)
        return np.clip(actions, -1.0, 1.0).astype(np.float32)

    def _next_places(self, positions: Array) -> Array:
        """Where each ball (b, 2) is to go next (b, 2): into the next cell, or to the place itself."""
        errands = list(self.errands.values())
        cells, ends = self.maze.locate(positions), np.array([errand.cell for errand in errands])
        through = self.maze.centers[self.maze.following[cells, ends]] + np.array([errand.aside for errand in errands])
        return np.where((cells == ends)[:, None], np.array([errand.place for errand in errands]), through)

    def _go_on(self, errand: _Errand | None, observation: Array) -> _Errand:
        """The same errand until it is done: until the ball has arrived, or the goal is elsewhere."""
        position, goal = observation[POSITION], observation[GOAL]
        if errand is not None:
            done = np.linalg.norm(position - errand.place) <= ARRIVED if self.roam else (goal != errand.place).any()
            if not done:
                return errand
        aside = self.spread * self.rng.uniform(-1.0, 1.0, 2)
        if not self.roam:
            return _Errand(int(self.maze.locate(goal[None])[0]), goal, aside)
        cell = int(self.rng.integers(len(self.maze.centers)))
        return _Errand(cell, self.maze.centers[cell] + aside, aside)


def _survey(environment: str) -> _Survey:
    made = make_environment(environment)
    maze, shown = getattr(made.unwrapped, "maze", None), made.observation_space.shape
    made.close()
    if maze is None or shown != (8,):
        raise EnvironmentMismatchError(f"behavior waypoints: it needs a point maze, and {environment!r} is not one.")
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
