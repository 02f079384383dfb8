"""A slab's state on disk, so that training cut short goes on from there to the bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from offline_bench.errors import DivergedError
from offline_bench.provenance import read_versions
from offline_bench.storage import scratch_path

if TYPE_CHECKING:
    from offline_bench.algorithms.stacked.slab import SlabTraining

FORMAT = "offline-bench/slab/1"


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

    def save(self, training: SlabTraining) -> None:
        """Write the slab as it stands. Raises `StorageError`."""
        history = training.history
        header = {
            "name": self.name,
            "versions": read_versions(),
            "step": training.step,
            "notes": self.notes,
            "sums": {name: list(total) for name, total in history.sums.items()},
            "counts": dict(history.counts),
            "diverged": [error and [error.step, error.what] for error in history.diverged],
        }
        tensors = {name: t.contiguous().cpu().numpy() for name, t in training.algorithm.state().items()}
        text = json.dumps(header)
        metadata = {"format": FORMAT, "header": text, "digest": _digest(text, tensors)}
        with scratch_path(self.path) as scratch:
            scratch.write_bytes(save(tensors, metadata=metadata))

    def restore(self, training: SlabTraining) -> None:
        """Put `training` where the file left it.

        Without a whole file of this slab, these versions and these tensors, leave it as it is.
        """
        header = read_header(self.path)
        if header is None or header["name"] != self.name or header["versions"] != read_versions():
            return
        tensors = _read_tensors(self.path)
        state = training.algorithm.state()
        if {name: t.shape for name, t in tensors.items()} != {name: tuple(t.shape) for name, t in state.items()}:
            return
        with torch.no_grad():
            for name, tensor in state.items():
                tensor.copy_(torch.from_numpy(tensors[name]))
        history = training.history
        history.sums = {name: np.array(total) for name, total in header["sums"].items()}
        history.counts.update(header["counts"])
        history.diverged = [told and DivergedError(*told) for told in header["diverged"]]
        training.step = header["step"]
        self.notes.update(header["notes"])


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
