"""Hidden layers by `hidden.c`, compiled here by the machine's own compiler: the library's bits, in fewer passes.

It is used where there is a compiler, and for the shapes for which it agrees with the library to the bit; whatever is
missing, the library's own layers do the same.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.layers import Gradients, LibraryLayers

SOURCE = Path(__file__).with_name("hidden.c")
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-shared", "-fPIC")
# Set to anything, it keeps the compiler out.
SWITCH = "OFFLINE_BENCH_NO_COMPILER"
FLOAT = 4


class CompiledLayers:
    """As `LibraryLayers`, to the bit, on a processor."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._forward, self._backward = library.forward, library.backward

    def forward(
        self, inputs: Tensor, members: int, weights: Sequence[Tensor], biases: Sequence[Tensor]
    ) -> list[Tensor]:
        """See `LibraryLayers.forward`."""
        nets, batch = len(inputs) * members, inputs.shape[1]
        sizes = _sizes(weights)
        hidden = [torch.empty(nets, batch, size) for size in sizes[1:]]
        failed = self._forward(
            *_numbers(nets, members, _step(weights[0]), batch, len(hidden)),
            _array(sizes),
            *_place(inputs),
            _pointers(weights),
            _pointers(biases),
            _pointers(hidden),
        )
        if failed:
            raise MemoryError("no memory for the hidden layers")
        return hidden

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
        """See `LibraryLayers.backward`."""
        nets, batch, outputs = gradient.shape
        sizes = [*_sizes(weights[:-1]), outputs]
        of_sums = [torch.empty_like(units) for units in hidden]
        by_inputs = None if columns is None else torch.empty(nets, batch, sizes[0] - columns)
        failed = self._backward(
            *_numbers(nets, members, _step(weights[0]), batch, len(hidden)),
            _array(sizes),
            *_place(inputs),
            _pointers(weights),
            _pointers(hidden),
            _pointers([*of_sums, gradient]),
            None if into is None else _pointers(into),
            None if by_inputs is None else ctypes.c_void_p(by_inputs.data_ptr()),
            ctypes.c_long(columns or 0),
        )
        if failed:
            raise MemoryError("no memory for the gradients of the hidden layers")
        return Gradients(of_sums, by_inputs)


@lru_cache
def compiled_layers(sizes: tuple[int, ...], batch: int) -> CompiledLayers | None:
    """What computes hidden layers of `sizes` (inputs, hidden ..., outputs) for `batch` rows as the library does.

    None without a compiler, or where the two do not agree to the bit.
    """
    library = _load()
    layers = CompiledLayers(library) if library is not None and len(sizes) > 2 else None
    return layers if layers is not None and _agrees(layers, sizes, batch) else None


def _agrees(layers: CompiledLayers, sizes: tuple[int, ...], batch: int) -> bool:
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(1, batch, sizes[0] + 1, generator=random)[..., :-1]
    weights = [torch.randn(2, n, m, generator=random) / n**0.5 for n, m in zip(sizes, sizes[1:], strict=False)]
    biases = [torch.randn(2, 1, m, generator=random) for m in sizes[1:-1]]
    gradient = torch.randn(2, batch, sizes[-1], generator=random)
    told = []
    for way in (LibraryLayers(), layers):
        into = [torch.zeros_like(weight) for weight in weights[:-1]]
        hidden = way.forward(inputs, 2, weights[:-1], biases)
        found = way.backward(inputs, 2, weights, hidden, gradient, into, 0)
        assert found.by_inputs is not None
        told.append([*hidden, *found.of_sums, *into, found.by_inputs])
    return all(map(torch.equal, *told))


@lru_cache
def _load() -> ctypes.CDLL | None:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or os.environ.get(SWITCH):
        return None
    name = hashlib.sha256(f"{compiler} {FLAGS} {_processor()}".encode() + SOURCE.read_bytes()).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "offline-bench"
    path = folder / f"hidden-{name}.so"
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                built = Path(scratch) / path.name
                command = [compiler, *FLAGS, str(SOURCE), "-o", str(built)]
                subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603
                built.replace(path)
        return ctypes.CDLL(str(path))
    except (OSError, subprocess.SubprocessError):
        return None


def _processor() -> str:
    """What the compiler's `native` stands for here."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "".join(sorted({line for line in lines if line.startswith(("flags", "model name", "Features"))}))


def _sizes(weights: Sequence[Tensor]) -> list[int]:
    return [weights[0].shape[1], *(weight.shape[2] for weight in weights)]


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


def _pointers(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(tensors))(*(tensor.data_ptr() for tensor in tensors))
