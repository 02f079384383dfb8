"""What a learner is handed: everything but the true reward and what tells of it."""

from __future__ import annotations

import copy
import pickle
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from offline_bench.core.errors import DatasetError, TrueRewardError
from offline_bench.data.dataset import Dataset
from offline_bench.data.learner_view import WITHHELD, LearnerView
from offline_bench.schemes.checks import sample_dataset
from offline_bench.schemes.curate import curate
from offline_bench.schemes.relabel import relabel


@pytest.fixture
def data() -> Dataset:
    """Cut and relabeled, and with all that is computed once computed before."""
    data = relabel(curate(sample_dataset([5, 9], [True, False]), "truncate(steps=3)"), "random", 0)
    assert data.fingerprint and len(data.true_returns)
    return data


@pytest.mark.parametrize("name", WITHHELD)
@pytest.mark.parametrize("way", [lambda view: view, copy.copy, lambda view: pickle.loads(pickle.dumps(view))])
def test_asking_for_what_tells_of_the_true_reward_raises_a_sentence(name: str, way: Any, data: Dataset) -> None:
    with pytest.raises(TrueRewardError, match=f"no true reward, and `{name}` of dataset 'sample' shows it"):
        getattr(way(LearnerView.of(data)), name)


def test_nothing_of_the_true_reward_is_inside(data: Dataset) -> None:
    view = LearnerView.of(data)
    assert data.sources is not None
    hidden = (data.true_rewards, data.true_returns, data.sources.returns)
    arrays = [value for value in vars(view).values() if isinstance(value, np.ndarray)]
    assert len(arrays) >= len(fields(Dataset)) - 7
    assert not any(np.shares_memory(array, secret) for array in arrays for secret in hidden)
    with pytest.raises(TrueRewardError):
        replace(view)


def test_everything_else_is_there_and_shared(data: Dataset) -> None:
    view = LearnerView.of(data)
    assert isinstance(view, Dataset) and LearnerView.of(view) is view
    for name in ("observations", "actions", "next_observations", "rewards", "terminals", "timeouts"):
        assert getattr(view, name) is getattr(data, name)
    for name in ("n", "n_episodes", "id", "environment", "curation", "relabeling", "action_space"):
        assert getattr(view, name) == getattr(data, name)
    for name in ("episode_starts", "episode_ends", "episode_of", "lengths", "source_of"):
        assert getattr(view, name).tolist() == getattr(data, name).tolist()
    assert view.source_of.tolist() != view.episode_of.tolist() or data.n_episodes == 2
    assert "6 transitions of 'sample' with the rewards 'random'" in repr(view)


def test_a_learner_may_shape_its_rewards(data: Dataset) -> None:
    shaped = LearnerView.of(data).with_rewards(data.rewards * np.float32(2), "random")
    assert shaped.rewards.tolist() == (data.rewards * 2).tolist()
    assert shaped.source_of.tolist() == data.source_of.tolist()
    with pytest.raises(TrueRewardError):
        shaped.true_rewards  # noqa: B018
    with pytest.raises(DatasetError, match="rewards has 1 values that are not finite"):
        shaped.with_rewards(np.array([np.nan, *data.rewards[1:]], np.float32), "random")
    assert relabel(shaped, "zero", 0).rewards.tolist() == [0.0] * data.n
    with pytest.raises(TrueRewardError):
        relabel(shaped, "negative", 0)
