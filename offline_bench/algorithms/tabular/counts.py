"""`Table`: a dataset as counts over the distinct observations it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import EnvironmentMismatchError
from offline_bench.data.dataset import Dataset

Array = npt.NDArray[Any]

MOST_STATES = 10_000


@dataclass(frozen=True)
class States:
    """The states of a table: the distinct observations of a dataset, by the entries that vary in it.

    An entry that is the same in all of the data is one that nothing was learned of: states that differ in it alone
    are one state. columns (k,) are the entries that vary.
    """

    columns: Array
    number_of: dict[bytes, int]

    def __len__(self) -> int:
        return len(self.number_of)

    def find(self, observations: Array) -> Array:
        """The states (b,) of `observations` (b, size); -1 for one that the data does not hold."""
        rows = self.rows(observations)
        return np.array([self.number_of.get(row.tobytes(), -1) for row in rows], np.int64)

    def rows(self, observations: Array) -> Array:
        """The entries (b, k) of `observations` (b, size) that tell states apart."""
        # Adding 0 makes -0.0 what it equals.
        return np.ascontiguousarray(observations[:, self.columns].astype(np.float32) + np.float32(0.0))


@dataclass(frozen=True)
class Table:
    """Everything in a dataset that a tabular learner looks at. A pair is a state and an action, s * n_actions + a.

    visits       (pairs,) int64, how often each was taken
    rewards      (pairs,) float64, mean of the learner's rewards; 0 where never taken
    pair, onto   (m,) int64, the distinct transitions that do not end the task
    share        (m,) float64, their share of the pair's visits; what is lacking to 1 ended the task
    """

    states: States
    n_actions: int
    visits: Array
    rewards: Array
    pair: Array
    onto: Array
    share: Array

    @property
    def taken(self) -> Array:
        """(states, actions) int64, how often each action was taken in each state."""
        return self.visits.reshape(len(self.states), self.n_actions)


def tabulate(data: Dataset) -> Table:
    """Count `data`. Raises `EnvironmentMismatchError` for continuous actions, images, or too many observations."""
    check_countable(data)
    states = _find_states(data)
    at, onto = states.find(data.observations), states.find(data.next_observations)
    n_actions = data.action_space.n
    pairs = at * n_actions + data.actions
    visits = np.bincount(pairs, minlength=len(states) * n_actions)
    sums = np.bincount(pairs, data.rewards.astype(np.float64), minlength=len(visits))
    going_on = ~data.terminals
    distinct, counts = np.unique(pairs[going_on] * len(states) + onto[going_on], return_counts=True)
    pair = distinct // len(states)
    return Table(
        states=states,
        n_actions=n_actions,
        visits=visits,
        rewards=sums / np.maximum(visits, 1),
        pair=pair,
        onto=distinct % len(states),
        share=counts / visits[pair],
    )


def check_countable(data: Dataset) -> None:
    """Raise `EnvironmentMismatchError` for continuous actions or images."""
    if not data.action_space.discrete or data.observations.ndim != 2:
        raise EnvironmentMismatchError(
            f"dataset {data.id!r} has continuous actions or observations that are not vectors: "
            "tabular algorithms count discrete actions."
        )


def _find_states(data: Dataset) -> States:
    first = data.observations[0]
    varying = (data.observations != first).any(axis=0) | (data.next_observations != first).any(axis=0)
    # One entry is kept of observations that are all alike, so that there is a state.
    columns = np.flatnonzero(varying) if varying.any() else np.array([0])
    states = States(columns, {})
    for observations in (data.observations, data.next_observations):
        for row in np.unique(states.rows(observations), axis=0):
            states.number_of.setdefault(row.tobytes(), len(states))
    if len(states) > MOST_STATES:
        raise EnvironmentMismatchError(
            f"dataset {data.id!r} has {len(states)} distinct observations, and a table takes at most {MOST_STATES}: "
            "tabular algorithms are for grids."
        )
    return states
