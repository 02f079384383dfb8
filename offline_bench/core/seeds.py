"""The random streams of a run: independent, and each a function of the run's seed alone."""

from __future__ import annotations

import numpy as np

# Evaluation asks every policy of every run the same questions.
EVALUATION_ENTROPY = 20_230_605


def relabeling_rng(seed: int, stage: int = 0) -> np.random.Generator:
    """The stream of a relabeling: one per seed, the same for all algorithms. In a chain, one per `stage`, from 0."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2, stage) if stage else (0,)))


def training_seed(seed: int) -> np.random.SeedSequence:
    """The stream of initial weights, minibatches and noise: blind to the relabeling, so comparisons are paired."""
    return np.random.SeedSequence(seed, spawn_key=(1,))


def evaluation_seeds(episodes: int) -> list[int]:
    """One reset seed per evaluation episode, the same for every run; more episodes extend the list."""
    children = np.random.SeedSequence(EVALUATION_ENTROPY).spawn(episodes)
    return [int(child.generate_state(1)[0]) for child in children]
