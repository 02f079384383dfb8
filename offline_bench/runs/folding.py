"""Folding: records in files of their own become one packed part of their folder."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from offline_bench.core.errors import RecordError
from offline_bench.core.locks import free_lock, try_lock
from offline_bench.core.reading import read_text
from offline_bench.runs.packed import read_packed, read_packed_briefs, read_packed_heads
from offline_bench.runs.record import from_text
from offline_bench.runs.store import find_parts, number_of, row_of, write_rows

ODD = 10**12  # no folder has so many parts
LOCK = "folding.lock"
Stamp = tuple[int, int]


def fold_records(folder: Path, paths: Iterable[Path]) -> Path | None:
    """Move the records in files of their own at `paths` into a new part of `folder`, and return that.

    None where there was nothing to fold, or another process folds. A file goes when the part was read back, and only
    where it is still the one that was read: a kill in between leaves both, which are equal. A file that cannot be read
    stays. Raises `StorageError`.
    """
    lock = try_lock(folder / "records" / LOCK)
    if lock is None:
        return None
    try:
        return _fold(folder, paths)
    finally:
        free_lock(lock)


def _fold(folder: Path, paths: Iterable[Path]) -> Path | None:
    rows: dict[Path, tuple[Stamp | None, dict[str, Any]]] = {}
    for path in paths:
        stamp = stamp_of(path)
        with suppress(OSError, ValueError, RecordError, RecursionError):
            rows[path] = stamp, row_of(from_text(read_text(path), str(path)))
    if not rows:
        return None
    numbers = [number for number in map(number_of, find_parts(folder)) if number < ODD]
    number = 1 + max(numbers, default=0)
    part = folder / "records" / f"part-{number:06d}-{secrets.token_hex(4)}.parquet"
    write_rows(part, {row["key"]: row for _, row in rows.values()}.values())
    back = _read_back(part)
    if not back:
        part.unlink(missing_ok=True)
        return None
    for path, (stamp, row) in rows.items():
        if row["record"] in back and stamp_of(path) == stamp:
            with suppress(OSError):
                path.unlink(missing_ok=True)
    return part


def _read_back(part: Path) -> set[str]:
    """The texts of the records that every reader finds in `part`; none where one of them refuses it."""
    try:
        for read in (read_packed_heads, read_packed_briefs):
            for where, found in read(part):
                if isinstance(found, str):
                    from_text(found, where)
        return {text for where, text in read_packed(part) if from_text(text, where)}
    except (OSError, ValueError, RecordError):
        return set()


def stamp_of(path: Path) -> Stamp | None:
    """Which file lies at `path`; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns
