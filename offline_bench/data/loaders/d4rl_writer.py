"""Writing transitions as a D4RL file, for programs that read nothing else."""

from __future__ import annotations

from pathlib import Path

from offline_bench.core.storage import scratch_path
from offline_bench.data.dataset import Dataset

ARRAYS = ("observations", "actions", "next_observations", "rewards", "terminals", "timeouts")


def write_d4rl(data: Dataset, path: Path) -> None:
    """Write `data` to the HDF5 file `path`, as `load_d4rl` reads it.

    Flat arrays, each (n, ...): observations, actions, next_observations float32; rewards float32, those that a learner
    sees; terminals, timeouts bool. No true reward is written. Raises `StorageError`. Source: Fu et al. 2020, D4RL.
    """
    import h5py

    with scratch_path(path) as scratch, h5py.File(scratch, "w") as file:
        for name in ARRAYS:
            file.create_dataset(name, data=getattr(data, name))
