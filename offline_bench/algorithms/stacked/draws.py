"""What chance decides in a step, drawn a block of steps ahead from a stream that depends on the run's seed alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

NUMBERS_PER_BLOCK = 2**18
LONGEST_BLOCK = 256


@dataclass(frozen=True)
class Draw:
    """One quantity of a step and run: `kind` 'normal' (0, 1), 'uniform' [0, 1) or 'index' below `below`.

    `below` is one number, or one for each run where they differ.
    """

    kind: str
    shape: tuple[int, ...]
    below: int | tuple[int, ...] = 0

    def of_run(self, run: int) -> Draw:
        """The same for a slab of `run` alone."""
        return self if isinstance(self.below, int) else replace(self, below=self.below[run])


class Draws:
    """The draws of all runs of a slab, step by step; runs of one seed and one plan share a stream.

    numbers   how many a run draws in a step
    block     steps drawn ahead at once

    Block k of a stream is drawn by a generator of its own, seeded by the run's seed and k: where training stands is
    all the state there is, and what else is in the slab cannot matter.
    """

    def __init__(self, plan: Mapping[str, Draw], seeds: Sequence[np.random.SeedSequence], device: str) -> None:
        self._plan = dict(plan)
        plans = [{name: draw.of_run(run) for name, draw in plan.items()} for run in range(len(seeds))]
        keys = [(seed.entropy, seed.spawn_key, *own.values()) for seed, own in zip(seeds, plans, strict=True)]
        distinct = list(dict.fromkeys(keys))
        firsts = [keys.index(key) for key in distinct]
        self._seeds, self._plans = [seeds[first] for first in firsts], [plans[first] for first in firsts]
        self._streams = torch.tensor([distinct.index(key) for key in keys], device=device)
        self._shared = len(distinct) < len(keys)
        self._device = device
        self.numbers = sum(int(np.prod(draw.shape)) for draw in self._plan.values())
        self.block = max(1, min(LONGEST_BLOCK, NUMBERS_PER_BLOCK // max(self.numbers, 1)))
        self._number = -1
        self._tensors: dict[str, Tensor] = {}

    def at(self, step: int) -> dict[str, Tensor]:
        """The draws of `step`, each (runs, *shape)."""
        number, place = divmod(step, self.block)
        if number != self._number:
            self._draw_block(number)
        drawn = {name: tensor[place] for name, tensor in self._tensors.items()}
        if self._shared:
            return {name: tensor.index_select(0, self._streams) for name, tensor in drawn.items()}
        return drawn

    def _draw_block(self, number: int) -> None:
        rngs = [_block_rng(seed, number) for seed in self._seeds]
        for name, draw in self._plan.items():
            shape = (self.block, *draw.shape)
            of_streams = [_draw(plan[name], rng, shape) for plan, rng in zip(self._plans, rngs, strict=True)]
            drawn = torch.from_numpy(np.stack(of_streams, axis=1))
            if not self._device.startswith("cpu"):
                drawn = drawn.pin_memory().to(self._device, non_blocking=True)
            self._tensors[name] = drawn
        self._number = number


def weights_rng(seed: np.random.SeedSequence) -> np.random.Generator:
    """What draws a run's initial weights."""
    return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 0)))


def selection_rng(seed: np.random.SeedSequence) -> np.random.Generator:
    """What decides, before a run trains, which of the data it learns from."""
    return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 2)))


def _block_rng(seed: np.random.SeedSequence, number: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 1, number)))


def _draw(draw: Draw, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    if draw.kind == "index":
        return rng.integers(draw.below, size=shape)
    return rng.standard_normal(shape, np.float32) if draw.kind == "normal" else rng.random(shape, np.float32)
