"""`Episode`: one episode in the true environment, as it is collected and as it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Episode:
    """One episode of T steps in the true environment.

    observations (T+1, *observation_shape), actions (T, action_size) or (T,), rewards (T,) float64 true rewards.
    `terminated`: the task ended; otherwise the clock ran out.
    """

    seed: int
    observations: Array
    actions: Array
    rewards: Array
    terminated: bool

    @property
    def length(self) -> int:
        return len(self.rewards)
