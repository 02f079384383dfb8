"""The limit of a step: its matrix products alone, recorded from a real step and replayed without all the rest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from offline_bench.algorithms.stacked.compiled import library_alone
from offline_bench.algorithms.stacked.slab import SlabTraining

# Operator → the place of its left operand; the right one follows.
OPERANDS = {"aten::bmm": 0, "aten::mm": 0, "aten::baddbmm": 1, "aten::addmm": 1}


@dataclass(frozen=True)
class Layout:
    """How an operand lies in memory: its shape and strides, in elements."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def of(cls, tensor: Tensor) -> Layout:
        return cls(tuple(tensor.shape), tuple(tensor.stride()))

    @property
    def extent(self) -> int:
        """Elements from the first to the last."""
        return 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))

    def view(self, arena: Tensor) -> Tensor:
        return arena.as_strided(self.shape, self.strides)


@dataclass(frozen=True)
class Product:
    """One call of the matrix library: `left` (k, b, n) @ `right` (k, n, m), or the same without k."""

    left: Layout
    right: Layout

    @property
    def result(self) -> tuple[int, ...]:
        return (*self.left.shape[:-1], self.right.shape[-1])

    @property
    def operations(self) -> int:
        """Floating-point operations, an addition and a multiplication counted each."""
        return 2 * prod(self.left.shape) * self.right.shape[-1]


def record_products(training: SlabTraining, steps: int) -> list[Product]:
    """Train `steps` steps, and tell every matrix product of their forward and backward passes in order."""
    recorder = _Recorder()
    with library_alone(), recorder:
        training.advance(training.step + steps)
    return recorder.products


class Replay:
    """The matrix products of `steps` steps on operands of the same layouts, allocated once; no bias, no ReLU.

    The left operands share one stretch of memory, as do the right ones and the results.
    """

    period = 1
    longest: int | None = None

    def __init__(self, products: Sequence[Product], steps: int) -> None:
        self.operations = sum(product.operations for product in products) / steps
        self._steps = steps
        left = torch.rand(max(product.left.extent for product in products))
        right = torch.rand(max(product.right.extent for product in products))
        result = torch.empty(max(prod(product.result) for product in products))
        self._calls = [(p.left.view(left), p.right.view(right), _shape(result, p.result)) for p in products]

    def run(self, passes: int) -> float:
        """Seconds per step of training, over `passes` through the list."""
        started = time.process_time()
        for _ in range(passes):
            for left, right, result in self._calls:
                torch.matmul(left, right, out=result) if left.dim() == 2 else torch.bmm(left, right, out=result)
        return (time.process_time() - started) / (passes * self._steps)


class PlainProduct:
    """One product (batch, width) @ (width, width), `count` of them at once: the rate the processor is capable of."""

    period = 1
    longest: int | None = None

    def __init__(self, batch: int, width: int, count: int = 1) -> None:
        self.operations = 2 * count * batch * width * width
        self._left, self._right = torch.rand(count, batch, width), torch.rand(count, width, width)
        self._result = torch.empty(count, batch, width)

    def run(self, passes: int) -> float:
        """Seconds per floating-point operation."""
        started = time.process_time()
        for _ in range(passes):
            torch.bmm(self._left, self._right, out=self._result)
        return (time.process_time() - started) / (passes * self.operations)


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.products: list[Product] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        place = OPERANDS.get(func.overloadpacket._qualified_op_name)
        if place is not None:
            self.products.append(Product(Layout.of(args[place]), Layout.of(args[place + 1])))
        return func(*args, **(kwargs or {}))


def _shape(arena: Tensor, shape: tuple[int, ...]) -> Tensor:
    return arena[: prod(shape)].view(shape)
