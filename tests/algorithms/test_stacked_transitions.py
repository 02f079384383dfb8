"""What a minibatch of a slab holds beside the columns of its rows."""

import numpy as np
import torch

from offline_bench.algorithms.stacked.transitions import Transitions
from offline_bench.schemes.checks import sample_dataset


def test_next_actions_are_those_of_the_next_row_and_keep_to_their_episode() -> None:
    data = sample_dataset([5, 1, 8, 3], [True, False, False, True])
    transitions = Transitions([data, data.with_rewards(-data.rewards, "negative")], True, "none", "cpu")
    rows = np.stack([np.arange(data.n), np.arange(data.n)[::-1]])
    batch = transitions.gather({"rows": torch.from_numpy(rows.copy())})
    following = np.where(data.terminals | data.timeouts, rows[0], rows[0] + 1)[rows]
    assert np.array_equal(batch.actions.numpy(), data.actions[rows])
    assert np.array_equal(batch.next_actions.numpy(), data.actions[following])


def test_who_does_not_ask_for_next_actions_has_none_looked_up() -> None:
    data = sample_dataset([5], [True])
    transitions = Transitions([data], True, "none", "cpu")
    batch = transitions.gather({"rows": torch.zeros(1, 4, dtype=torch.int64)})
    assert "episodes" not in vars(transitions)
    assert batch.next_actions.shape == (1, 4, 2)
    assert "episodes" in vars(transitions)
