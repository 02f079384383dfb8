"""What a policy does in an environment that shows its `TabularModel`: computed, where a roll-out would sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from offline_bench.environments.make import find_model
from offline_bench.environments.model import TabularModel
from offline_bench.evaluation.policy import EpisodicPolicy, Policy

Array = npt.NDArray[Any]

# The environment itself, beside its variants.
HERE = "here"
PREFIX = "exact"


@runtime_checkable
class TimedPolicy(Policy, Protocol):
    """A policy that depends on the step of the episode, from 0, and the observation, and on nothing else."""

    def act_at(self, step: int, observations: Array) -> Array: ...


def exact_outcomes(policy: Policy, environment: str) -> dict[str, float]:
    """What comes of the deterministic `policy` in `environment` and in its variants, by `exact.<variant>.<what>`.

    return     expected undiscounted true return over the horizon
    short      the highest that any policy has, less that: the distance to the exact answer
    differs    share of its steps at which its action is worse than the best for the rest of the episode
    P(event)   that the event takes place at least once

    The environment itself is the variant 'here'. Empty where the environment shows no model, and for a policy whose
    memory is more than the step it is at.
    """
    found = {}
    for name, model in find_places(policy, environment).items():
        outcomes = follow(model, ask(policy, model))
        found.update({f"{PREFIX}.{name}.{what}": value for what, value in outcomes.items()})
    return found


def find_places(policy: Policy, environment: str) -> dict[str, TabularModel]:
    """The models in which `policy` can be followed: of `environment`, by the name 'here', and of its variants.

    Empty where the environment shows none, and for a policy whose memory is more than the step it is at.
    """
    model = find_model(environment)
    if model is None or (isinstance(policy, EpisodicPolicy) and not isinstance(policy, TimedPolicy)):
        return {}
    found = {HERE: model}
    for name, place in model.variants.items():
        variant = find_model(place)
        if variant is None:
            raise ValueError(f"the variant {place} of {environment} shows no tabular model.")
        found[name] = variant
    return found


def ask(policy: Policy, model: TabularModel) -> Array:
    """(horizon, S) int64, the action of `policy` at each step in each state."""
    if isinstance(policy, TimedPolicy):
        return np.stack([policy.act_at(step, model.observations) for step in range(model.horizon)])
    return np.repeat(policy.act(model.observations)[None], model.horizon, axis=0)


def follow(model: TabularModel, actions: Array) -> dict[str, float]:
    """The outcomes of taking `actions` (horizon, S), named as in `exact_outcomes` without prefix."""
    choices = np.eye(model.n_actions)[actions]
    values = backward_induction(model, model.rewards)
    worse = values < values.max(axis=2, keepdims=True) - _tolerance(model.rewards, model.horizon)
    found = {"return": 0.0, "short": _highest_return(model, values)}
    visited, differing = 0.0, 0.0
    for step, flow in enumerate(_flows(model, choices, np.zeros(model.successors.shape, np.bool_))):
        found["return"] += float((flow * model.rewards).sum())
        visited += float(flow.sum())
        differing += float(flow[worse[step]].sum())
    found["short"] -= found["return"]
    found["differs"] = differing / visited
    return found | {f"P({name})": _chance(model, choices, event) for name, event in model.events.items()}


def backward_induction(model: TabularModel, rewards: Array) -> Array:
    """(horizon, S, A) the highest undiscounted sum of `rewards` (S, A, K) from a step on, its action given."""
    values = np.zeros((model.horizon, model.n_states, model.n_actions))
    ahead = np.zeros(model.n_states)
    for step in reversed(range(model.horizon)):
        values[step] = (model.probabilities * (rewards + ahead[model.successors])).sum(axis=2)
        ahead = np.where(model.terminal, 0.0, values[step].max(axis=1))
    return values


def best_actions(model: TabularModel, rewards: Array) -> Array:
    """(horizon, S, A) bool, the actions that are best for the rest of the episode, up to rounding."""
    values = backward_induction(model, rewards)
    best: Array = values >= values.max(axis=2, keepdims=True) - _tolerance(rewards, model.horizon)
    return best


def optimal_return(model: TabularModel) -> float:
    """The highest expected true return that any policy has."""
    return _highest_return(model, backward_induction(model, model.rewards))


def uniform_return(model: TabularModel) -> float:
    """The expected true return of drawing every action uniformly."""
    choices = np.full((model.horizon, model.n_states, model.n_actions), 1.0 / model.n_actions)
    flows = _flows(model, choices, np.zeros(model.successors.shape, np.bool_))
    return sum(float((flow * model.rewards).sum()) for flow in flows)


def _highest_return(model: TabularModel, values: Array) -> float:
    return float(model.initial @ values[0].max(axis=1))


def _flows(model: TabularModel, choices: Array, leaving: Array) -> Iterator[Array]:
    """(S, A, K) for each step, the chance of each outcome then; what left by an outcome of `leaving` is gone."""
    mass = model.initial
    for step in range(model.horizon):
        flow = (mass[:, None] * choices[step])[:, :, None] * model.probabilities
        yield flow
        staying = np.where(leaving, 0.0, flow)
        mass = np.bincount(model.successors.ravel(), staying.ravel(), minlength=model.n_states)
        mass = np.where(model.terminal, 0.0, mass)


def _chance(model: TabularModel, choices: Array, event: Array) -> float:
    return sum(float(flow[event].sum()) for flow in _flows(model, choices, event))


def _tolerance(rewards: Array, horizon: int) -> float:
    return 1e-9 * horizon * max(1.0, float(np.abs(rewards).max()))
