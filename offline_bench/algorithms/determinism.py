"""What makes training repeat to the bit: one thread, seeded generators, a stream that looking does not move."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread sums in one order, and is the faster choice for networks of this size."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def held_stream() -> Iterator[None]:
    """Put torch's generator back: some policies draw noise when they act, which must not move the training stream."""
    import torch

    state = torch.random.get_rng_state()
    try:
        yield
    finally:
        torch.random.set_rng_state(state)


@contextmanager
def seeded(seed: np.random.SeedSequence) -> Iterator[None]:
    """Seed the global generators d3rlpy draws from, and put them back as they were."""
    import torch

    first, second = (int(word) for word in seed.generate_state(2))
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(first)
        random.seed(second)
        np.random.seed(second)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002
