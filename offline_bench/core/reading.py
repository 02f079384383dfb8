"""Reading small text files whole: never an endless one, and never one that blocks."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

SMALL = 512 * 2**20  # bytes that any file of numbers may unpack to
PACKING = 100  # times that packed numbers are larger unpacked, at most: those of a task pack two to ten times
LARGEST = 16 * 2**20  # bytes: records, metadata and suite files have some thousands

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_text(path: Path) -> str:
    """The UTF-8 text of the regular file at `path`.

    Raises `OSError`, in words, for what is no regular file or is larger than `LARGEST`; `ValueError` for other bytes.
    """
    content = read_start(path, LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(f"it is larger than {LARGEST // 2**20} MiB")
    return content.decode("utf-8")


def read_toml(path: Path) -> dict[str, Any]:
    """The content of the TOML file at `path`. Raises as `read_text`; `ValueError` for what is no TOML."""
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read_start(path: Path, most: int) -> bytes:
    """The first `most` bytes of the regular file at `path`. Raises `OSError`, in words for what is no regular file."""
    # Without waiting: to open a named pipe would wait for one who writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"it is {_KINDS.get(stat.S_IFMT(status.st_mode), 'something else')}, not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(descriptor)


def honest_size(status: os.stat_result) -> int:
    """Bytes that the numbers of a file may unpack to; one full of holes is counted by what it takes on disk."""
    on_disk = 512 * getattr(status, "st_blocks", 0)
    return max(SMALL, PACKING * (min(status.st_size, on_disk) if on_disk else status.st_size))
