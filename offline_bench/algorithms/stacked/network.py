"""Networks with a leading axis of runs: one batch of matrix products serves every run of a slab."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Network:
    """`runs` × `members` ReLU networks of one shape, their parameters stacked run by run.

    members      networks a run has of this kind: 2 for twin critics
    parameters   for each layer a weight (runs · members, inputs, outputs) and a bias (runs · members, 1, outputs)
    """

    def __init__(self, parameters: Sequence[Tensor], runs: int, members: int = 1) -> None:
        self.parameters = list(parameters)
        self.runs = runs
        self.members = members

    def __call__(self, inputs: Tensor) -> Tensor:
        """(runs, b, inputs), the same for every member, to (runs, members, b, outputs)."""
        return self._forward(inputs, self.parameters)

    def frozen(self, inputs: Tensor) -> Tensor:
        """As a call, with a gradient for `inputs` and none for the parameters."""
        return self._forward(inputs, [parameter.detach() for parameter in self.parameters])

    def first(self) -> Network:
        """The first member of each run, frozen, as views."""
        views = [p.detach().view(self.runs, self.members, *p.shape[1:])[:, 0] for p in self.parameters]
        return Network(views, self.runs)

    def copy(self) -> Network:
        """A copy that carries no gradient: a target network."""
        return Network([parameter.detach().clone() for parameter in self.parameters], self.runs, self.members)

    def weights(self) -> list[Tensor]:
        """The weight matrices, without the biases."""
        return self.parameters[::2]

    def of_run(self, run: int) -> list[Tensor]:
        """Views of one run's parameters, each (members, ...)."""
        return [p.detach().view(self.runs, self.members, *p.shape[1:])[run] for p in self.parameters]

    def _forward(self, inputs: Tensor, parameters: list[Tensor]) -> Tensor:
        runs, batch, size = inputs.shape
        if self.members > 1:
            inputs = inputs.unsqueeze(1).expand(runs, self.members, batch, size).reshape(-1, batch, size)
        outputs: Tensor = _StackedMLP.apply(inputs, *parameters)  # type: ignore[no-untyped-call]
        return outputs.view(runs, self.members, batch, -1)


class _StackedMLP(torch.autograd.Function):
    """A whole network as one node of the graph: bias and ReLU in place, and no gradient nobody asks for."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, *parameters: Tensor) -> Tensor:
        hidden = [inputs]
        for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            hidden.append(torch.baddbmm(bias, hidden[-1], weight).relu_())
        ctx.save_for_backward(*hidden, *parameters[::2])
        return _thin_product(hidden[-1], parameters[-2]).add_(parameters[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        layers = len(ctx.saved_tensors) // 2
        hidden, weights = ctx.saved_tensors[:layers], ctx.saved_tensors[layers:]
        gradients: list[Tensor | None] = [None] * (2 * layers)
        for layer in reversed(range(layers)):
            if ctx.needs_input_grad[1 + 2 * layer]:
                gradients[2 * layer] = _weight_gradient(hidden[layer], gradient)
                gradients[2 * layer + 1] = gradient.sum(dim=1, keepdim=True)
            if layer > 0:
                gradient = _input_gradient(gradient, weights[layer])
                torch.ops.aten.threshold_backward.grad_input(gradient, hidden[layer], 0.0, grad_input=gradient)
            elif ctx.needs_input_grad[0]:
                return _thin_product(gradient, weights[0].transpose(1, 2)), *gradients
        return None, *gradients


# The heads and the first layer are thin, and a matrix library is slow at results with few columns: three to eight times
# slower here than at the same numbers computed as a result with few rows.
def _thin_product(inputs: Tensor, weight: Tensor) -> Tensor:
    """inputs (k, b, n) @ weight (k, n, few), as a transposed view."""
    if len(weight) == 1:
        # A batch of one takes another way through the library, and would round differently from the same run in a slab.
        return _thin_product(inputs.expand(2, -1, -1), weight.expand(2, -1, -1))[:1]
    return torch.bmm(weight.transpose(1, 2), inputs.transpose(1, 2)).transpose(1, 2)


def _weight_gradient(inputs: Tensor, gradient: Tensor) -> Tensor:
    if gradient.shape[2] < inputs.shape[2]:
        return torch.bmm(gradient.transpose(1, 2), inputs).transpose(1, 2).contiguous()
    return torch.bmm(inputs.transpose(1, 2), gradient)


def _input_gradient(gradient: Tensor, weight: Tensor) -> Tensor:
    if weight.shape[2] == 1:
        return gradient * weight.transpose(1, 2)
    return torch.bmm(gradient, weight.transpose(1, 2))


def initialize(
    sizes: Sequence[int], rngs: Sequence[np.random.Generator], members: int = 1, device: str = "cpu"
) -> Network:
    """A network of `sizes` (inputs, hidden ..., outputs) for each run, drawn from the run's own generator.

    Weights and biases are uniform in ±1/√inputs, as `torch.nn.Linear` draws them.
    """
    parameters: list[list[np.ndarray]] = []
    for rng in rngs:
        drawn = []
        for _ in range(members):
            for inputs, outputs in pairwise(sizes):
                bound = 1.0 / math.sqrt(inputs)
                drawn.append(rng.uniform(-bound, bound, (inputs, outputs)).astype(np.float32))
                drawn.append(rng.uniform(-bound, bound, (1, outputs)).astype(np.float32))
        parameters.append(drawn)
    count = 2 * (len(sizes) - 1)
    stacked = [
        np.stack([drawn[member * count + i] for drawn in parameters for member in range(members)]) for i in range(count)
    ]
    return Network([torch.from_numpy(p).to(device).requires_grad_() for p in stacked], len(rngs), members)
