"""The return of acting at random, for sets where nothing else says which return marks 0."""

from __future__ import annotations

import numpy as np

from offline_bench.core.seeds import evaluation_seeds
from offline_bench.environments.make import make_environment
from offline_bench.evaluation.rollout import roll_out

EPISODES = 50


def measure_random_returns(environment: str, episodes: int = EPISODES) -> np.ndarray:
    """True returns (episodes,) of actions drawn uniformly from the action space; the same at every call.

    Raises what making the environment raises, and `EnvironmentMismatchError` where it has no time limit.
    """
    made = make_environment(environment)
    space = made.action_space
    made.close()
    space.seed(0)
    seeds = evaluation_seeds(episodes)
    # One after the other: which draw is whose must not depend on how many are acted side by side.
    played = roll_out(lambda seen: np.stack([space.sample() for _ in seen]), environment, seeds, side_by_side=1)
    return np.array([float(np.sum(episode.rewards)) for episode in played])
