"""What makes training repeat to the bit: seeded generators, and a stream that looking does not move."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


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
