"""Layers by `layers.c`, compiled here by the machine's own compiler: the library's bits, in fewer passes.

It is used where there is a compiler, and for the shapes for which it agrees with the library to the bit; whatever is
missing, the library's own layers do the same.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.layers import LibraryLayers
from offline_bench.algorithms.stacked.machine_code import load_library, pairs_of_pointers, pointer, pointers
from offline_bench.algorithms.stacked.norm_layers import NormLayers


class CompiledLayers:
    """As `LibraryLayers`, or with LayerNorm as `NormLayers`, to the bit, on a processor."""

    def __init__(self, library: ctypes.CDLL, layer_norm: bool = False) -> None:
        self._forward, self._backward = library.forward, library.backward
        self._layer_norm = layer_norm

    def forward(
        self, inputs: Tensor, members: int, parameters: Sequence[Tensor], keep: bool = True
    ) -> tuple[list[Tensor], Tensor]:
        """See `LibraryLayers.forward`."""
        layers, norms = self._split(parameters)
        nets, batch, sizes = len(inputs) * members, inputs.shape[1], _sizes(layers)
        hidden = [torch.empty(nets, batch, size) for size in sizes[1:-1]] if keep else []
        outputs = torch.empty(nets, sizes[-1], batch)
        failed = self._forward(
            *_numbers(nets, members, _step(parameters[0]), batch, len(sizes) - 2),
            _array(sizes),
            *_place(inputs),
            pointers(layers[::2]),
            pointers(layers[1::2]),
            *pairs_of_pointers(norms),
            pointers(hidden) if keep else None,
            pointer(outputs),
        )
        _check(failed)
        return hidden, outputs.transpose(1, 2)

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
        """See `LibraryLayers.backward`; `gradient` is contiguous."""
        layers, norms = self._split(parameters)
        into_layers, into_norms = self._split(into) if into is not None else ((), ())
        nets, batch, sizes = len(gradient), gradient.shape[1], _sizes(layers)
        by_inputs = None if columns is None else torch.empty(nets, batch, sizes[0] - columns)
        failed = self._backward(
            *_numbers(nets, members, _step(parameters[0]), batch, len(hidden)),
            _array(sizes),
            *_place(inputs),
            pointers(layers[::2]),
            *pairs_of_pointers(norms),
            pointers(hidden),
            pointer(gradient),
            *pairs_of_pointers(into_layers),
            *pairs_of_pointers(into_norms),
            pointer(by_inputs),
            ctypes.c_long(columns or 0),
        )
        _check(failed)
        if into is not None:
            torch.sum(gradient, dim=1, keepdim=True, out=into_layers[-1])
        return by_inputs

    def _split(self, parameters: Sequence[Tensor]) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """Those of the layers, and those of LayerNorm."""
        layers = len(parameters) // 2 + 1 if self._layer_norm else len(parameters)
        return parameters[:layers], parameters[layers:]


_allowed = True


@contextmanager
def library_alone() -> Iterator[None]:
    """The library's products alone, to watch or replay them; the bits are the same."""
    global _allowed
    before, _allowed = _allowed, False
    try:
        yield
    finally:
        _allowed = before


def compiled_layers(sizes: tuple[int, ...], batch: int, layer_norm: bool = False) -> CompiledLayers | None:
    """What computes layers of `sizes` (inputs, hidden ..., outputs) for `batch` rows as the library does.

    None without a compiler, or where the two do not agree to the bit.
    """
    return _agreeing_layers(sizes, batch, layer_norm) if _allowed else None


@lru_cache
def _agreeing_layers(sizes: tuple[int, ...], batch: int, layer_norm: bool) -> CompiledLayers | None:
    library = load_library()
    if library is None or len(sizes) <= 2 or (layer_norm and not all(map(library.norm_fits, sizes[1:-1]))):
        return None
    layers = CompiledLayers(library, layer_norm)
    return layers if _agrees(layers, sizes, batch, layer_norm) else None


def _agrees(layers: CompiledLayers, sizes: tuple[int, ...], batch: int, layer_norm: bool) -> bool:
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(1, batch, sizes[0] + 1, generator=random)[..., :-1]
    parameters = []
    for n, m in pairwise(sizes):
        parameters += [torch.randn(2, n, m, generator=random) / n**0.5, torch.randn(2, 1, m, generator=random)]
    for m in sizes[1:-1] if layer_norm else ():
        parameters += [torch.randn(2, 1, m, generator=random), torch.randn(2, 1, m, generator=random)]
    gradient = torch.randn(2, batch, sizes[-1], generator=random)
    told = []
    for way in (NormLayers() if layer_norm else LibraryLayers(), layers):
        into = [torch.zeros_like(parameter) for parameter in parameters]
        hidden, outputs = way.forward(inputs, 2, parameters)
        by_inputs = way.backward(inputs, 2, parameters, hidden, gradient, into, 0)
        assert by_inputs is not None
        told.append([*hidden, outputs, *into, by_inputs])
    return all(map(torch.equal, *told))


def _sizes(parameters: Sequence[Tensor]) -> list[int]:
    return [parameters[0].shape[1], *(weight.shape[2] for weight in parameters[::2])]


def _step(weight: Tensor) -> int:
    """How many networks further in memory the next one lies."""
    return weight.stride(0) // (weight.shape[1] * weight.shape[2])


def _numbers(*numbers: int) -> tuple[ctypes.c_long, ...]:
    return tuple(map(ctypes.c_long, numbers))


def _place(inputs: Tensor) -> tuple[ctypes.c_void_p, ctypes.c_long, ctypes.c_long]:
    assert inputs.stride(2) == 1
    return ctypes.c_void_p(inputs.data_ptr()), ctypes.c_long(inputs.stride(0)), ctypes.c_long(inputs.stride(1))


def _array(numbers: Sequence[int]) -> ctypes.Array[ctypes.c_long]:
    return (ctypes.c_long * len(numbers))(*numbers)


def _check(failed: int) -> None:
    if failed:
        raise MemoryError("no memory for the layers of a slab")
