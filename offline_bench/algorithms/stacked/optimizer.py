"""Adam over the stacked parameters of a slab, and the slow move of targets: one call each over one flat array."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.network import Network


class Adam:
    """Adam with PyTorch's defaults; elementwise, so each run has its own. Source: Kingma & Ba 2015.

    The parameters of `networks` lie end to end in one array from now on, and their gradients in another, which backward
    passes fill.
    """

    def __init__(self, networks: Sequence[Network], learning_rate: float) -> None:
        self.learning_rate = learning_rate
        rooms = [network.room for network in networks]
        self._values, self._gradient, self._mean, self._square = networks[0].flat.new_zeros(4, sum(rooms))
        self._step = torch.zeros((), device=self._values.device)
        for network, values, gradients in zip(
            networks, self._values.split(rooms), self._gradient.split(rooms), strict=True
        ):
            network.gradients = network.settle(values).parts(gradients)

    def step(self) -> None:
        """One step along the gradients."""
        self._step.add_(1.0)
        torch._fused_adam_(
            [self._values],
            [self._gradient],
            [self._mean],
            [self._square],
            [],
            [self._step],
            lr=self.learning_rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )

    def reset(self) -> None:
        """Forget all moments, as a fresh optimizer."""
        for tensor in self.state():
            tensor.zero_()

    def state(self) -> list[Tensor]:
        """All that a checkpoint needs."""
        return [self._mean, self._square, self._step]


def move_target(target: Network, source: Network, tau: float) -> None:
    """θ̄ ← θ̄ + τ (θ - θ̄)."""
    target.flat.lerp_(source.flat, tau)


def copy_to_target(target: Network, source: Network) -> None:
    """θ̄ ← θ."""
    target.flat.copy_(source.flat)
