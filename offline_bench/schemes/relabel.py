"""Relabelings: what reward each transition carries. Nothing else can change.

A relabeling is a pure function `(data, rng, *, parameters) -> rewards (n,)`. It is handed read-only arrays and
returns rewards; `relabel` attaches them, sharing every other array of the dataset.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import OfflineBenchError, RelabelingError
from offline_bench.core.registry import Registry
from offline_bench.core.seeds import relabeling_rng
from offline_bench.data.dataset import Dataset, is_write, protect
from offline_bench.data.seal import watch

Array = npt.NDArray[Any]

relabelings: Registry[Callable[..., Array]] = Registry("relabeling", handed=2)


def relabel(data: Dataset, text: str, seed: int) -> Dataset:
    """`data` with the rewards that the relabeling `text` gives, drawn from the relabeling stream of `seed`.

    Raises `RelabelingError`, with the relabeling's name and what it did, where it returned the wrong shape, a type
    that is no number or values that are not finite, tried to write into the data or did so, or raised; `SpecError` and
    `UnknownNameError` where `text` names none.
    """
    component = relabelings.bind(text)
    name = str(component)
    try:
        with watch(data, partial(_changed, name)):
            # A copy of the frame around the same arrays: whatever is done to its attributes stays there.
            returned = np.asarray(component(copy(data), relabeling_rng(seed)))
    except OfflineBenchError:
        raise
    except Exception as error:
        what = "tried to write into the data" if is_write(error) else "raised"
        raise RelabelingError(f"relabeling {name} {what}: {type(error).__name__}: {error}") from error
    return data.with_rewards(_checked(returned, name, data.n), name)


def _changed(name: str, what: str) -> RelabelingError:
    return RelabelingError(f"relabeling {name} changed the data it was given: return rewards only (changed: {what})")


def _checked(rewards: Array, name: str, n: int) -> Array:
    if rewards.shape != (n,):
        raise RelabelingError(f"relabeling {name} returned shape {rewards.shape}: one reward per transition is ({n},)")
    if rewards.dtype.kind not in "fiub":
        raise RelabelingError(f"relabeling {name} returned dtype {rewards.dtype}: rewards are numbers")
    with np.errstate(over="ignore"):
        rewards = rewards.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(rewards))
    if len(bad):
        first = f"the first at row {bad[0]}: {rewards[bad[0]]}"
        raise RelabelingError(f"relabeling {name} returned {len(bad)} rewards that are not finite, {first}")
    return protect(rewards)


@relabelings.register("original")
def original(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = r, the true reward."""
    return data.true_rewards


@relabelings.register("zero")
def zero(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = 0. Source: Li et al. 2023."""
    return np.zeros(data.n, np.float32)


@relabelings.register("random")
def random(data: Dataset, rng: np.random.Generator, *, low: float = 0.0, high: float = 1.0) -> Array:
    """r̃ ~ U[low, high], drawn once per transition. Source: Li et al. 2023 with [0, 1].

    With [0, 1] every step alive pays 0.5 on average; random(low=-0.5, high=0.5) pays none.
    """
    if low > high:
        raise RelabelingError(f"random(high={high}, low={low}): low is above high")
    return rng.uniform(low, high, data.n)


@relabelings.register("negative")
def negative(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = −r. Source: Li et al. 2023. Where a terminal stops a stream of costs, it rewards ending early."""
    return -data.true_rewards


@relabelings.register("scaled-negative")
def scaled_negative(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = 1 − (r − min r) / (max r − min r), in [0, 1]; 0 where r is constant. Source: Choi et al. 2024 (LiRE)."""
    rewards = data.true_rewards.astype(np.float64)
    span = rewards.max() - rewards.min()
    return 1.0 - (rewards - rewards.min()) / span if span > 0 else np.zeros(data.n)


@relabelings.register("constant")
def constant(data: Dataset, rng: np.random.Generator, *, value: float) -> Array:
    """r̃ = value, the same at every transition: an alive bonus where positive, a cost of living where negative."""
    return np.full(data.n, value)


@relabelings.register("shuffled")
def shuffled(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = the true rewards permuted over transitions: their distribution kept, their meaning lost."""
    return rng.permutation(data.true_rewards)


@relabelings.register("noisy")
def noisy(data: Dataset, rng: np.random.Generator, *, scale: float = 1.0) -> Array:
    """r̃ = r + ε, ε ~ N(0, (scale · std r)²): the true reward under noise, `scale` in its own deviations."""
    if scale < 0:
        raise RelabelingError(f"noisy(scale={scale}): a deviation cannot be negative")
    noise: Array = scale * data.true_rewards.std() * rng.standard_normal(data.n)
    return data.true_rewards + noise
