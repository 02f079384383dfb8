"""Locks on files, which the operating system frees however their holder ends."""

from __future__ import annotations

import errno
from pathlib import Path

from filelock import FileLock, Timeout

from offline_bench.core.errors import StorageError

# What file systems without locks answer.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class NoLocksError(StorageError):
    """The file system knows no locks."""


def try_lock(path: Path, seconds: float = 0.0) -> FileLock | None:
    """The lock on the file `path`, held from now on; None where somebody else holds it for all of `seconds`.

    `free_lock` ends it, and so does the end of this process. Raises `NoLocksError` where the file system has no locks,
    `StorageError` where the folder takes no file.
    """
    # A lock that is the mere presence of a file would outlive a kill.
    lock = FileLock(path, fallback_to_soft=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=seconds)
    except Timeout:
        return None
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _NO_LOCKS:
            raise NoLocksError(f"cannot lock {path}: {reason}.") from error
        raise StorageError(f"cannot write {path}: {reason}. Free some space or choose another folder.") from error
    return lock


def free_lock(lock: FileLock) -> None:
    """Delete the file of a held lock, then free it: a waiting process makes a new file."""
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
