"""Fingerprints and extents of the datasets that lie here, kept in the cache: to tell one takes the reading of a set."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from offline_bench.core.errors import OfflineBenchError, StorageError
from offline_bench.core.paths import PACKAGE, cache_folder, dataset_file
from offline_bench.core.reading import read_text
from offline_bench.core.storage import write_text
from offline_bench.data.dataset import Dataset
from offline_bench.data.extent import Extent
from offline_bench.data.loaders import load
from offline_bench.data.loaders.cards import load_cards
from offline_bench.data.loaders.folders import locate
from offline_bench.data.loaders.handed import find_handed

# A file may be written twice within one tick of its clock.
TICK = 2 * 10**9  # nanoseconds


def find_fingerprint(dataset_id: str) -> str:
    """The fingerprint of the whole dataset, as `load` would read it.

    One that is kept counts only while every file of the set, and the code that reads it, is as it was then. Raises
    what `load` raises.
    """
    handed = find_handed(dataset_id)
    return handed.data.fingerprint if handed else _find(dataset_id)[0]


def find_extent(dataset_id: str) -> Extent:
    """The extent of the whole dataset, kept and told as `find_fingerprint` is."""
    handed = find_handed(dataset_id)
    return Extent.of(handed.data) if handed else _find(dataset_id)[1]


def load_and_keep(dataset_id: str) -> Dataset:
    """What `load` gives and raises; what there is to tell of it is kept."""
    if find_handed(dataset_id):
        return load(dataset_id)
    files = _files_of(dataset_id)
    before = _state_of(files)
    data = load(dataset_id)
    if before and _find_kept(dataset_id, before) is None and _state_of(files) == before:
        _keep(dataset_id, before, data)
    return data


def _find(dataset_id: str) -> tuple[str, Extent]:
    state = _state_of(_files_of(dataset_id))
    kept = _find_kept(dataset_id, state) if state else None
    if kept is not None:
        return kept
    data = load_and_keep(dataset_id)
    return data.fingerprint, Extent.of(data)


def _find_kept(dataset_id: str, state: str) -> tuple[str, Extent] | None:
    """What is kept of the set in that `state`."""
    known = _read_known().get(dataset_id)
    if not isinstance(known, dict) or known.get("state") != state or not isinstance(known.get("fingerprint"), str):
        return None
    try:
        return known["fingerprint"], Extent.from_dict(known["extent"])
    except (KeyError, TypeError, ValueError, AttributeError, OfflineBenchError):
        return None


def _known_file() -> Path:
    return cache_folder() / "fingerprints.json"


def _read_known() -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError):
        content = json.loads(read_text(_known_file()))
        return content if isinstance(content, dict) else {}
    return {}


def _keep(dataset_id: str, state: str, data: Dataset) -> None:
    # Where the cache takes no file, it is computed again.
    with suppress(StorageError):
        told = {"state": state, "fingerprint": data.fingerprint, "extent": Extent.of(data).to_dict()}
        write_text(_known_file(), json.dumps(_read_known() | {dataset_id: told}, sort_keys=True, indent=1) + "\n")


def _files_of(dataset_id: str) -> list[Path]:
    card = load_cards().get(dataset_id)
    if card and card.file:
        return [dataset_file(card.file)]
    folder = locate(dataset_id)
    return sorted((folder / "data").rglob("*")) if folder else []


def _state_of(files: Iterable[Path]) -> str:
    """Where `files` lie, when they were last written, how large they are, and the code; '' where nobody can tell."""
    stats: list[tuple[str, int, int, int, int]] = []
    try:
        for path in files:
            about = path.stat()
            if time.time_ns() - max(about.st_mtime_ns, about.st_ctime_ns) < TICK:
                return ""
            # A copy may bring its time with it, and sets of one shape have one size; no copy brings its ctime.
            stats.append((str(path.resolve()), about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino))
    except OSError:
        return ""
    return hashlib.sha256(json.dumps([_hash_code(), stats]).encode()).hexdigest()[:16] if stats else ""


@cache
def _hash_code() -> str:
    """What decides how a file becomes a dataset."""
    digest = hashlib.sha256()
    for path in sorted((PACKAGE / "data").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
