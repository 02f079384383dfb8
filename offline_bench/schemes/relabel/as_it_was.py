"""Relabelings of the first studies: the true reward, nothing, noise, and its sign turned."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import RelabelingError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.relabel.relabeling import relabelings

Array = npt.NDArray[Any]


@relabelings.register("original")
def original(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = r, the true reward.

    Ending: as the task means it.
    Good for: the reference that every other reward is held against.
    Source: the task.
    """
    return data.true_rewards


@relabelings.register("zero")
def zero(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = 0.

    Ending: costs and pays nothing.
    Good for: what is left where no reward says anything; pessimism alone decides.
    Source: Li et al. 2023.
    """
    return np.zeros(data.n, np.float32)


@relabelings.register("random")
def random(data: Dataset, rng: np.random.Generator, *, low: float = 0.0, high: float = 1.0) -> Array:
    """r̃ ~ U[low, high], drawn once per transition.

    Ending: costs (low + high) / 2 for each step not lived; with [0, 1] it is an alive bonus of 0.5 under noise.
    Good for: the usual wrong reward; beside `centered-noise` it tells noise from alive bonus.
    Source: Li et al. 2023 with [0, 1].
    """
    if low > high:
        raise RelabelingError(f"random(high={high}, low={low}): low is above high")
    return rng.uniform(low, high, data.n)


@relabelings.register("negative")
def negative(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = −r.

    Ending: pays where the true reward of a step is positive, as it stops a stream of costs.
    Good for: the opposite of the task; what survives it does not follow its reward.
    Source: Li et al. 2023.
    """
    return -data.true_rewards


@relabelings.register("scaled-negative")
def scaled_negative(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = 1 − (r − min r) / (max r − min r), in [0, 1]; 0 where r is constant.

    Ending: costs, as every step pays something from 0 to 1.
    Good for: the order of `negative` without its wish to end; the two apart tell which of them harms.
    Source: Choi et al. 2024 (LiRE).
    """
    rewards = data.true_rewards.astype(np.float64)
    span = rewards.max() - rewards.min()
    return 1.0 - (rewards - rewards.min()) / span if span > 0 else np.zeros(data.n)


@relabelings.register("constant")
def constant(data: Dataset, rng: np.random.Generator, *, value: float) -> Array:
    """r̃ = value, the same at every transition.

    Ending: costs where value is positive, an alive bonus; pays where it is negative, a cost of living.
    Good for: the wish to live or to end alone, with nothing said of how.
    Source: ours; −1 a step is the reward of a shortest path (Sutton & Barto 2018, section 3.3).
    """
    return np.full(data.n, value)


@relabelings.register("shuffled")
def shuffled(data: Dataset, rng: np.random.Generator) -> Array:
    """r̃ = the true rewards permuted over transitions: their distribution kept, their meaning lost.

    Ending: costs the mean true reward for each step not lived.
    Good for: a wrong reward of exactly the true one's values; what it keeps is not the values' doing.
    Source: ours, after permutation tests.
    """
    return rng.permutation(data.true_rewards)


@relabelings.register("noisy")
def noisy(data: Dataset, rng: np.random.Generator, *, scale: float = 1.0) -> Array:
    """r̃ = r + ε, ε ~ N(0, (scale · std r)²): the true reward under noise, `scale` in its own deviations.

    Ending: as the task means it, on average.
    Good for: how much noise a learner takes before it loses the task.
    Source: ours; noisy rewards as in Wang et al. 2020 (Reinforcement learning with perturbed rewards).
    """
    if scale < 0:
        raise RelabelingError(f"noisy(scale={scale}): a deviation cannot be negative")
    noise: Array = scale * data.true_rewards.std() * rng.standard_normal(data.n)
    return data.true_rewards + noise
