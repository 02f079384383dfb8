"""How fast each installed matrix library does the products of a step: the limit is the machine, not one library."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from offline_bench.algorithms.allocator import keep_freed_memory
from offline_bench.algorithms.stacked.compiled import CompiledLayers, compiled_layers
from offline_bench.algorithms.stacked.layers import LibraryLayers
from offline_bench.core.threads import one_thread

NETS, BATCH = 16, 256
INPUTS, OUTPUTS = 14, 1


@dataclass(frozen=True)
class LibraryCost:
    """10⁹ operations per second of one thread, by library; None where it is not here.

    what       the product, `NETS` of them at once
    torch      the library of torch's batched products
    openblas   numpy's
    onednn     torch's other one
    """

    what: str
    torch: float
    openblas: float
    onednn: float | None


@dataclass(frozen=True)
class LayersCost:
    """10⁹ operations per second of all layers of `NETS` critics, forward and back, biases and ReLU on top: by torch's
    products, and compiled; None where that is not here or does not agree to the bit."""

    width: int
    library: float
    compiled: float | None


def measure_libraries(width: int, rounds: int = 30) -> list[LibraryCost]:
    """The products of layers of `width` units, minibatches of `BATCH`: into one, between two, a weight's gradient."""
    shapes = [(BATCH, INPUTS, width), (BATCH, width, width), (width, BATCH, width)]
    with one_thread(), threadpool_limits(1):
        return [_measure_product(*shape, rounds) for shape in shapes]


def measure_layers(width: int, rounds: int = 30) -> LayersCost:
    """All layers of critics of `width`, once there and back."""
    sizes = (INPUTS, width, width, OUTPUTS)
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(NETS, BATCH, INPUTS, generator=random)
    parameters = []
    for n, m in pairwise(sizes):
        parameters += [torch.randn(NETS, n, m, generator=random) / n**0.5, torch.zeros(NETS, 1, m)]
    into, gradient = [torch.zeros_like(p) for p in parameters], torch.randn(NETS, BATCH, OUTPUTS, generator=random)
    weights = sum(p.numel() for p in parameters[::2])
    operations = 2 * BATCH * (3 * weights - parameters[0].numel())

    def pass_through(layers: LibraryLayers | CompiledLayers) -> Callable[[], object]:
        def there_and_back() -> None:
            hidden, _ = layers.forward(inputs, 1, parameters)
            layers.backward(inputs, 1, parameters, hidden, gradient, into)

        return there_and_back

    keep_freed_memory()
    with one_thread():
        ways = [LibraryLayers(), compiled_layers(sizes, BATCH)]
        library, *compiled = _rates([pass_through(way) for way in ways if way is not None], operations, rounds)
    return LayersCost(width, library, compiled[0] if compiled else None)


def _measure_product(rows: int, inner: int, columns: int, rounds: int) -> LibraryCost:
    left, right = torch.rand(NETS, rows, inner), torch.rand(NETS, inner, columns)
    result = torch.empty(NETS, rows, columns)
    arrays = left.numpy(), right.numpy(), result.numpy()
    calls: list[Callable[[], object]] = [
        lambda: torch.bmm(left, right, out=result),
        lambda: np.matmul(arrays[0], arrays[1], out=arrays[2]),
    ]
    onednn = _with_onednn(lambda: torch.bmm(left, right, out=result))
    torch.bmm(left, right, out=result)
    rounded = result.clone()
    onednn()
    # Where a processor has units for it, this switch rounds to bfloat16: then it is no product of the same kind.
    if torch.allclose(result, rounded, rtol=1e-4):
        calls.append(onednn)
    rates = _rates(calls, 2 * NETS * rows * inner * columns, rounds)
    what = f"{rows}×{inner} by {inner}×{columns}"
    return LibraryCost(what, rates[0], rates[1], rates[2] if len(rates) > 2 else None)


def _with_onednn(call: Callable[[], object]) -> Callable[[], object]:
    """`call` with torch's batched products by oneDNN, to which one switch alone leads."""
    library: Any = torch.backends.mkldnn
    products = library.matmul

    def switched() -> None:
        products.fp32_precision = "bf16"
        try:
            call()
        finally:
            products.fp32_precision = "none"

    return switched


def _rates(calls: list[Callable[[], object]], operations: int, rounds: int) -> list[float]:
    """10⁹ operations per second of each call, the median of `rounds` turns."""
    times: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for call, taken in zip(calls, times, strict=True):
            started = time.perf_counter()
            call()
            if number:
                taken.append(time.perf_counter() - started)
    return [1e-9 * operations / float(np.median(taken)) for taken in times]
