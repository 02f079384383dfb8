"""The walk of a policy through a grid where no step slips: what it means to do, cell by cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.environments.model import TabularModel
from offline_bench.evaluation.exact import ask, find_places
from offline_bench.evaluation.policy import Policy

Array = npt.NDArray[Any]
DIGITS = 4


@dataclass(frozen=True)
class Walk:
    """The walks from all starts of an environment together; a share is the chance of the starts whose walk has it.

    legs   (from, to) to the share whose walk goes from the one cell to the other, at least once
    ends   the cell to the share whose walk ends there: the episode does, or its last step
    """

    legs: dict[tuple[int, int], float]
    ends: dict[int, float]


def walk(policy: Policy, environment: str) -> dict[str, Walk]:
    """The walk of the deterministic `policy` in `environment`, by the name 'here', and in each of its variants.

    Every step has its most probable outcome, so nothing is drawn. Empty where the environment shows no grid.
    """
    places = find_places(policy, environment)
    return {name: _walk(model, ask(policy, model)) for name, model in places.items() if model.layout is not None}


def _walk(model: TabularModel, actions: Array) -> Walk:
    legs: dict[tuple[int, int], float] = defaultdict(float)
    ends: dict[int, float] = defaultdict(float)
    for start in np.flatnonzero(model.initial):
        cells = [int(model.cells[state]) for state in _visit(model, actions, int(start))]
        for leg in {(one, other) for one, other in pairwise(cells) if one != other}:
            legs[leg] += float(model.initial[start])
        ends[cells[-1]] += float(model.initial[start])
    return Walk(
        {leg: round(share, DIGITS) for leg, share in sorted(legs.items())},
        {cell: round(share, DIGITS) for cell, share in sorted(ends.items())},
    )


def _visit(model: TabularModel, actions: Array, state: int) -> Iterator[int]:
    """The states from `state` on, each the most probable outcome of the action taken in the one before."""
    yield state
    for step in range(model.horizon):
        action = actions[step, state]
        state = int(model.successors[state, action, model.probabilities[state, action].argmax()])
        yield state
        if model.terminal[state]:
            return
