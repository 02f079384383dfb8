"""Writing files so that one exists exactly when it is complete."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from offline_bench.core.errors import StorageError
from offline_bench.core.locks import NoLocksError, free_lock, try_lock

# Seconds after which a scratch file that nobody has written to is nobody's.
OLD = 3600.0


@contextmanager
def scratch_path(path: Path) -> Iterator[Path]:
    """Yield a scratch name beside `path`; on a clean exit fsync it and rename it to `path`.

    What a kill left of an earlier write of `path` is removed once it is old.

    Raises `StorageError` where the folder or the disk does not take the file; nothing is left behind.
    """
    # Numbers of processes are not enough: two machines, or two containers, share a folder.
    scratch = path.with_name(f"{path.name}.{_own_name()}.scratch")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_old(path)
        yield scratch
        descriptor = os.open(scratch, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        scratch.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"cannot write {path}: {reason}. Free some space or choose another folder. No partial file was left. Run "
            "the same command again to go on from here."
        ) from error
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


@contextmanager
def scratch_folder(parent: Path, name: str) -> Iterator[Path]:
    """A new folder in `parent` while the block runs, with `name` in its own name; deleted afterwards with its content.

    What killed processes left of their own folders of that `name` is removed. Raises `OSError`, `StorageError`.
    """
    _remove_orphans(parent, name)
    folder = parent / f"{name}-{_own_name()}.scratch"
    try:
        lock = try_lock(folder.with_suffix(".lock"))
    except NoLocksError:
        lock = None
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            free_lock(lock)


def remove_scratch(folder: Path) -> None:
    """Remove every scratch file below `folder`; call it only if nobody is writing there."""
    for path in folder.rglob("*.scratch"):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Raise `StorageError` if `folder` takes no file: before the work, not after it."""
    probe = folder / f".writable.{os.getpid()}"
    with scratch_path(probe) as scratch:
        scratch.touch()
    probe.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically as UTF-8. Raises `StorageError`."""
    with scratch_path(path) as scratch:
        scratch.write_bytes(text.encode())


def _own_name() -> str:
    return f"{os.getpid()}-{secrets.token_hex(4)}"


def _remove_old(path: Path) -> None:
    for scratch in path.parent.glob(f"{glob.escape(path.name)}.*.scratch"):
        with suppress(OSError):
            if time.time() - scratch.stat().st_mtime > OLD:
                scratch.unlink()


def _remove_orphans(parent: Path, name: str) -> None:
    """Remove the scratch folders whose process is gone: its lock is free."""
    for path in (*parent.glob(f"{name}-*.scratch"), *parent.glob(f"{name}-*.lock")):
        try:
            lock = try_lock(path.with_suffix(".lock"))
        except StorageError:
            return
        if lock is not None:
            shutil.rmtree(path.with_suffix(".scratch"), ignore_errors=True)
            free_lock(lock)
