"""Relabelings that learn a reward, and those made against the data: what they find, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from offline_bench.core.errors import OfflineBenchError, RelabelingError
from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.schemes.checks import sample_dataset
from offline_bench.schemes.relabel import relabel
from offline_bench.schemes.relabel.accuracy import correlate


def linear() -> Dataset:
    """Forty episodes of 50 steps whose reward is the first number of the next observation."""
    data = sample_dataset([50] * 40, terminal=[False] * 40)
    return replace(data, true_rewards=data.next_observations[:, 0].copy(), rewards=np.empty(0, np.float32))


def correlation(text: str, data: Dataset) -> float:
    found = correlate(relabel(data, text, 0).rewards, data.true_rewards)
    assert found is not None
    return found


@pytest.mark.slow
def test_a_reward_is_learned_from_a_few_labels_and_its_accuracy_is_of_the_others() -> None:
    data = linear()
    relabeled = relabel(data, "learned(hidden_units=(16,), n_labels=200)", 0)
    facts = relabeled.relabeling_facts
    assert facts["labels"] == 200
    assert facts["held_out_transitions"] == data.n - 200
    assert facts["held_out_correlation"] > 0.9
    assert facts["held_out_r_squared"] > 0.8


@pytest.mark.slow
def test_preferences_find_the_wish_and_poison_turns_it_round() -> None:
    data = linear()
    asked = "hidden_units=(16,), n_pairs=500, segment=5"
    assert correlation(f"preferences({asked})", data) > 0.9
    assert correlation(f"poisoned-preferences({asked}, p=1.0)", data) < -0.9
    assert correlation(f"poisoned-preferences({asked}, p=0.0)", data) > 0.9
    noisy = relabel(data, f"preferences({asked}, noise=1.0)", 0).relabeling_facts
    assert 0.5 < noisy["held_out_preference_accuracy"] < 0.98


@pytest.mark.slow
def test_a_learned_reward_is_the_same_with_more_threads() -> None:
    import torch

    data, before = linear(), torch.get_num_threads()
    one = relabel(data, "learned(hidden_units=(8,), n_labels=100)", 3).rewards
    torch.set_num_threads(2)
    try:
        assert np.array_equal(one, relabel(data, "learned(hidden_units=(8,), n_labels=100)", 3).rewards)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_what_the_behavior_does_least_pays_most() -> None:
    data = sample_dataset([50] * 40, terminal=[False] * 40)
    rng = np.random.default_rng(0)
    actions = rng.normal(0.5, 0.05, data.actions.shape).astype(np.float32)
    rare = rng.choice(data.n, 20, replace=False)
    actions[rare] -= 1.0
    data = replace(data, actions=actions)
    rewards = relabel(data, "opposite-of-data", 0).rewards
    others = np.delete(rewards, rare)
    assert rewards[rare].mean() > others.mean() + 3
    assert rewards[rare].min() > np.median(others)
    assert abs(rewards.mean()) < 1e-5


def test_a_tax_of_nothing_is_the_true_reward_and_a_large_one_is_the_opposite_of_the_data() -> None:
    data = sample_dataset([50] * 4, terminal=[False] * 4)
    assert np.allclose(relabel(data, "support-tax(scale=0.0)", 0).rewards, data.true_rewards)
    heavy, opposite = (relabel(data, text, 0).rewards for text in ("support-tax(scale=1000.0)", "opposite-of-data"))
    found = correlate(heavy, opposite)
    assert found is not None
    assert found > 0.999


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("learned(n_labels=10000)", "has 200 transitions, so 1 to 200 labels"),
        ("learned(n_labels=0)", "1 to 200 labels"),
        ("learned(n_labels=5, hidden_units=(0,))", "whole numbers from 1"),
        ("learned(n_labels=5, hidden_units=(100000000,))", "whole numbers from 1 to 1024"),
        ("learned(n_labels=5, hidden_units=())", "whole numbers from 1"),
        ("preferences(n_pairs=1000000000)", "up to 10,000,000 are taken"),
        ("preferences(n_pairs=5, segment=51)", "its longest episode has 50 steps"),
        ("preferences(n_pairs=0)", "whole numbers from 1"),
        ("preferences(n_pairs=5, noise=-1.0)", "0, or a number from 1e-06 to 1e+06"),
        ("preferences(n_pairs=5, noise=1e-320)", "0, or a number from"),
        ("preferences(n_pairs=5, noise=1e300)", "0, or a number from"),
        ("poisoned-preferences(p=1.5)", "a share in [0, 1]"),
    ],
)
def test_what_cannot_be_learned_is_refused_with_a_sentence(text: str, said: str) -> None:
    data = sample_dataset([50] * 4, terminal=[False] * 4)
    with pytest.raises(RelabelingError) as refused:
        relabel(data, text, 0)
    assert said in str(refused.value)


def test_a_potential_that_is_no_number_is_refused() -> None:
    data = sample_dataset([50] * 4, terminal=[False] * 4)
    with pytest.raises(OfflineBenchError, match="potential"):
        relabel(data, "shaped(potential=(nan, 0.0, 0.0))", 0)


def test_an_unknown_stage_of_a_chain_is_named_with_its_place() -> None:
    data = sample_dataset([50] * 4, terminal=[False] * 4)
    with pytest.raises(OfflineBenchError) as refused:
        relabel(data, "noisy(scale=0.5) > cliped(low=0, high=1)", 0)
    assert "stage 2" in str(refused.value) or "^" in str(refused.value)
    assert "clipped" in str(refused.value)


@pytest.mark.slow
def test_a_reward_of_discrete_actions_is_learned_in_a_chain_and_told_by_its_stage() -> None:
    data = sample_dataset([20] * 4, terminal=[True, False] * 2)
    none, choices = np.empty(0, np.float32), np.random.default_rng(0).integers(0, 3, data.n)
    data = replace(data, action_space=ActionSpace(none, none, 3), actions=choices, rewards=none)
    found = relabel(data, "noisy > learned(hidden_units=(4,), n_labels=5) > sign", 0)
    assert found.relabeling_facts["stage 2: labels"] == 5
    assert set(np.unique(found.rewards)) <= {-1.0, 0.0, 1.0}
    for text in ("opposite-of-data", "support-tax(scale=1.0)"):
        with pytest.raises(RelabelingError, match="one of 3, without distances"):
            relabel(data, text, 0)
