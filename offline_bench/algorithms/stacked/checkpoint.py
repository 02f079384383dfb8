"""A slab's state on disk, so that training cut short goes on from there to the bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from offline_bench.core.provenance import read_versions
from offline_bench.core.storage import scratch_path

FORMAT = "offline-bench/slab/1"


@dataclass(frozen=True)
class State:
    """A slab after `step` gradient steps, as plain arrays and notes.

    tensors       weights, targets and moments by name, each with a leading axis of runs
    sums, counts  of every loss since the last snapshot: its sum of each run, and of how many steps
    diverged      of each run None, or (step, what was not finite)
    """

    step: int
    tensors: Mapping[str, np.ndarray]
    sums: Mapping[str, Sequence[float]]
    counts: Mapping[str, int]
    diverged: Sequence[tuple[int, str] | None]


class Checkpoint:
    """The file of one slab. `name` says which slab, to the last parameter: a file of any other is not gone on from.

    `notes` holds, by step, what was found out at each snapshot; it is saved and restored with the weights. What
    chance decides needs no saving: it is a function of the run's seed and the step.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.notes: dict[str, Any] = {}

    def shown(self) -> set[int]:
        """Steps whose snapshots were seen to before."""
        return {int(step) for step in self.notes}

    def save(self, state: State) -> None:
        """Write the slab as it stands. Raises `StorageError`."""
        header = {"name": self.name, "versions": read_versions(), "step": state.step, "notes": self.notes}
        header |= {"sums": state.sums, "counts": state.counts, "diverged": state.diverged}
        text = json.dumps(header)
        metadata = {"format": FORMAT, "header": text, "digest": _digest(text, state.tensors)}
        with scratch_path(self.path) as scratch:
            scratch.write_bytes(save(dict(state.tensors), metadata=metadata))

    def restore(self, shapes: Mapping[str, tuple[int, ...]]) -> State | None:
        """What the file holds; None without a whole file of this slab, these versions and tensors of these `shapes`."""
        header = read_header(self.path)
        if header is None or header["name"] != self.name or header["versions"] != read_versions():
            return None
        tensors = _read_tensors(self.path)
        if {name: array.shape for name, array in tensors.items()} != shapes:
            return None
        self.notes.update(header["notes"])
        return State(header["step"], tensors, header["sums"], header["counts"], header["diverged"])


def read_header(path: Path) -> dict[str, Any] | None:
    """What the file at `path` says of its slab; None where it is no whole checkpoint."""
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
        header = json.loads(metadata.get("header", "null"))
    except (OSError, SafetensorError, ValueError):
        return None
    return header if metadata.get("format") == FORMAT and isinstance(header, dict) else None


def _read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of the checkpoint at `path`; none where a bit of it is not as it was written."""
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError):
        return {}
    return tensors if metadata.get("digest") == _digest(metadata.get("header", ""), tensors) else {}


def _digest(header: str, tensors: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(header.encode())
    for name, array in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
