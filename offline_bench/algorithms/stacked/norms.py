"""LayerNorm of the units of stacked networks and its way back, in the library's operations or compiled: the same bits.

Source: Ba, Kiros & Hinton 2016.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from offline_bench.algorithms.stacked.machine_code import load_library, pointer

EPSILON = 1e-5


class LibraryNorms:
    """units (nets, b, n), no less than 0; scale and shift (nets, 1, n)."""

    def forward(self, units: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """scale · x̂ + shift, x̂ = (x - mean) / √(mean of (x - mean)² + ε)."""
        return _normalize(units)[0] * scale + shift

    def backward(self, units: Tensor, scale: Tensor, gradient: Tensor, products: bool) -> tuple[Tensor, Tensor | None]:
        """From the `gradient` g for what `forward` gives to that for what the ReLU before it was given, and g · x̂.

        With h = scale · g: (h - mean h - x̂ · mean(h x̂)) / √(...), and 0 where a unit is 0.
        """
        normal, inverse = _normalize(units)
        scaled = gradient * scale
        along = mean_by_halves(scaled * normal)
        by_units = (scaled - mean_by_halves(scaled) - normal * along) * inverse
        torch.ops.aten.threshold_backward.grad_input(by_units, units, 0.0, grad_input=by_units)
        return by_units, gradient * normal if products else None


class CompiledNorms:
    """As `LibraryNorms`, to the bit, on a processor."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._forward, self._backward = library.norms_forward, library.norms_backward

    def forward(self, units: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """See `LibraryNorms.forward`."""
        result = torch.empty_like(units)
        self._forward(*_shape(units, scale), *map(pointer, (units, scale, shift, result)))
        return result

    def backward(self, units: Tensor, scale: Tensor, gradient: Tensor, products: bool) -> tuple[Tensor, Tensor | None]:
        """See `LibraryNorms.backward`."""
        by_units, told = gradient.clone(memory_format=torch.contiguous_format), None
        told = torch.empty_like(by_units) if products else None
        self._backward(*_shape(units, scale), *map(pointer, (units, scale, by_units, told)))
        return by_units, told


def norms_for(units: Tensor) -> LibraryNorms | CompiledNorms:
    """The fastest way to normalize `units` that has the library form's bits."""
    fitting = units.device.type == "cpu" and units.dtype == torch.float32 and units.is_contiguous()
    return _compiled_norms(units.shape[-1]) if fitting else LibraryNorms()


@lru_cache
def _compiled_norms(n: int) -> LibraryNorms | CompiledNorms:
    library = load_library()
    if library is None or not library.norm_fits(ctypes.c_long(n)):
        return LibraryNorms()
    random = torch.Generator().manual_seed(0)
    units, gradient = torch.randn(2, 2, 500, n, generator=random)
    scale, shift = torch.randn(2, 2, 1, n, generator=random)
    units = units.relu_()
    told = []
    for way in (LibraryNorms(), CompiledNorms(library)):
        by_units, products = way.backward(units, scale, gradient, products=True)
        assert products is not None
        told.append((way.forward(units, scale, shift), by_units, products))
    return CompiledNorms(library) if all(map(torch.equal, *told)) else LibraryNorms()


def mean_by_halves(values: Tensor) -> Tensor:
    """The mean over the last axis (..., 1): the upper half is added onto the lower one until one number is left.

    So its bits do not depend on how wide the vectors of a processor are, as those of the library's sum may.
    """
    count = size = values.shape[-1]
    while size > 1:
        half = (size + 1) // 2
        lower = values[..., :half].clone()
        lower[..., : size - half] += values[..., half:]
        values, size = lower, half
    return values * float(np.float32(1.0 / count))


def _normalize(units: Tensor) -> tuple[Tensor, Tensor]:
    """x̂, and what x less its mean was multiplied with."""
    centered = units - mean_by_halves(units)
    # The library's root of float32 is not always the nearest number; that of float64 is, once it is float32 again.
    inverse = (mean_by_halves(centered * centered).double() + EPSILON).sqrt_().reciprocal_().to(units.dtype)
    return centered * inverse, inverse


def _shape(units: Tensor, scale: Tensor) -> tuple[ctypes.c_long, ...]:
    """nets, how many networks further in memory the next one's scale lies, rows, units."""
    nets, rows, n = units.shape
    return ctypes.c_long(nets), ctypes.c_long(scale.stride(0) // n), ctypes.c_long(rows), ctypes.c_long(n)
