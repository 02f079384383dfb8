"""The small derivatives that the losses are made of, one by one, in the order in which autograd rounds them."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor


def squared_error(values: Tensor, targets: Tensor, dims: tuple[int, ...] = (-1,)) -> tuple[Tensor, Tensor]:
    """mean (x - y)² over `dims`, and its gradient for x: 2 (x - y) / n."""
    error = values - targets
    n = prod(error.shape[dim] for dim in dims)
    return error.square().mean(dim=dims), error * (2.0 / n)


def by_tanh(gradient: Tensor, values: Tensor) -> Tensor:
    """From the gradient for y = tanh(x), which are `values`, to that for x: (1 - y²) times it."""
    result: Tensor = torch.ops.aten.tanh_backward(gradient, values)
    return result
