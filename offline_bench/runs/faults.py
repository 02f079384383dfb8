"""Faults of the place: exceptions that tell of this machine, and not of the run that met them."""

from __future__ import annotations

import errno
import sys

from offline_bench.core.errors import MissingExtraError, PlaceError, StorageError, describe_exception

# Memory, room, files and processes that this machine ran out of; a disk or a network drive that broke.
_EXHAUSTED = {
    *(errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EIO, errno.ESTALE),
    *(errno.EPIPE, errno.ECONNRESET, errno.ENODEV),
}
# What torch says, as a RuntimeError, where there is no memory left on a processor or a GPU.
_NO_MEMORY = ("out of memory", "can't allocate memory", "CUDA error", "CUBLAS_STATUS_ALLOC_FAILED")
# Of `gymnasium.error`: an environment that is not here, or wants a package that is not.
_NO_ENVIRONMENT = ("UnregisteredEnv", "DependencyNotInstalled")


def is_of_the_place(error: BaseException) -> bool:
    """Whether `error` is a fault of the machine, so that another try or another machine may succeed.

    Memory, disk and processes that gave out; packages and environments that are not installed here.
    """
    if isinstance(error, PlaceError | StorageError | MissingExtraError | MemoryError | ImportError):
        return True
    if isinstance(error, OSError) and error.errno in _EXHAUSTED:
        return True
    if isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY):
        return True
    gymnasium = sys.modules.get("gymnasium")
    kinds = tuple(getattr(gymnasium.error, name) for name in _NO_ENVIRONMENT) if gymnasium else ()
    return isinstance(error, kinds)


def describe_fault(error: BaseException) -> str:
    """`error`, a fault of the machine, in a line; where a GPU is full, what can be done about it."""
    if type(error).__name__ == "OutOfMemoryError":
        # What torch says after this is advice to who writes code.
        told = str(error).split(". GPU ")[0].rstrip(".")
        return f"the GPU has no room for even one of them ({told}). Fewer --workers leave each slab more room"
    return describe_exception(error)
