"""The file that a learner which is a program is handed: D4RL's layout, and no true reward anywhere in it."""

from __future__ import annotations

from pathlib import Path

from offline_bench.core.storage import scratch_path
from offline_bench.data.dataset import Dataset

ARRAYS = ("observations", "actions", "next_observations", "rewards", "terminals", "timeouts")


def hand_over(data: Dataset, path: Path) -> None:
    """Write what a learner is shown of `data` to the HDF5 file `path`. Raises `StorageError`.

    Flat arrays, each (n, ...): observations, actions, next_observations float32; rewards float32, those of the
    relabeling; terminals, timeouts bool. Source: Fu et al. 2020, D4RL.
    """
    import h5py

    with scratch_path(path) as scratch, h5py.File(scratch, "w") as file:
        for name in ARRAYS:
            file.create_dataset(name, data=getattr(data, name))
