"""`TabularModel`: a finite decision process written out, so that what a policy does in it can be computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.environments.layout import Layout

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class TabularModel:
    """S states, A actions, and at most K outcomes of each action. All arrays are read-only once it is made.

    observations    (S, size) float32, what each state shows: no two rows are equal
    successors      (S, A, K) int64, where an outcome leads; no two outcomes of one action lead to the same state
    probabilities   (S, A, K) float64, summing to 1 over K; an outcome of probability 0 fills up
    rewards         (S, A, K) float64, the true reward of an outcome
    terminal        (S,) bool, whether arriving here ends the episode
    initial         (S,) float64, where an episode starts
    horizon         steps after which the clock runs out
    events          name to (S, A, K) bool, the outcomes that are the event
    variants        name to Gymnasium id: the same but for where episodes start
    layout          the grid on which it takes place; None where there is none to draw
    cells           (S,) int64, the cell of the layout on which the agent stands in each state

    Raises `ValueError` where the arrays contradict each other.
    """

    observations: Array
    successors: Array
    probabilities: Array
    rewards: Array
    terminal: Array
    initial: Array
    horizon: int
    events: Mapping[str, Array]
    variants: Mapping[str, str] = field(default_factory=dict)
    layout: Layout | None = None
    cells: Array = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        _validate(self)
        object.__setattr__(self, "events", MappingProxyType(dict(self.events)))
        object.__setattr__(self, "variants", MappingProxyType(dict(self.variants)))
        arrays = (self.observations, self.successors, self.probabilities, self.rewards, self.terminal, self.initial)
        for array in (*arrays, self.cells, *self.events.values()):
            array.flags.writeable = False

    @property
    def n_states(self) -> int:
        return int(self.successors.shape[0])

    @property
    def n_actions(self) -> int:
        return int(self.successors.shape[1])

    def states_of(self, observations: Array) -> Array:
        """The states (b,) int64 that show `observations` (b, size). Raises `ValueError` for what no state shows."""
        try:
            return np.array([self._state_of[row.tobytes()] for row in np.asarray(observations, np.float32)], np.int64)
        except KeyError:
            raise ValueError("an observation belongs to no state of the model.") from None

    @cached_property
    def _state_of(self) -> dict[bytes, int]:
        return {row.tobytes(): state for state, row in enumerate(self.observations)}


def _validate(model: TabularModel) -> None:
    shape = model.successors.shape
    if len(shape) != 3 or any(part.shape != shape for part in (model.probabilities, model.rewards)):
        raise ValueError(f"successors, probabilities and rewards must have one shape (S, A, K): {shape} and others.")
    if any(outcomes.shape != shape or outcomes.dtype != np.bool_ for outcomes in model.events.values()):
        raise ValueError(f"an event is not a bool array of shape {shape}.")
    if model.observations.dtype != np.float32 or len(np.unique(model.observations, axis=0)) != shape[0]:
        raise ValueError("observations are not one distinct float32 row per state.")
    if model.terminal.shape != shape[:1] or model.initial.shape != shape[:1] or model.horizon < 1:
        raise ValueError("terminal and initial are not of shape (S,), or the horizon is below 1.")
    if not np.allclose(model.probabilities.sum(axis=2), 1.0) or not np.isclose(model.initial.sum(), 1.0):
        raise ValueError("probabilities do not sum to 1 over the outcomes of an action, or initial does not.")
    if (model.probabilities < 0).any() or (model.initial < 0).any() or model.initial[model.terminal].any():
        raise ValueError("a probability is negative, or an episode starts where it has ended.")
    if model.successors.min() < 0 or model.successors.max() >= shape[0]:
        raise ValueError("successors leave the states.")
    if model.layout is not None and (
        model.cells.shape != shape[:1] or model.cells.min() < 0 or model.cells.max() >= model.layout.size
    ):
        raise ValueError("cells do not name a cell of the layout for each state.")
    _check_distinct(model)


def _check_distinct(model: TabularModel) -> None:
    for one in range(model.successors.shape[2]):
        for other in range(one):
            same = model.successors[:, :, one] == model.successors[:, :, other]
            if (same & (model.probabilities[:, :, one] > 0) & (model.probabilities[:, :, other] > 0)).any():
                raise ValueError("two outcomes of one action lead to the same state.")
