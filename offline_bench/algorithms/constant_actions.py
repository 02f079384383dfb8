"""d3rlpy's scaler of actions where some of them are constants: imports d3rlpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from offline_bench.algorithms.library import import_d3rlpy

_Base: Any = import_d3rlpy().preprocessing.MinMaxActionScaler


class ConstantActionScaler(_Base):  # type: ignore[misc]
    """`MinMaxActionScaler`, with an action of one possible value as 0 where it divides 0 by 0.

    The way back needs no change: d3rlpy gives that value, whatever the network says.
    """

    def transform(self, x: torch.Tensor) -> torch.Tensor:
        """Actions (..., action_size) to [-1, 1]."""
        scaled: torch.Tensor = super().transform(x)
        return torch.where(torch.from_numpy(self._constant()).to(x.device), torch.zeros_like(scaled), scaled)

    def transform_numpy(self, x: np.ndarray) -> np.ndarray:
        """Actions (..., action_size) to [-1, 1]."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self._constant(), np.float32(0.0), super().transform_numpy(x))

    def _constant(self) -> np.ndarray:
        return np.asarray(self.minimum == self.maximum)
