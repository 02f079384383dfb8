"""The map of policies: behaviors in the plane, as near to one another as two axes allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import eigh

from offline_bench.analysis.behavior.sketched import Sketched, gather_sketches
from offline_bench.analysis.findings import MapPoint, PolicyMap
from offline_bench.analysis.scores.leaderboard import label_algorithms

Array = npt.NDArray[np.float64]

AXES = 2
DIGITS = 4


def policy_map(frame: pd.DataFrame, sketches: Mapping[str, Sequence[float] | Array]) -> tuple[PolicyMap, ...]:
    """A map for each environment, of all its policies, in the order of dataset, curation, reward, algorithm and seed.

    frame, sketches as `gather_sketches` takes them. A map of several datasets has their environment's name, and its
    coverage says dataset and curation; sketches of two environments have nothing to do with each other.
    """
    labels = label_algorithms(set(frame["algorithm"]))
    return tuple(_draw(group, labels) for group in gather_sketches(frame, sketches))


def find_places(points: Array) -> tuple[Array, tuple[float, float]]:
    """Classical multidimensional scaling (Torgerson 1952): (n, 2) places, and each axis's share of squared distance.

    points (n, k) have the distances of policies between them: those of two sketches approximate the maximum mean
    discrepancy of the visits under a Gaussian kernel, see `sketch.py`. Gower's matrix of these distances is X Xᵀ, X the
    centered points, so its axes are X v, v the eigenvectors of Xᵀ X: no (n, n) matrix is formed.

    Rounded to 4 digits. On each axis the point farthest from the middle, the first of those within a millionth of it,
    has a positive place.
    """
    centered = points - points.mean(axis=0)
    count, features = centered.shape
    total = float(np.square(centered).sum())
    places, explained = np.zeros((count, AXES)), [0.0, 0.0]
    if min(count, features) < AXES or total <= 0.0:
        return places, (0.0, 0.0)
    values, vectors = eigh(centered.T @ centered, subset_by_index=(features - AXES, features - 1))
    for axis, at in enumerate(range(AXES - 1, -1, -1)):
        if values[at] <= 1e-12 * total:
            continue
        place = centered @ vectors[:, at]
        farthest = int(np.argmax(np.abs(place) >= (1.0 - 1e-6) * np.abs(place).max()))
        # Adding 0 turns −0.0 into 0.0.
        places[:, axis] = np.round(place * np.sign(place[farthest]), DIGITS) + 0.0
        explained[axis] = round(float(values[at]) / total, DIGITS)
    return places, (explained[0], explained[1])


def _draw(group: Sketched, labels: Mapping[str, str]) -> PolicyMap:
    places, explained = find_places(group.sketches)
    several = len(group.datasets) > 1
    points = []
    for (x, y), run in zip(places, group.runs.to_dict("records"), strict=True):
        coverage = f"{run['dataset']} / {run['curation']}" if several else str(run["curation"])
        who = str(run["key"]), float(x), float(y), coverage, str(run["relabeling"]), labels[str(run["algorithm"])]
        points.append(MapPoint(*who, int(run["seed"]), float(run["score"])))
    return PolicyMap(group.name, tuple(points), explained)
