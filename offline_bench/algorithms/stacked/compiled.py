"""Layers by `layers.c`, compiled here by the machine's own compiler: the library's bits, in fewer passes.

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.layers import LibraryLayers

SOURCES = tuple(Path(__file__).with_name(name) for name in ("layers.c", "sums.h", "product.h"))
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-shared", "-fPIC")
# Set to anything, it keeps the compiler out.
SWITCH = "OFFLINE_BENCH_NO_COMPILER"
FLOAT = 4


class CompiledLayers:
    """As `LibraryLayers`, to the bit, on a processor."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._forward, self._backward = library.forward, library.backward

    def forward(
        self, inputs: Tensor, members: int, parameters: Sequence[Tensor], keep: bool = True
    ) -> tuple[list[Tensor], Tensor]:
        """See `LibraryLayers.forward`."""
        nets, batch, sizes = len(inputs) * members, inputs.shape[1], _sizes(parameters)
        hidden = [torch.empty(nets, batch, size) for size in sizes[1:-1]] if keep else []
        outputs = torch.empty(nets, sizes[-1], batch)
        failed = self._forward(
            *_numbers(nets, members, _step(parameters[0]), batch, len(sizes) - 2),
            _array(sizes),
            *_place(inputs),
            _pointers(parameters[::2]),
            _pointers(parameters[1::2]),
            _pointers(hidden) if keep else None,
            _pointer(outputs),
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
        nets, batch, sizes = len(gradient), gradient.shape[1], _sizes(parameters)
        by_inputs = None if columns is None else torch.empty(nets, batch, sizes[0] - columns)
        failed = self._backward(
            *_numbers(nets, members, _step(parameters[0]), batch, len(hidden)),
            _array(sizes),
            *_place(inputs),
            _pointers(parameters[::2]),
            _pointers(hidden),
            _pointer(gradient),
            None if into is None else _pointers(into[::2]),
            None if into is None else _pointers(into[1::2]),
            _pointer(by_inputs),
            ctypes.c_long(columns or 0),
        )
        _check(failed)
        if into is not None:
            torch.sum(gradient, dim=1, keepdim=True, out=into[-1])
        return by_inputs


_allowed = True


@contextmanager
def library_alone() -> Iterator[None]:
    """The library's products alone, for whoever watches or replays them; the bits are the same."""
    global _allowed
    before, _allowed = _allowed, False
    try:
        yield
    finally:
        _allowed = before


def compiled_layers(sizes: tuple[int, ...], batch: int) -> CompiledLayers | None:
    """What computes layers of `sizes` (inputs, hidden ..., outputs) for `batch` rows as the library does.

    None without a compiler, or where the two do not agree to the bit.
    """
    return _agreeing_layers(sizes, batch) if _allowed else None


@lru_cache
def _agreeing_layers(sizes: tuple[int, ...], batch: int) -> CompiledLayers | None:
    library = _load()
    layers = CompiledLayers(library) if library is not None and len(sizes) > 2 else None
    return layers if layers is not None and _agrees(layers, sizes, batch) else None


def _agrees(layers: CompiledLayers, sizes: tuple[int, ...], batch: int) -> bool:
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(1, batch, sizes[0] + 1, generator=random)[..., :-1]
    parameters = []
    for n, m in pairwise(sizes):
        parameters += [torch.randn(2, n, m, generator=random) / n**0.5, torch.randn(2, 1, m, generator=random)]
    gradient = torch.randn(2, batch, sizes[-1], generator=random)
    told = []
    for way in (LibraryLayers(), layers):
        into = [torch.zeros_like(parameter) for parameter in parameters]
        hidden, outputs = way.forward(inputs, 2, parameters)
        by_inputs = way.backward(inputs, 2, parameters, hidden, gradient, into, 0)
        assert by_inputs is not None
        told.append([*hidden, outputs, *into, by_inputs])
    return all(map(torch.equal, *told))


@lru_cache
def _load() -> ctypes.CDLL | None:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or os.environ.get(SWITCH):
        return None
    text = b"".join(source.read_bytes() for source in SOURCES)
    name = hashlib.sha256(f"{compiler} {FLAGS} {_processor()}".encode() + text).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "offline-bench"
    path = folder / f"layers-{name}.so"
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                built = Path(scratch) / path.name
                command = [compiler, *FLAGS, str(SOURCES[0]), "-o", str(built)]
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


def _pointers(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(tensors))(*(tensor.data_ptr() for tensor in tensors))


def _pointer(tensor: Tensor | None) -> ctypes.c_void_p | None:
    return None if tensor is None else ctypes.c_void_p(tensor.data_ptr())


def _check(failed: int) -> None:
    if failed:
        raise MemoryError("no memory for the layers of a slab")
