"""Python's collector of cycles, held back where very many objects are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collector() -> Iterator[None]:
    """Let the block make objects without a look at all that there are, time and again, for cycles to free.

    With 20,000 records these looks are a third of the time of their reading, and there is nothing to free.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
