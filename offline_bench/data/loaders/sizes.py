"""How much a file may ask for: what it could honestly hold, and what this machine has."""

from __future__ import annotations

import os

from offline_bench.core.errors import DatasetError

SMALL = 512 * 2**20  # bytes that any file may unpack to
PACKING = 100  # times that packed numbers are larger unpacked, at most: those of a task pack two to ten times


def honest_size(status: os.stat_result) -> int:
    """Bytes that the numbers of a file may unpack to; one full of holes is counted by what it takes on disk."""
    on_disk = 512 * getattr(status, "st_blocks", 0)
    return max(SMALL, PACKING * (min(status.st_size, on_disk) if on_disk else status.st_size))


def check_memory(size: int, what: str) -> None:
    """Raise `DatasetError` where `size` bytes are more than the memory of this machine."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return
    if size > memory:
        raise DatasetError(
            f"{what} needs {size / 2**30:,.1f} GiB of memory, where this machine has {memory / 2**30:,.1f}: "
            "read it on a larger one, or cut the set."
        )
