"""Relabelings that should change nothing: what is best under them is what is best under the true reward."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import RelabelingError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.relabel.relabeling import relabelings

Array = npt.NDArray[Any]


DISCOUNT = 0.99  # that of the learners


@relabelings.register("placebo")
def placebo(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = r, under another name.

    Ending: as the task means it.
    Good for: what the treatment itself does: nothing, so any difference from `original` is a fault.
    Source: ours, after clinical trials.
    """
    return data.true_rewards.copy()


@relabelings.register("affine")
def affine(
    data: Dataset, rng: np.random.Generator, *, scale: float = 1.0, shift: float = 0.0, discount: float = DISCOUNT
) -> Array:
    """r̃ = scale · r + shift, and shift / (1 − discount) instead of shift where the task ended.

    Ending: as the task means it: the end pays the shift of all steps not lived at once.
    Good for: a control: every policy's value becomes scale · V + shift / (1 − discount); what changes is the learner's
    conditioning.
    Source: Ng et al. 1999, section 3, with the terminal step corrected.
    """
    if scale <= 0:
        raise RelabelingError(f"affine(scale={scale}): a scale above 0 keeps the order of policies, others do not")
    _refuse_no_discount("affine", discount)
    return scale * data.true_rewards + np.where(data.terminals, shift / (1.0 - discount), shift)


@relabelings.register("shaped")
def shaped(
    data: Dataset,
    rng: np.random.Generator,
    *,
    potential: tuple[float, ...] | None = None,
    discount: float = DISCOUNT,
) -> Array:
    """r̃ = r + discount · Φ(s′) − Φ(s), Φ(s) = potential · (s − s̄), and Φ(s′) = 0 where the task ended.

    Where no potential is given, a weight for each number of an observation is drawn: N(0, 1 / d) over its deviation.

    Ending: as the task means it: what is left of Φ is paid back at the end.
    Good for: a control that looks like another reward step by step, and has the same best policies.
    Source: Ng et al. 1999, theorem 1.
    """
    _refuse_no_discount("shaped", discount)
    states = data.observations.reshape(data.n, -1).astype(np.float64)
    mean, deviation = states.mean(axis=0), states.std(axis=0)
    if potential is None:
        drawn = rng.standard_normal(len(mean)) / np.sqrt(max(len(mean), 1))
        weights = drawn / np.where(deviation > 0, deviation, 1.0)
    else:
        weights = np.asarray(potential, np.float64)
    if weights.shape != mean.shape:
        raise RelabelingError(
            f"shaped: a potential of {weights.size} weights, where observations of {data.id!r} have {mean.size} numbers"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        here = (states - mean) @ weights
        ahead = (data.next_observations.reshape(data.n, -1) - mean) @ weights
    bad = np.flatnonzero(~(np.isfinite(here) & np.isfinite(ahead)))
    if len(bad):
        raise RelabelingError(f"shaped: the potential is not finite at row {bad[0]}: choose smaller weights")
    return np.asarray(data.true_rewards + discount * np.where(data.terminals, 0.0, ahead) - here)


def _refuse_no_discount(name: str, discount: float) -> None:
    if not 0.0 <= discount < 1.0:
        raise RelabelingError(f"{name}(discount={discount}): a discount lies in [0, 1)")
