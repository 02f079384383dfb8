"""What a program is handed reads back as a D4RL file, with the rewards that it is to learn from."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from offline_bench.algorithms.handed_file import hand_over
from offline_bench.data.dataset import ActionSpace
from offline_bench.data.loaders.d4rl import load_d4rl
from offline_bench.schemes.checks import sample_dataset


def test_a_set_reads_back_with_its_fingerprint_and_a_relabeled_one_with_its_own_rewards(tmp_path: Path) -> None:
    data = sample_dataset([5, 1, 8, 3], [True, False, False, True], size=11)
    box = ActionSpace(-np.ones(3, np.float32), np.ones(3, np.float32))
    actions = np.zeros((data.n, 3), np.float32)
    data = replace(data, environment="Hopper-v5", action_space=box, actions=actions)
    hand_over(data, tmp_path / "same.hdf5")
    assert load_d4rl(tmp_path / "same.hdf5", "Hopper-v5", "sample").fingerprint == data.fingerprint
    hand_over(data.with_rewards(-data.true_rewards, "negative"), tmp_path / "other.hdf5")
    other = load_d4rl(tmp_path / "other.hdf5", "Hopper-v5", "sample")
    assert np.array_equal(other.true_rewards, -data.true_rewards)
    assert np.array_equal(other.next_observations, data.next_observations)
    assert np.array_equal(other.timeouts, data.timeouts)
