"""Python's collector of cycles, held back where very many objects are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

NEVER = 10**9


@contextmanager
def no_collector() -> Iterator[None]:
    """Let the block make objects without a look at all that there are, time and again, for cycles to free.

    With 20,000 records these looks are a third of the time of their reading, and find nothing. What was made last is
    still looked at: batches of a file are cycles, and large.
    """
    before = gc.get_threshold()
    gc.set_threshold(before[0], before[1], NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
