"""Environments of one kind in this process, in rows that others can read."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import OfflineBenchError
from offline_bench.environments.make import make_environment

Array = npt.NDArray[Any]

RUNNING, TERMINATED, TRUNCATED = 0, 1, 2


class Rows:
    """Environments in this process; those of a part stand in the rows it was given."""

    def __init__(self, spec: Any) -> None:
        self._spec = spec
        self._environments = [self._make()]
        self._rows: list[tuple[list[Any], Array, Array, Array]] = []
        self._running: list[list[int]] = []

    def _make(self) -> Any:
        # The checker that `make` adds looks at the first step only and changes nothing.
        return make_environment(self._spec, disable_env_checker=True)

    def row_type(self) -> np.dtype[Any]:
        space = self._environments[0].observation_space
        if space.shape is None or space.dtype is None or space.dtype.hasobject:
            raise OfflineBenchError("the observations of this environment are not arrays of numbers.")
        fields = [("observation", space.dtype, space.shape), ("reward", np.float64), ("state", np.uint8)]
        return np.dtype(fields, align=True)

    def begin(self, parts: list[Array], file: int, seeds: list[list[int]]) -> None:
        self.seat(parts)
        for part, of_part in enumerate(seeds):
            self.reset(part, of_part)

    def seat(self, parts: list[Array]) -> None:
        """Give every row an environment."""
        while len(self._environments) < sum(len(part) for part in parts):
            self._environments.append(self._make())
            _share_model(self._environments[-1].unwrapped, self._environments[0].unwrapped)
        free = iter(self._environments)
        self._rows = [
            ([next(free) for _ in part], part["observation"], part["reward"], part["state"]) for part in parts
        ]
        self._running = [[] for _ in parts]

    def reset(self, part: int, seeds: list[int]) -> None:
        environments, observations, _, states = self._rows[part]
        for row, (environment, seed) in enumerate(zip(environments, seeds, strict=True)):
            observations[row] = environment.reset(seed=seed)[0]
        states[:] = RUNNING
        self._running[part] = list(range(len(seeds)))

    def step(self, part: int, actions: Array) -> None:
        environments, observations, rewards, states = self._rows[part]
        ended = False
        for row in self._running[part]:
            observation, reward, terminated, truncated, _ = environments[row].step(actions[row])
            observations[row] = observation
            rewards[row] = np.asarray(reward).item()  # some give an array of one number
            if terminated or truncated:
                states[row] = TERMINATED if terminated else TRUNCATED
                ended = True
        if ended:
            self._running[part] = [row for row in self._running[part] if states[row] == RUNNING]

    def wait(self) -> None:
        pass

    def close(self) -> None:
        for environment in self._environments:
            environment.close()


def map_parts(file: int, row: np.dtype[Any], sizes: list[int]) -> list[Array]:
    """The memory in `file` as one array of rows per size."""
    rows = np.frombuffer(mmap.mmap(file, 0), row, sum(sizes))
    return np.split(rows, np.cumsum(sizes)[:-1])


def _share_model(environment: Any, first: Any) -> None:
    """Let a task of gymnasium's use the MuJoCo model of another of its kind: they never write to it.

    More than half of what an environment holds is its model; sharing it keeps it in the processor's cache.
    """
    if type(environment).__module__.startswith("gymnasium.envs.mujoco.") and hasattr(environment, "model"):
        environment.model = first.model
        environment.mujoco_renderer = None  # it would hold on to the model, and nothing is rendered
