"""The layers of stacked networks, forward and backward, in the library's products: on any device.

The heads and the first layer are thin, and a matrix library is slow at results with few columns: three to eight times
slower than at the same numbers computed as a result with few rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class LibraryLayers:
    """Linear layers with ReLU between. Networks are numbered run by run, `members` to a run: nets = runs · members.

    `parameters` are, for each layer, a weight (nets, inputs, outputs) and a bias (nets, 1, outputs).
    """

    def forward(
        self, inputs: Tensor, members: int, parameters: Sequence[Tensor], keep: bool = True
    ) -> tuple[list[Tensor], Tensor]:
        """Inputs (runs, b, n), the same for all members, to the units of the hidden layers, (nets, b, units), and to
        the outputs (nets, b, outputs). Unless asked to `keep` them, the former may be left out."""
        units = [repeat(inputs, members)]
        for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            units.append(torch.baddbmm(bias, units[-1], weight).relu_())
        return units[1:], thin_product(units[-1], parameters[-2]).add_(parameters[-1])

    def backward(
        self,
        inputs: Tensor,
        members: int,
        parameters: Sequence[Tensor],
        hidden: Sequence[Tensor],
        gradient: Tensor,
        into: Sequence[Tensor] | None = None,
        columns: int | None = None,
    ) -> Tensor | None:
        """From the `gradient` of the outputs to those of the parameters, `into` their places, where these are given.

        With `columns`, returns the gradient of the inputs from that column on, (nets, b, ...).
        """
        weights = parameters[::2]
        for layer in reversed(range(len(weights))):
            if into is not None:
                weight_gradient(hidden[layer - 1] if layer else repeat(inputs, members), gradient, into[2 * layer])
                torch.sum(gradient, dim=1, keepdim=True, out=into[2 * layer + 1])
            if layer:
                gradient = input_gradient(gradient, weights[layer])
                torch.ops.aten.threshold_backward.grad_input(gradient, hidden[layer - 1], 0.0, grad_input=gradient)
        return None if columns is None else thin_product(gradient, weights[0].transpose(1, 2))[..., columns:]


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
        if len(inputs) == 1:
            # As in `thin_product`.
            inputs, gradient = inputs.expand(2, -1, -1), gradient.expand(2, -1, -1)
        into.copy_(torch.bmm(gradient.transpose(1, 2), inputs)[: len(into)].transpose(1, 2))
    else:
        torch.bmm(inputs.transpose(1, 2), gradient, out=into)


def input_gradient(gradient: Tensor, weight: Tensor) -> Tensor:
    """gradient (k, b, m) · weight (k, n, m)ᵀ."""
    if weight.shape[2] == 1:
        return gradient * weight.transpose(1, 2)
    return torch.bmm(gradient, weight.transpose(1, 2))
