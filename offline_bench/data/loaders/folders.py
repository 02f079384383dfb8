"""Where Minari datasets lie on this machine, and what an id may be."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from offline_bench.core.errors import DatasetError
from offline_bench.core.paths import cache_folder

LONGEST = 200  # bytes of an id: file systems take names of 255, and each file name here is made longer
ID_PART = re.compile(r"[-+.\w]+")


def check_id(dataset_id: str) -> None:
    """Raise `DatasetError` unless `dataset_id` is names joined by '/', so that it stays inside its folder."""
    size = len(dataset_id.encode("utf-8", "replace"))
    if size > LONGEST:
        raise DatasetError(
            f"{dataset_id[:40]!r}... is not a dataset id: it has {size} bytes, and an id has at most {LONGEST}."
        )
    if not all(ID_PART.fullmatch(part) and part.strip(".") for part in dataset_id.split("/")):
        raise DatasetError(
            f"{dataset_id!r} is not a dataset id. An id is names joined by '/', such as "
            "offline-bench/hopper/medium-v0. A name has letters, digits and - + . _ only, and leads to no other "
            "folder."
        )


def roots() -> list[Path]:
    """Where Minari datasets are looked for, in this order: $MINARI_DATASETS_PATH, our cache, Minari's default."""
    given = os.environ.get("MINARI_DATASETS_PATH")
    return [*([Path(given)] if given else []), cache_folder(), Path.home() / ".minari" / "datasets"]


def locate(dataset_id: str) -> Path | None:
    """The folder of `dataset_id` in the first of `roots()` that has it; None where none does."""
    # With `data`, because a namespace is a folder, too.
    return next((root / dataset_id for root in roots() if (root / dataset_id / "data").is_dir()), None)


def list_folders() -> Iterator[tuple[Path, str]]:
    """The folder and id of every dataset that lies here, root by root; none that is still being written."""
    for root in dict.fromkeys(roots()):
        for data in sorted(root.glob("**/data")):
            place = data.parent.relative_to(root)
            scratch = any(part.endswith(".scratch") or part.startswith(".") for part in place.parts)
            if place.parts and data.is_dir() and not scratch:
                yield data.parent, place.as_posix()
