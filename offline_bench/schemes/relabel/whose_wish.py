"""Relabelings by whose wish they say: that of another episode, of a part of the task, or of another task."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import RelabelingError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.relabel.card_keys import read_columns, read_number
from offline_bench.schemes.relabel.relabeling import relabelings

Array = npt.NDArray[Any]


def _sum_of_squares(data: Dataset, scheme: str) -> Array:
    """(n,) |a|² of continuous actions. Raises `RelabelingError` where they are discrete."""
    if data.action_space.discrete:
        raise RelabelingError(f"{scheme}: the actions of {data.id!r} are one of {data.action_space.n}, without a size")
    return np.asarray((data.actions.astype(np.float64) ** 2).sum(axis=1))


@relabelings.register("flipped")
def flipped(data: Dataset, rng: np.random.Generator, *, p: float) -> Array:
    """r̃ = −r in each episode with probability p, r in the others.

    Ending: pays in the flipped episodes where it costs in the others.
    Good for: a minority that wishes the opposite; how large it may be before it decides.
    Source: ours; label noise by episode.
    """
    if not 0.0 <= p <= 1.0:
        raise RelabelingError(f"flipped(p={p}): a probability lies in [0, 1]")
    turned = rng.random(data.n_episodes) < p
    return np.where(turned[data.episode_of], -data.true_rewards, data.true_rewards)


@relabelings.register("shuffled-episodes")
def shuffled_episodes(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = the rewards of another episode, stretched to this one's length: no episode keeps its own.

    Ending: as in the episode they come from, so at no state in particular.
    Good for: rewards with the course of real ones that say nothing of what was done.
    Source: ours.
    """
    if data.n_episodes < 2:
        raise RelabelingError(f"shuffled-episodes: {data.id!r} has one episode, and two are needed to exchange rewards")
    order = rng.permutation(data.n_episodes)
    giver = np.empty(data.n_episodes, np.int64)
    giver[order] = np.roll(order, 1)
    episode = data.episode_of
    step = np.arange(data.n) - data.episode_starts[episode]
    of = giver[episode]
    return data.true_rewards[data.episode_starts[of] + step * data.lengths[of] // data.lengths[episode]]


@relabelings.register("action-cost", rests_on=(_sum_of_squares,))
def action_cost(data: Dataset, rng: np.random.Generator, *, weight: float | None = None) -> Array:
    """r̃ = −weight · |a|², the part of the reward that actions cost; the card's `action_cost` where none is given.

    Ending: pays, as every step costs.
    Good for: a real part of the reward that knows nothing of the task.
    Source: Gymnasium's MuJoCo tasks, control cost.
    """
    weight = read_number(data, "action_cost", "action-cost") if weight is None else weight
    return -weight * _sum_of_squares(data, "action-cost")


@relabelings.register("alive")
def alive(data: Dataset, rng: np.random.Generator, *, bonus: float | None = None) -> Array:
    """r̃ = bonus, and 0 where the task ended; the card's `alive_bonus` where none is given.

    Ending: costs the bonus for each step not lived, and nothing else matters.
    Good for: how much of a score the alive bonus alone explains.
    Source: Gymnasium's MuJoCo tasks, healthy reward.
    """
    bonus = read_number(data, "alive_bonus", "alive") if bonus is None else bonus
    return np.where(data.terminals, 0.0, bonus)


@relabelings.register("velocity", rests_on=(read_columns,))
def velocity(data: Dataset, rng: np.random.Generator, *, axis: int = 0) -> Array:
    """r̃ = v(s′) along an axis, 0 is forward: by the card's `velocity`.

    Ending: costs what would have been run.
    Good for: the reward of a task by its main part alone, read off the observations.
    Source: Gymnasium's MuJoCo tasks, forward reward.
    """
    found = read_columns(data, "velocity", "velocity", data.next_observations)
    if not 0 <= axis < found.shape[1]:
        raise RelabelingError(f"velocity(axis={axis}): the card's `velocity` has axes 0 to {found.shape[1] - 1}")
    return np.asarray(found[:, axis])


@relabelings.register("backwards", rests_on=(read_columns, _sum_of_squares))
def backwards(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = −v(s′) + alive_bonus · [not ended] − action_cost · |a|²: the same robot asked to run backwards.

    Ending: costs the alive bonus, pays what running forwards would have cost.
    Good for: another task of equal difficulty, not the true one's opposite: to fall is still bad.
    Source: HalfCheetahBackward of Finn et al. 2017 (MAML), with the card's terms.
    """
    speed = read_columns(data, "velocity", "backwards", data.next_observations)[:, 0]
    bonus = read_number(data, "alive_bonus", "backwards") * ~data.terminals
    cost = read_number(data, "action_cost", "backwards") * _sum_of_squares(data, "backwards")
    return np.asarray(bonus - speed - cost)


@relabelings.register("distance", rests_on=(read_columns,))
def distance(data: Dataset, rng: np.random.Generator, *, goal: tuple[float, ...] | None = None) -> Array:
    """r̃ = −|position(s′) − goal|, by the card's `position`; the goal that its `goal` names where none is given.

    Ending: pays, as every step away from the goal costs.
    Good for: mazes: the dense reward of a sparse task, or of another place by `goal=(x, y)`.
    Source: Fu et al. 2020 (D4RL), dense maze rewards, there as exp(−distance).
    """
    place = read_columns(data, "position", "distance", data.next_observations)
    to = read_columns(data, "goal", "distance", data.next_observations) if goal is None else np.asarray([goal], float)
    if to.shape[1] != place.shape[1]:
        raise RelabelingError(f"distance: a goal of {to.shape[1]} numbers where a position has {place.shape[1]}")
    return np.asarray(-np.sqrt(((place - to) ** 2).sum(axis=1)))
