"""What this machine can hold."""

from __future__ import annotations

import os

from offline_bench.core.errors import DatasetError


def check_memory(size: int, what: str) -> None:
    """Raise `DatasetError` where `size` bytes are more than the memory of this machine."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return
    if size > memory:
        raise DatasetError(
            f"{what} needs {size / 2**30:,.1f} GiB of memory, but this machine has {memory / 2**30:,.1f}. Use a "
            "larger machine or a smaller set."
        )
