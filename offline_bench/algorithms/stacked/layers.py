"""The hidden layers of stacked networks, forward and backward, in the library's products: on any device.

The heads and the first layer are thin, and a matrix library is slow at results with few columns: three to eight times
slower than at the same numbers computed as a result with few rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gradients:
    """What a backward pass finds beside the gradients of the weights.

    of_sums    of the sums below every hidden unit, layer by layer, (nets, b, units)
    by_inputs  of the inputs, (nets, b, columns), where it was asked for
    """

    of_sums: list[Tensor]
    by_inputs: Tensor | None


class LibraryLayers:
    """Linear layers with ReLU. Networks are numbered run by run, `members` of them to a run: nets = runs · members."""

    def forward(
        self, inputs: Tensor, members: int, weights: Sequence[Tensor], biases: Sequence[Tensor]
    ) -> list[Tensor]:
        """Inputs (runs, b, n), the same for all members, to the units of every hidden layer, (nets, b, units).

        weights (nets, inputs, units) and biases (nets, 1, units): those of the hidden layers alone
        """
        hidden = [repeat(inputs, members)]
        for weight, bias in zip(weights, biases, strict=True):
            hidden.append(torch.baddbmm(bias, hidden[-1], weight).relu_())
        return hidden[1:]

    def backward(
        self,
        inputs: Tensor,
        members: int,
        weights: Sequence[Tensor],
        hidden: Sequence[Tensor],
        gradient: Tensor,
        into: Sequence[Tensor] | None = None,
        columns: int | None = None,
    ) -> Gradients:
        """From the `gradient` of the outputs (nets, b, outputs) down through the hidden layers.

        weights   all of them, the head's last
        into      takes the gradients of the hidden layers' weights, where given
        columns   the gradient of the inputs from this column on is asked for
        """
        of_sums: list[Tensor] = []
        for layer in reversed(range(len(hidden))):
            gradient = _input_gradient(gradient, weights[layer + 1])
            torch.ops.aten.threshold_backward.grad_input(gradient, hidden[layer], 0.0, grad_input=gradient)
            of_sums.insert(0, gradient)
            if into is not None:
                below = hidden[layer - 1] if layer else repeat(inputs, members)
                weight_gradient(below, gradient, into[layer])
        if columns is None:
            return Gradients(of_sums, None)
        return Gradients(of_sums, thin_product(gradient, weights[0].transpose(1, 2))[..., columns:])


def repeat(inputs: Tensor, members: int) -> Tensor:
    """(runs, b, n) to (nets, b, n)."""
    if members == 1:
        return inputs
    runs, batch, size = inputs.shape
    return inputs.unsqueeze(1).expand(runs, members, batch, size).reshape(-1, batch, size)


def thin_product(inputs: Tensor, weight: Tensor) -> Tensor:
    """inputs (k, b, n) @ weight (k, n, few), as a transposed view."""
    if len(weight) == 1:
        # A batch of one takes another way through the library, and would round differently from the same run in a slab.
        return thin_product(inputs.expand(2, -1, -1), weight.expand(2, -1, -1))[:1]
    return torch.bmm(weight.transpose(1, 2), inputs.transpose(1, 2)).transpose(1, 2)


def weight_gradient(inputs: Tensor, gradient: Tensor, into: Tensor) -> None:
    """Σ_b inputs (k, b, n) · gradient (k, b, m), into (k, n, m)."""
    if gradient.shape[2] < inputs.shape[2]:
        into.copy_(torch.bmm(gradient.transpose(1, 2), inputs).transpose(1, 2))
    else:
        torch.bmm(inputs.transpose(1, 2), gradient, out=into)


def _input_gradient(gradient: Tensor, weight: Tensor) -> Tensor:
    if weight.shape[2] == 1:
        return gradient * weight.transpose(1, 2)
    return torch.bmm(gradient, weight.transpose(1, 2))
