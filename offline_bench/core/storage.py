"""Writing files so that one exists exactly when it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from offline_bench.core.errors import StorageError


@contextmanager
def scratch_path(path: Path) -> Iterator[Path]:
    """Yield a scratch name beside `path`; on a clean exit fsync it and rename it to `path`.

    Raises `StorageError` where the folder or the disk does not take the file; nothing is left behind.
    """
    scratch = path.with_name(f"{path.name}.{os.getpid()}.scratch")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
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
            f"cannot write {path}: {reason}. Free some space or choose another folder; "
            "no partial file was left, and running the same command again goes on from here."
        ) from error
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Raise `StorageError` now rather than after an hour's work where `folder` takes no file."""
    probe = folder / f".writable.{os.getpid()}"
    with scratch_path(probe) as scratch:
        scratch.touch()
    probe.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically as UTF-8. Raises `StorageError`."""
    with scratch_path(path) as scratch:
        scratch.write_bytes(text.encode())
