"""Where an exported file comes from: what is written into it, and the check that it still holds that."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from offline_bench.core.errors import DatasetError
from offline_bench.data.dataset import Dataset

MARK = "offline_bench"  # the key of the origin in a Minari set's metadata.json
LABELS = ("curation", "relabeling")


def find_origin(data: Dataset, seed: int | None = None) -> dict[str, str]:
    """What an exported file of `data` says of itself, as texts; `seed` is that of its relabeling, where it is known.

    `fingerprint` is that of the transitions with their true rewards, `rewards_fingerprint` that of what a learner sees.
    """
    origin = {
        "dataset": data.id,
        "environment": data.environment,
        "curation": data.curation,
        "relabeling": data.relabeling,
        "fingerprint": data.fingerprint,
        "rewards_fingerprint": hash_rewards(data),
        "version": _own_version(),
    }
    return origin if seed is None else {**origin, "seed": str(seed)}


def hash_rewards(data: Dataset) -> str:
    """Sixteen hex digits over the rewards (n,) that a learner sees."""
    return hashlib.sha256(np.ascontiguousarray(data.rewards).tobytes()).hexdigest()[:16]


def check_origin(data: Dataset, origin: Mapping[str, Any], where: str) -> None:
    """Raise `DatasetError` where `data`, read from `where`, is not what its `origin` says that it is."""
    found = {"fingerprint": data.fingerprint, "rewards_fingerprint": hash_rewards(data)}
    for name, value in found.items():
        told = origin.get(name)
        if told is not None and told != value:
            raise DatasetError(
                f"{where} was changed after it was exported: it names the {name} {told!s:.40}, and its content has "
                f"{value}. Export it again."
            )


def read_labels(origin: Mapping[str, Any], where: str) -> dict[str, str]:
    """The curation and the relabeling that `origin` tells, as `Dataset` names them. Raises `DatasetError`."""
    labels = {name: origin.get(name) for name in LABELS}
    texts = {name: text for name, text in labels.items() if isinstance(text, str)}
    for name in LABELS:
        if name not in texts:
            raise DatasetError(f"{where}: what it says of its {name} is no text. Export it again.")
    return texts


def _own_version() -> str:
    try:
        return version("offline-bench")
    except PackageNotFoundError:
        return "unknown"
