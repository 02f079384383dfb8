"""What evaluating a slab costs, measured against bare gymnasium stepping the same environment with no policy."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.environments.steppers import Steppers
from offline_bench.evaluation.evaluate import evaluate_slab

Array = npt.NDArray[Any]

WIDTH = 64


@dataclass(frozen=True)
class EvaluationCost:
    """Medians over `repeats` alternating measurements, in steps of the environment per second of wall time.

    steps  of the environment in one evaluation of `runs` x `episodes`
    bare  one process, gymnasium alone with actions drawn before, resets included
    ours  `evaluate_slab`, its `steppers` up already
    ratio  the median of ours / bare
    """

    environment: str
    runs: int
    episodes: int
    steppers: int
    repeats: int
    steps: int
    bare: float
    ours: float
    ratio: float


@dataclass(frozen=True)
class Networks:
    """One ReLU network with tanh outputs per run; layers (runs, inputs, outputs)."""

    layers: tuple[Array, ...]

    @classmethod
    def draw(cls, runs: int, sizes: tuple[int, ...]) -> Networks:
        rng = np.random.default_rng(0)
        shapes = pairwise(sizes)
        return cls(tuple(rng.standard_normal((runs, *s), dtype=np.float32) / np.sqrt(np.float32(s[0])) for s in shapes))

    def act(self, observations: Array) -> Array:
        hidden = observations.astype(np.float32)
        for layer in self.layers[:-1]:
            hidden = np.maximum(hidden @ layer, 0.0)
        return np.tanh(hidden @ self.layers[-1])


def measure_evaluation(
    environment: str = "Hopper-v5", runs: int = 12, episodes: int = 16, steppers: int = 1, repeats: int = 5
) -> EvaluationCost:
    """Evaluate networks of random weights in `environment`, whose observations and actions must be boxes in [-1, 1]."""
    import gymnasium

    bare_environment = gymnasium.make(environment)
    sizes = [
        int(np.prod(space.shape or ())) for space in (bare_environment.observation_space, bare_environment.action_space)
    ]
    policies = Networks.draw(runs, (sizes[0], WIDTH, WIDTH, sizes[1]))
    bare, ours = [], []
    with Steppers(environment, steppers) as crew:
        evaluate_slab(policies, runs, environment, episodes, crew)
        for _ in range(repeats):
            started = time.perf_counter()
            results = evaluate_slab(policies, runs, environment, episodes, crew)
            seconds = time.perf_counter() - started
            steps = sum(episode.length for of_run in results for episode in of_run)
            ours.append(steps / seconds)
            bare.append(_measure_bare(bare_environment, steps))
    bare_environment.close()
    ratio = median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    return EvaluationCost(
        environment, runs, episodes, steppers, repeats, steps, bare=median(bare), ours=median(ours), ratio=ratio
    )


def _measure_bare(environment: Any, steps: int) -> float:
    size = (steps, *environment.action_space.shape)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, size).astype(np.float32)
    started = time.perf_counter()
    environment.reset(seed=0)
    for action in actions:
        _, _, terminated, truncated, _ = environment.step(action)
        if terminated or truncated:
            environment.reset()
    return steps / (time.perf_counter() - started)
