"""`Coverage`: every number on how a dataset covers its task, measured at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.data.coverage.cells import (
    Cells,
    conditional_entropy,
    count_distinct,
    is_tabular,
    row_keys,
    saco,
    state_keys,
)
from offline_bench.data.coverage.neighbors import action_entropy, action_spread, knn_entropy, scale_to_box
from offline_bench.data.coverage.points import (
    Moments,
    effective_dimension,
    independent_columns,
    measure_moments,
    states_of,
    visits_of,
)
from offline_bench.data.coverage.quality import Endings, Quality, measure_endings, measure_quality
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.cards import Task

Array = npt.NDArray[Any]

SAMPLE = 20_000  # rows for what needs nearest neighbors, whose time grows with the square in many dimensions


@dataclass(frozen=True)
class Spread:
    """Where states and actions lie. s is standardized by the dataset's mean and deviation, and so is (s, a).

    A column that is one value everywhere is left out of all, and out of the entropies one that follows linearly from
    those before it (`independent_columns`), which would leave no density.

    distinct_states              different observations, bit by bit
    state_entropy                `knn_entropy` of s, nats: how evenly it fills its own extent
    state_entropy_on_task_scale  of s by the task's deviations instead, so that sets of one task compare; see there
    visit_entropy                `knn_entropy` of (s, a); None for discrete actions
    state_dimension              `effective_dimension` of s
    visit_dimension              of (s, a); None for discrete actions
    action_spread                `action_spread` of a on the box [−1, 1] near s; None for discrete actions
    action_entropy               of a given s: `conditional_entropy` where states repeat as on a grid (less than half
                                 are distinct), else `action_entropy` of a near s; None for continuous actions
    saco                         `saco` against `reference`; None without one
    reference                    the id of the reference set; '' without one
    sampled                      rows the numbers from neighbors were measured on
    """

    distinct_states: int
    state_entropy: float | None
    state_entropy_on_task_scale: float | None
    visit_entropy: float | None
    state_dimension: float | None
    visit_dimension: float | None
    action_spread: float | None
    action_entropy: float | None
    saco: float | None
    reference: str
    sampled: int


@dataclass(frozen=True)
class Coverage:
    """How a dataset covers its task; what is undefined is None, never 0 and never NaN. No learner's reward counts.

    action_size  numbers in an action; 0 where actions are discrete, one of `action_choices`, itself 0 otherwise
    """

    dataset: str
    environment: str
    task: str
    curation: str
    fingerprint: str
    transitions: int
    episodes: int
    observation_shape: tuple[int, ...]
    action_size: int
    action_choices: int
    quality: Quality
    endings: Endings
    spread: Spread


def measure_coverage(
    data: Dataset, task: Task | None, reference: Cells | None, rng: np.random.Generator, moments: Moments | None = None
) -> Coverage:
    """All numbers on `data`; without a task no score is normalized, without a reference there is no SACo.

    moments  those of the states, where they are known already
    Each number draws from a stream of its own, so a reference changes no other number. Raises what `saco` raises.
    """
    discrete = data.action_space.discrete
    return Coverage(
        dataset=data.id,
        environment=data.environment,
        task=task.name if task else "",
        curation=data.curation,
        fingerprint=data.fingerprint,
        transitions=data.n,
        episodes=data.n_episodes,
        observation_shape=data.observations.shape[1:],
        action_size=0 if discrete else data.actions.shape[1],
        action_choices=data.action_space.n,
        quality=measure_quality(data, task),
        endings=measure_endings(data),
        spread=_measure_spread(data, task, reference, rng, moments or measure_moments(states_of(data))),
    )


def standard_entropy(standard: Array, moments: Moments) -> float | None:
    """`knn_entropy` of points (m, v) standardized by `moments`, without columns that follow from the others."""
    return knn_entropy(standard[:, independent_columns(moments)])


def entropy_on_task_scale(entropy: float | None, moments: Moments, task: Task | None) -> float | None:
    """`entropy`, of states standardized by the dataset's own deviations σ, at the task's: + Σ ln (σ_j / σ_task,j).

    Over the columns that `standard_entropy` has taken.

    That is what scaling its coordinates does to a differential entropy. None where the task has no scale of its
    states, and where a number of the observation does not vary: the set is then flat in the space of the task.
    """
    if entropy is None or task is None or not moments.varies.all():
        return None
    scale = np.asarray(task.observation_scale, np.float64)
    if scale.shape != moments.deviation.shape:
        return None
    return entropy + float(np.log(moments.deviation / scale)[independent_columns(moments)].sum())


def _measure_spread(
    data: Dataset, task: Task | None, reference: Cells | None, rng: np.random.Generator, moments: Moments
) -> Spread:
    for_neighbors, for_saco = rng.spawn(2)
    which = for_neighbors.permutation(data.n)[:SAMPLE]
    states = moments.standardize(states_of(data).rows(which))
    entropy = standard_entropy(states, moments)
    keys = state_keys(data)
    distinct = count_distinct(keys)
    visits = None if data.action_space.discrete else measure_moments(visits_of(data))
    return Spread(
        distinct_states=distinct,
        state_entropy=entropy,
        state_entropy_on_task_scale=entropy_on_task_scale(entropy, moments, task),
        visit_entropy=standard_entropy(visits.standardize(visits_of(data).rows(which)), visits) if visits else None,
        state_dimension=effective_dimension(moments),
        visit_dimension=effective_dimension(visits) if visits else None,
        action_spread=action_spread(states, scale_to_box(data.actions[which], data.action_space)) if visits else None,
        action_entropy=None if visits else _choice(data, keys, distinct, states, data.actions[which]),
        saco=None if reference is None else saco(data, reference, for_saco),
        reference=reference.id if reference else "",
        sampled=len(which),
    )


def _choice(data: Dataset, keys: Array, distinct: int, states: Array, actions: Array) -> float | None:
    if is_tabular(data.n, distinct):
        return conditional_entropy(keys, row_keys(data))
    return action_entropy(states, actions)
