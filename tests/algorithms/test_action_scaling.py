"""Actions without two finite bounds, or with one possible value: every trainer learns them and stays inside."""

from dataclasses import replace

import numpy as np
import pytest

from offline_bench.algorithms import build_learner
from offline_bench.algorithms.reference import action_scaler
from offline_bench.algorithms.stacked.transitions import Scaling
from offline_bench.core.seeds import training_seed
from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.schemes.checks import sample_dataset

pytestmark = pytest.mark.slow

INF = np.inf
SMALL = "batch_size=32, hidden_units=[16, 16]"
TEXTS = [
    f"bc({SMALL})",
    f"iql({SMALL})",
    f"td3-plus-bc({SMALL})",
    f"atac({SMALL}, n_warm_start_steps=5)",
    f"bc({SMALL}, trainer='d3rlpy')",
    f"iql({SMALL}, trainer='d3rlpy')",
    f"sac({SMALL}, trainer='d3rlpy')",
    "dt(batch_size=16, hidden_size=16, num_layers=1)",
]
BOXES = {
    "no bounds": ([-INF, -INF], [INF, INF]),
    "one bound": ([2.0, -INF], [INF, 9.0]),
    "a constant": ([2.0, 7.0], [5.0, 7.0]),
}


def data_in(kind: str) -> Dataset:
    """200 transitions whose actions fill [2, 5] × [6, 9], the second 7 throughout where it has no other choice."""
    low, high = (np.array(bound, np.float32) for bound in BOXES[kind])
    data = sample_dataset([40] * 5, [True] * 5)
    actions = np.random.default_rng(0).uniform([2, 6], [5, 9], (data.n, 2)).astype(np.float32)
    return replace(data, actions=np.clip(actions, low, high), action_space=ActionSpace(low, high))


@pytest.mark.parametrize("kind", BOXES)
@pytest.mark.parametrize("text", TEXTS)
def test_what_is_learned_acts_where_the_data_and_the_box_are(text: str, kind: str) -> None:
    data = data_in(kind)
    (snapshot,) = build_learner(text).learn(data, [20], training_seed(0), lambda step: None)
    assert np.isfinite(list(snapshot.losses.values())).all()
    actions = snapshot.policy.act(data.observations[:50])
    low = np.maximum(data.action_space.low, data.actions.min(axis=0))
    high = np.minimum(data.action_space.high, data.actions.max(axis=0))
    slack = 1e-5 * (high - low)
    # A box with bounds may be wider than its data; it is filled by them here up to a few hundredths.
    room = 0.1 * (high - low)
    assert (actions >= low - room - slack).all()
    assert (actions <= high + room + slack).all()
    if kind == "a constant":
        assert (actions[:, 1] == 7.0).all()


@pytest.mark.parametrize("kind", BOXES)
def test_both_trainers_scale_alike_and_back_to_what_it_was(kind: str) -> None:
    import torch

    data = data_in(kind)
    scaling, scaler = Scaling.of(data, standardize=True), action_scaler(data)
    unit = scaling.actions_to_unit(data.actions)
    assert np.isfinite(unit).all()
    assert np.abs(unit).max() <= 1.0 + 1e-6
    theirs = scaler.transform(torch.from_numpy(data.actions.copy()))
    np.testing.assert_allclose(theirs.numpy(), unit, atol=1e-6)
    np.testing.assert_allclose(scaler.transform_numpy(data.actions), unit, atol=1e-6)
    np.testing.assert_allclose(scaling.actions_to_box(unit), data.actions, rtol=1e-6)
    np.testing.assert_allclose(scaler.reverse_transform(theirs).numpy(), data.actions, rtol=1e-6)
