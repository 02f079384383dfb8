"""A fixed-length sketch of where a policy went: random Fourier features of its state-action visits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.data.episode import Episode

Array = npt.NDArray[Any]

FEATURES = 128
FEATURE_ENTROPY = 1_177


def sketch_visits(episodes: Sequence[Episode], mean: Sequence[float], scale: Sequence[float]) -> list[float]:
    """Mean of √(2/D) cos(Wx + b) over all visits x = (standardized s, a), D = 128; W and b are the same for all runs.

    Distances between sketches approximate the maximum mean discrepancy of the visits under a Gaussian kernel of
    width √d. `mean` and `scale` (observation_size,) are the task's; empty, so is the sketch.
    Source: Rahimi & Recht 2007.
    """
    if not episodes or not mean:
        return []
    observations = np.concatenate([episode.observations[:-1] for episode in episodes])
    actions = np.concatenate([episode.actions.reshape(episode.length, -1) for episode in episodes])
    states = (observations - np.array(mean)) / np.array(scale)
    features = fourier_features(np.concatenate([states, actions], axis=1))
    return [round(float(value), 6) for value in features.mean(axis=0)]


def fourier_features(visits: Array) -> Array:
    """√(2/D) cos(Wx + b) of visits (n, d), D = 128: (n, D), with the W and b that all sketches have."""
    rng = np.random.default_rng(FEATURE_ENTROPY)
    weights = rng.standard_normal((FEATURES, visits.shape[1])) / np.sqrt(visits.shape[1])
    phases = rng.uniform(0.0, 2.0 * np.pi, FEATURES)
    return np.asarray(np.sqrt(2.0 / FEATURES) * np.cos(visits @ weights.T + phases))
