"""How a learner scales the rewards that it was given: one rule for every reward, read from these rewards alone."""

from __future__ import annotations

import numpy as np

from offline_bench.core.errors import DatasetError, SpecError
from offline_bench.data.dataset import Dataset

REWARD_SCALERS = ("none", "standard", "min-max", "return-range")
# As d3rlpy's scaler has it.
DEVIATION_FLOOR = 1e-3
# What IQL's code brings the range of returns to.
RETURN_RANGE = 1000.0
# A range of returns that is a smaller share of the largest is rounding.
RANGE_FLOOR = 1e-6


def check_reward_scaler(kind: str) -> None:
    """Raise `SpecError` where there is no reward scaler `kind`."""
    if kind not in REWARD_SCALERS:
        *others, last = map(repr, REWARD_SCALERS)
        raise SpecError(f"reward_scaler is {', '.join(others)} or {last}, not {kind!r}")


def scale_rewards(data: Dataset, kind: str) -> np.ndarray:
    """The rewards (n,) of `data`, float32: as they are ('none'), standardized ('standard'), in [0, 1] ('min-max'), or
    times `find_return_scale` ('return-range').

    Raises `DatasetError` where 'standard' or 'min-max' would divide by the spread of constant rewards.
    """
    rewards = data.rewards
    if kind == "none":
        return rewards
    if kind == "return-range":
        scaled: np.ndarray = rewards * np.float32(find_return_scale(data))
        return scaled
    if np.ptp(rewards) == 0:
        raise DatasetError(f"reward scaler {kind!r} divides by the spread of the rewards, and these are constant.")
    if kind == "min-max":
        shifted: np.ndarray = (rewards - rewards.min()) / np.ptp(rewards)
        return shifted.astype(np.float32)
    standard: np.ndarray = (rewards - rewards.mean()) / (rewards.std() + DEVIATION_FLOOR)
    return standard.astype(np.float32)


def find_return_scale(data: Dataset) -> float:
    """1000 / (largest - least return of an episode of `data`), by the rewards that it has now.

    1 where there is one episode, or all returns are equal. Source: Kostrikov et al. 2022, section 5.2 and appendix B.
    """
    returns = np.add.reduceat(data.rewards.astype(np.float64), data.episode_starts)
    spread = float(np.ptp(returns))
    return RETURN_RANGE / spread if spread > RANGE_FLOOR * float(np.abs(returns).max()) else 1.0


def tell_scaling(data: Dataset, kind: str) -> dict[str, float]:
    """What `kind` decided from `data`, for the record; nothing for a rule that any reader can see in the rewards."""
    return {"reward_scale": find_return_scale(data)} if kind == "return-range" else {}
