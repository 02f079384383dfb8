"""Going for an event in an environment that shows its tabular model: the behaviors of the grids."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.behaviors.scripted import Behavior, behaviors
from offline_bench.core.errors import EnvironmentMismatchError, SpecError
from offline_bench.core.registry import unknown_name
from offline_bench.environments.make import find_model
from offline_bench.environments.model import TabularModel

Array = npt.NDArray[Any]


@behaviors.register("seek")
def seek(
    environment: str,
    rng: np.random.Generator,
    *,
    event: str,
    avoid: str = "",
    careful: bool = False,
    noise: float = 0.0,
) -> Behavior:
    """The shortest way to `event`, were every action to have its likeliest outcome; equals are drawn from.

    No way leads through the event `avoid`; a careful one passes no state from which a slip would be it. A share
    `noise` of the actions is drawn uniformly instead.

    Raises `EnvironmentMismatchError` for an environment without a model, `SpecError` for an event it does not have.
    """
    model = find_model(environment)
    if model is None:
        raise EnvironmentMismatchError(
            f"behavior seek: {environment} shows no tabular model, and the behavior needs one to find its way."
        )
    for name in (event, *([avoid] if avoid else [])):
        if name not in model.events:
            raise SpecError(f"behavior seek: {unknown_name(f'event of {environment}', name, model.events)}")
    if not 0.0 <= noise <= 1.0:
        raise SpecError(f"behavior seek: noise must be a share in [0, 1], not {noise!r}")
    shortest = _shortest(model, event, avoid, careful)

    def act_in(episodes: Array, observations: Array) -> Array:
        weights = rng.random((len(observations), model.n_actions)) * shortest[model.states_of(observations)]
        random = rng.integers(model.n_actions, size=len(observations))
        return np.where(rng.random(len(observations)) < noise, random, weights.argmax(axis=1))

    return act_in


def _shortest(model: TabularModel, event: str, avoid: str, careful: bool) -> Array:
    """(S, A) bool, the actions that are a first step of a shortest way; all of them where no way leads there."""
    likeliest = model.probabilities.argmax(axis=2)[:, :, None]
    onto = np.take_along_axis(model.successors, likeliest, axis=2)[:, :, 0]
    there = np.take_along_axis(model.events[event], likeliest, axis=2)[:, :, 0]
    closed = np.zeros(onto.shape, np.bool_)
    if avoid:
        risky: Array = np.asarray((model.events[avoid] & (model.probabilities > 0)).any(axis=(1, 2)))
        closed = np.take_along_axis(model.events[avoid], likeliest, axis=2)[:, :, 0] | (careful & risky[onto])
    distance = np.full(model.n_states, np.inf)
    while True:
        through = 1.0 + np.where(there, 0.0, np.where(model.terminal, np.inf, distance)[onto])
        through = np.where(closed, np.inf, through)
        nearer = through.min(axis=1)
        if np.array_equal(nearer, distance):
            first: Array = through == nearer[:, None]
            return first
        distance = nearer
