"""Numbers from nearest neighbors: how widely states are spread, and how freely actions are chosen near a state."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.data.dataset import ActionSpace

Array = npt.NDArray[Any]

NEIGHBOR = 5  # the k of the entropy
NEIGHBORHOOD = 20  # states whose actions are compared; twice the number of action columns where that is more
PLACES = 5_000  # states around which actions are compared
FLOOR = 1e-6  # ε: deviations below a thousandth of half the action box count as none


def knn_entropy(points: Array, k: int = NEIGHBOR) -> float | None:
    """Differential entropy of (n, d) float64 points in nats, ψ(n) − ψ(k) + ln V_d + (d/n) Σ ln r_k(i).

    r_k(i) is the distance from i to its k-th neighbor, itself not counted, and V_d = π^(d/2) / Γ(d/2 + 1). None where
    n ≤ k, where d = 0, and where some point has k others in the very same place: what repeats itself has no density,
    and the estimate would be −∞. Source: Kozachenko & Leonenko 1987, with the k of Kraskov et al. 2004.
    """
    n, d = points.shape
    if n <= k or d == 0:
        return None
    from scipy.special import digamma, gammaln

    distances = _query(points, points, k + 1)[0][:, k]
    if not distances.all():
        return None
    volume = d / 2 * np.log(np.pi) - gammaln(d / 2 + 1)
    return float(digamma(n) - digamma(k) + volume + d * np.log(distances).mean())


def action_spread(states: Array, actions: Array, k: int = NEIGHBORHOOD, floor: float = FLOOR) -> float | None:
    """Mean over states of ½ ln det(C + εI), C the covariance of the actions at the k nearest states.

    states (n, d), actions (n, a), both float64, in random order: the first 5,000 are looked at, each its own first
    neighbor, each among all n. Low is near-deterministic behavior, the proxy of expert bias. k is at least 2a. None
    where n < k or where there is nothing to be near in (d = 0). Source: ours.
    """
    k = max(k, 2 * actions.shape[1])
    if len(states) < k or states.shape[1] == 0:
        return None
    near = actions[_query(states, states[:PLACES], k)[1]]
    near = near - near.mean(axis=1, keepdims=True)
    covariance = near.transpose(0, 2, 1) @ near / (k - 1) + floor * np.eye(actions.shape[1])
    return float(0.5 * np.linalg.slogdet(covariance)[1].mean())


def action_entropy(states: Array, actions: Array, k: int = NEIGHBORHOOD) -> float | None:
    """`action_spread` for discrete actions (n,): mean Shannon entropy of those at the k nearest states.

    In nats, 0 where every neighborhood agrees. Twenty draws show somewhat less than there is: of m equally likely
    actions about (m − 1) / 2k too little.
    """
    if len(states) < k or states.shape[1] == 0:
        return None
    near = actions[_query(states, states[:PLACES], k)[1]]
    shares = np.stack([(near == action).mean(axis=1) for action in np.unique(actions)])
    logarithms = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return float(-(shares * logarithms).sum(axis=0).mean()) + 0.0


def scale_to_box(actions: Array, space: ActionSpace) -> Array:
    """Actions (n, a) with the box of the space at [−1, 1]; a column without finite bounds stays as it is."""
    with np.errstate(over="ignore", invalid="ignore"):
        half = (space.high.astype(np.float64) - space.low) / 2
        middle = (space.high.astype(np.float64) + space.low) / 2
    bounded = np.isfinite(half) & (half > 0)
    return np.asarray((actions - np.where(bounded, middle, 0.0)) / np.where(bounded, half, 1.0))


def _query(points: Array, places: Array, k: int) -> tuple[Array, Array]:
    """Distances to and indices of the k points nearest to each place, both (m, k). All processors, same result."""
    from scipy.spatial import cKDTree

    # Splits in the middle, not at the median: many equal points do not slow them down.
    found: tuple[Array, Array] = cKDTree(points, balanced_tree=False).query(places, k=k, workers=-1)
    return found
