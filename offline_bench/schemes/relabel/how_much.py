"""Relabelings by how much is said of the true reward: rarely, late, coarsely, or with gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import RelabelingError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.relabel.relabeling import relabelings

Array = npt.NDArray[Any]


def _pay_at(data: Dataset, places: Array) -> Array:
    """(n,) 0 but at `places`, ascending, the last of which is n − 1: there the true rewards since the one before."""
    rewards = np.zeros(data.n)
    starts = np.concatenate([[0], places[:-1] + 1])
    rewards[places] = np.add.reduceat(data.true_rewards.astype(np.float64), starts)
    return rewards


def _refuse_no_share(name: str, share: float, key: str = "p") -> None:
    if not 0.0 <= share <= 1.0:
        raise RelabelingError(f"{name}({key}={share}): a share lies in [0, 1]")


@relabelings.register("sparse")
def sparse(data: Dataset, rng: np.random.Generator, *, p: float) -> Array:
    """r̃ = r on a random share p of the transitions, 0 on the others.

    Ending: as the task means it, p times as much.
    Good for: how few true rewards will do where the rest counts as 0.
    Source: Yu et al. 2022 (UDS), by transition.
    """
    _refuse_no_share("sparse", p)
    return np.where(rng.random(data.n) < p, data.true_rewards, np.float32(0.0))


@relabelings.register("missing-as-min")
def missing_as_min(data: Dataset, rng: np.random.Generator, *, p: float) -> Array:
    """r̃ = min r on a random share p of the transitions, r on the others.

    Ending: as the task means it, less where min r is below 0.
    Good for: a cautious guess for what was not labeled, beside the 0 of `sparse`.
    Source: ours, the pessimistic counterpart of Yu et al. 2022 (UDS).
    """
    _refuse_no_share("missing-as-min", p)
    return np.where(rng.random(data.n) < p, data.true_rewards.min(), data.true_rewards)


@relabelings.register("delayed", rests_on=(_pay_at,))
def delayed(data: Dataset, rng: np.random.Generator, *, k: int) -> Array:
    """r̃ₜ = the true rewards since the last payment, paid at every k-th step and where the episode ends; else 0.

    Ending: brings the next payment forward.
    Good for: how far back a learner can credit what it is paid.
    Source: Oh et al. 2018 (delayed MuJoCo); Zheng et al. 2018.
    """
    if k < 1:
        raise RelabelingError(f"delayed(k={k}): a payment comes after one step at least")
    step = np.arange(data.n) - data.episode_starts[data.episode_of]
    pays = (step + 1) % k == 0
    pays[data.episode_ends] = True
    return _pay_at(data, np.flatnonzero(pays))


@relabelings.register("episodic", rests_on=(_pay_at,))
def episodic(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ₜ = the return of the episode at its last transition, 0 before.

    Ending: is what is paid for, by all that came before.
    Good for: a score at the end as the only word; learners without trajectories cannot share it out.
    Source: Gangwani et al. 2020; Ren et al. 2022 (RRD).
    """
    return _pay_at(data, data.episode_ends)


@relabelings.register("sign")
def sign(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = −1, 0 or 1, the sign of r.

    Ending: an alive bonus of 1 where every true reward is positive.
    Good for: whether it is known that a step is good, not how good.
    Source: Mnih et al. 2015, whose clipping to [−1, 1] is this for whole numbers.
    """
    return np.sign(data.true_rewards)


@relabelings.register("quantized")
def quantized(data: Dataset, rng: np.random.Generator, *, levels: int) -> Array:
    """r̃ = r rounded to the nearest of `levels` values, evenly spaced from min r to max r.

    Ending: as the task means it, rounded.
    Good for: grades instead of numbers, as people give them.
    Source: ours.
    """
    if levels < 2:
        raise RelabelingError(f"quantized(levels={levels}): two levels at least, min r and max r")
    rewards = data.true_rewards.astype(np.float64)
    span = rewards.max() - rewards.min()
    grade = np.rint((rewards - rewards.min()) / (span if span > 0 else 1.0) * (levels - 1))
    return np.asarray(rewards.min() + grade / (levels - 1) * span)


@relabelings.register("clipped")
def clipped(data: Dataset, rng: np.random.Generator, *, low: float, high: float) -> Array:
    """r̃ = min(max(r, low), high).

    Ending: as the task means it within the bounds; with low ≥ 0 it never pays.
    Good for: what the extremes of a reward decide; as a second stage, keeping noise in bounds.
    Source: Mnih et al. 2015 with [−1, 1].
    """
    if low > high:
        raise RelabelingError(f"clipped(high={high}, low={low}): low is above high")
    return np.clip(data.true_rewards, low, high)


@relabelings.register("binary")
def binary(data: Dataset, rng: np.random.Generator, *, quantile: float) -> Array:
    """r̃ = 1 where r is at least its `quantile`, 0 elsewhere.

    Ending: costs what good steps would have paid.
    Good for: success or not, as sparse tasks and classifiers say it.
    Source: ours; success labels as in Fu et al. 2018 (VICE).
    """
    _refuse_no_share("binary", quantile, "quantile")
    return np.asarray(data.true_rewards >= np.quantile(data.true_rewards, quantile))
