"""Writing a dataset as a D4RL file: the rewards that a learner sees, the true ones beside them by another name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from offline_bench.core.storage import scratch_path
from offline_bench.data.dataset import Dataset, hash_rewards

COLUMNS = ("observations", "actions", "rewards", "terminals", "timeouts", "next_observations")
# Readers of D4RL pass over what lies in `infos`: no learner takes these for its rewards.
TRUE_REWARDS = "infos/true_rewards"
# What was done to the data, by the field of `Dataset`. A file with these and the true rewards is one of ours.
LABELS = {"curation": "metadata/curation", "relabeling": "metadata/relabeling"}
FINGERPRINT = "metadata/fingerprint"
REWARDS = "metadata/rewards_fingerprint"


def write_d4rl(data: Dataset, path: Path, about: Mapping[str, str] | None = None) -> None:
    """Write `data` to `path`, flat arrays of n rows in D4RL's layout (Fu et al. 2020); replace what lies there.

    `rewards` (n,) are those that a learner sees, `infos/true_rewards` (n,) those of the task. `metadata` holds texts:
    the dataset, its environment, its curation, its relabeling and its fingerprint, and those of `about`. Raises
    `StorageError`.
    """
    import h5py

    texts = {f"metadata/{name}": text for name, text in (about or {}).items()}
    texts |= {"metadata/dataset": data.id, "metadata/environment": data.environment, FINGERPRINT: data.fingerprint}
    texts |= {REWARDS: hash_rewards(data)}
    texts |= {name: getattr(data, field) for field, name in LABELS.items()}
    with scratch_path(path) as scratch, h5py.File(scratch, "w") as file:
        for name in COLUMNS:
            file[name] = getattr(data, name)
        file[TRUE_REWARDS] = data.true_rewards
        for name, text in texts.items():
            file[name] = text
