"""Layers with LayerNorm after the ReLU of every hidden one, forward and backward, in the library's products.

Source: in the critics of offline learners: Tarasov et al. 2023 (ReBRAC), in this order.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.layers import input_gradient, repeat, thin_product, weight_gradient
from offline_bench.algorithms.stacked.norms import norms_for


class NormLayers:
    """As `LibraryLayers`; `parameters` go on with a scale and a shift (nets, 1, units) for each hidden layer.

    The units that are kept for the way back are those before LayerNorm.
    """

    def forward(
        self, inputs: Tensor, members: int, parameters: Sequence[Tensor], keep: bool = True
    ) -> tuple[list[Tensor], Tensor]:
        """See `LibraryLayers.forward`."""
        layers, norms = split_norms(parameters)
        hidden, below = [], repeat(inputs, members)
        for (weight, bias), (scale, shift) in zip(layers[:-1], norms, strict=True):
            hidden.append(torch.baddbmm(bias, below, weight).relu_())
            below = norms_for(hidden[-1]).forward(hidden[-1], scale, shift)
        weight, bias = layers[-1]
        return hidden, thin_product(below, weight).add_(bias)

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
        """See `LibraryLayers.backward`."""
        layers, norms = split_norms(parameters)
        into_layers, into_norms = split_norms(into) if into is not None else ([], [])
        for layer in reversed(range(len(layers))):
            units = hidden[layer - 1] if layer else repeat(inputs, members)
            if into is not None:
                into_weight, into_bias = into_layers[layer]
                below = norms_for(units).forward(units, *norms[layer - 1]) if layer else units
                weight_gradient(below, gradient, into_weight)
                torch.sum(gradient, dim=1, keepdim=True, out=into_bias)
            if not layer:
                break
            gradient = input_gradient(gradient, layers[layer][0])
            by_units, products = norms_for(units).backward(units, norms[layer - 1][0], gradient, into is not None)
            if products is not None:
                into_scale, into_shift = into_norms[layer - 1]
                torch.sum(products, dim=1, keepdim=True, out=into_scale)
                torch.sum(gradient, dim=1, keepdim=True, out=into_shift)
            gradient = by_units
        return None if columns is None else thin_product(gradient, layers[0][0].transpose(1, 2))[..., columns:]


def split_norms(parameters: Sequence[Tensor]) -> tuple[list[tuple[Tensor, Tensor]], list[tuple[Tensor, Tensor]]]:
    """(weight, bias) of each layer, and (scale, shift) of each hidden one, as they lie one after the other."""
    pairs = list(zip(parameters[::2], parameters[1::2], strict=True))
    layers = len(pairs) // 2 + 1
    return pairs[:layers], pairs[layers:]
