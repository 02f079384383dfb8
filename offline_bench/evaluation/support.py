"""How far a policy stays with the data it learned from: its evaluation episodes against the transitions.

A visit is a pair (s, a), standardized by the data's own mean and deviation; a discrete action stands as one-hot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.data.dataset import Dataset
from offline_bench.data.episode import Episode
from offline_bench.evaluation.sketch import fourier_features

Array = npt.NDArray[Any]

ENTROPY = 58_211
VISITS = 1_000  # of the policy, and of the data where it is asked how far its own episodes lie from each other
MOST = 200_000  # transitions that neighbors are looked for in
WITHIN = 0.99  # quantile of the data's own distances that still counts as within the data
FOLDS = 5
CHUNK = 64
FAR = 10.0  # deviations from the mean; a classifier need not be told how much farther
CLIP = 1e-6  # a classifier is never surer than this


class Support:
    """Measures policies against one dataset; what depends on the data alone is computed once."""

    def __init__(self, data: Dataset) -> None:
        self._data = data
        rng = np.random.default_rng(ENTROPY)
        chosen = np.sort(rng.permutation(data.n)[:MOST])
        self._places = chosen
        visits = _visits(data.observations[chosen], data.actions[chosen], data.action_space.n)
        self._mean, deviation = visits.mean(axis=0), visits.std(axis=0)
        # A column with one value in the data: whatever a policy does there is told by how much, unscaled.
        self._scale = np.where(deviation > 0, deviation, 1.0)
        self._visits = ((visits - self._mean) / self._scale).astype(np.float32)
        self._sources = data.source_of[chosen]
        self._sample = rng.permutation(len(chosen))[:VISITS]
        self._reach = self._own_distance()

    def measure(self, episodes: Sequence[Episode]) -> dict[str, float]:
        """The numbers of the episodes; an undefined one is left out.

        in_support       share of the visits whose distance to the nearest transition is within the 99th percentile of
                         the distances from transitions to the nearest one of another episode: the survival instinct
        concentrability  99 % quantile over the policy's visits of w = p / (1 − p) · n_D / n_π, the density of its
                         visits over that of the data, with p of a classifier that has not seen the episode
        effective_share  (Σw)² / (n Σw²) over transitions of the data: 1 where the policy visits what the data does

        Of at most 1,000 visits, drawn alike for all policies; the classifier is a logistic regression on the visit
        and its 128 Fourier features, cross-fitted in 5 folds by episode.
        """
        visits, of = self._standardize(episodes)
        chosen = np.sort(np.random.default_rng(ENTROPY).permutation(len(visits))[:VISITS])
        visits, of = visits[chosen], of[chosen]
        if not np.isfinite(visits).all():
            return {}
        found = {}
        if np.isfinite(self._reach):
            nearest = self._nearest(visits, np.full(len(visits), -1))
            found["in_support"] = float((nearest <= self._reach).mean())
        return found | self._weigh(visits, of)

    def _standardize(self, episodes: Sequence[Episode]) -> tuple[Array, Array]:
        observations = np.concatenate([episode.observations[:-1] for episode in episodes])
        actions = np.concatenate([episode.actions for episode in episodes])
        visits = _visits(observations, actions, self._data.action_space.n)
        of = np.repeat(np.arange(len(episodes)), [episode.length for episode in episodes])
        return ((visits - self._mean) / self._scale).astype(np.float32), of

    def _own_distance(self) -> float:
        sample = self._sample
        nearest = self._nearest(self._visits[sample], self._sources[sample])
        return float(np.quantile(nearest, WITHIN)) if np.isfinite(nearest).all() else np.inf

    def _nearest(self, visits: Array, sources: Array) -> Array:
        """(m,) distance of each visit to the nearest transition that is not of the whole episode in `sources` (m,)."""
        squares = (self._visits**2).sum(axis=1)
        nearest = np.empty(len(visits))
        for start in range(0, len(visits), CHUNK):
            some = visits[start : start + CHUNK]
            # |x − y|² − |x|², which is least where |x − y| is.
            distances = squares - 2.0 * (some @ self._visits.T)
            distances[self._sources == sources[start : start + CHUNK, None]] = np.inf
            at = distances.argmin(axis=1)
            gaps = np.sqrt(((some - self._visits[at]) ** 2).sum(axis=1, dtype=np.float64))
            nearest[start : start + CHUNK] = np.where(np.isfinite(distances.min(axis=1)), gaps, np.inf)
        return nearest

    def _weigh(self, visits: Array, of: Array) -> dict[str, float]:
        """Density ratios by a classifier of the policy's visits against the data's."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GroupKFold

        data, sources = self._visits[self._sample], self._sources[self._sample]
        groups = np.concatenate([of, of.max() + 1 + sources])
        labels = np.concatenate([np.ones(len(visits)), np.zeros(len(data))])
        if min(len(np.unique(of)), len(np.unique(sources))) < FOLDS:
            return {}
        both = np.concatenate([visits, data]).astype(np.float64)
        features = np.concatenate([np.clip(both, -FAR, FAR), fourier_features(both)], axis=1)
        chances = np.empty(len(both))
        for fitted, held_out in _folds(GroupKFold(FOLDS), labels, groups):
            classifier = LogisticRegression(solver="newton-cholesky").fit(features[fitted], labels[fitted])
            chances[held_out] = classifier.predict_proba(features[held_out])[:, 1]
        chances = np.clip(chances, CLIP, 1.0 - CLIP)
        weights = chances / (1.0 - chances) * len(data) / len(visits)
        on_data = weights[len(visits) :]
        return {
            "concentrability": float(np.quantile(weights[: len(visits)], 0.99)),
            "effective_share": float(on_data.sum() ** 2 / (len(on_data) * (on_data**2).sum())),
        }


def _folds(splitter: Any, labels: Array, groups: Array) -> list[tuple[Array, Array]]:
    """Split policy and data each on its own: every fold has both."""
    parts = [np.flatnonzero(labels == label) for label in (1.0, 0.0)]
    split = [list(splitter.split(part, groups=groups[part])) for part in parts]
    return [
        (
            np.concatenate([p[f] for p, (f, _) in zip(parts, pair, strict=True)]),
            np.concatenate([p[h] for p, (_, h) in zip(parts, pair, strict=True)]),
        )
        for pair in zip(*split, strict=True)
    ]


def _visits(observations: Array, actions: Array, choices: int) -> Array:
    """(n, d) float64; `choices` is the number of discrete actions, 0 where they are continuous."""
    states = observations.reshape(len(observations), -1).astype(np.float64)
    acted = np.eye(choices)[actions.astype(int)] if choices else actions.reshape(len(actions), -1).astype(np.float64)
    return np.concatenate([states, acted], axis=1)
