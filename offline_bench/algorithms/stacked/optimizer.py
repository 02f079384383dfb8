"""Adam over the stacked parameters of a slab, and the slow move of targets."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

from offline_bench.algorithms.stacked.network import Network

# The fused step rounds what does not fill a vector register another way. Parameters that would leave such a rest are
# laid end to end in one padded array, so that no number depends on how many runs stand before it.
LANES = 16


class Adam:
    """Adam with PyTorch's defaults; elementwise, so each run has its own. Source: Kingma & Ba 2015."""

    def __init__(self, parameters: Sequence[Tensor], learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self._leaves = list(parameters)
        ragged = [p for p in self._leaves if p[0].numel() % LANES]
        self._whole = [place for place, p in enumerate(self._leaves) if p[0].numel() % LANES == 0]
        self._ragged = [place for place, p in enumerate(self._leaves) if p[0].numel() % LANES]
        self._values = [self._leaves[place].detach() for place in self._whole]
        if ragged:
            self._values.append(_join(ragged))
        self._gradient = torch.zeros_like(self._values[-1])
        self._means = [torch.zeros_like(p) for p in self._values]
        self._squares = [torch.zeros_like(p) for p in self._values]
        self._steps = [torch.zeros((), device=p.device) for p in self._values]

    def minimize(self, losses: Tensor) -> None:
        """One step down each of `losses` (runs,): they share no parameter, so their sum has the gradient of each."""
        self.apply(torch.autograd.grad(losses.sum(), self._leaves))

    def apply(self, gradients: Sequence[Tensor]) -> None:
        """One step along `gradients`, one per parameter."""
        with torch.no_grad():
            joined = [gradients[place] for place in self._whole]
            if self._ragged:
                parts = [gradients[place].reshape(-1) for place in self._ragged]
                torch.cat(parts, out=self._gradient[: sum(part.numel() for part in parts)])
                joined.append(self._gradient)
            adam(
                self._values,
                joined,
                self._means,
                self._squares,
                [],
                self._steps,
                foreach=False,
                capturable=False,
                differentiable=False,
                fused=True,
                has_complex=False,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=self.learning_rate,
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )

    def reset(self) -> None:
        """Forget all moments, as a fresh optimizer."""
        for tensor in self.state():
            tensor.zero_()

    def state(self) -> list[Tensor]:
        """All that a checkpoint needs."""
        return [*self._means, *self._squares, *self._steps]


def _join(parameters: Sequence[Tensor]) -> Tensor:
    """One padded array that holds `parameters` from now on: each becomes a view of its part."""
    count = sum(p.numel() for p in parameters)
    joined = torch.zeros(-(-count // LANES) * LANES, device=parameters[0].device)
    start = 0
    for parameter in parameters:
        part = joined[start : start + parameter.numel()].view(parameter.shape)
        part.copy_(parameter.detach())
        parameter.data = part
        start += parameter.numel()
    return joined


def move_target(target: Network, source: Network, tau: float) -> None:
    """θ̄ ← θ̄ + τ (θ - θ̄)."""
    with torch.no_grad():
        torch._foreach_lerp_(target.parameters, source.parameters, tau)


def copy_to_target(target: Network, source: Network) -> None:
    """θ̄ ← θ."""
    with torch.no_grad():
        torch._foreach_copy_(target.parameters, source.parameters)
