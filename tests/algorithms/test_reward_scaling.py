"""Reward scaling: one rule for every reward, read from the rewards that the learner was given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from offline_bench.algorithms import build_learner
from offline_bench.algorithms.reward_scaling import find_return_scale, scale_rewards
from offline_bench.core.errors import SpecError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.checks import sample_dataset

TINY = "td3-plus-bc(batch_size=8, hidden_units=(4,), reward_scaler='return-range', trainer={!r})"


def of_returns(*returns: float) -> Dataset:
    """Episodes of four steps with these relabeled returns."""
    data = sample_dataset([4] * len(returns), [True] * len(returns))
    return replace(data, rewards=np.repeat(np.float32(returns) / 4, 4))


def test_returns_span_a_thousand_afterwards() -> None:
    data = of_returns(-20.0, 5.0, 30.0)
    assert find_return_scale(data) == pytest.approx(20.0)
    returns = scale_rewards(data, "return-range").reshape(3, 4).sum(axis=1)
    assert returns == pytest.approx([-400.0, 100.0, 600.0])


def test_the_rule_reads_the_relabeled_rewards_and_no_sign() -> None:
    data = of_returns(0.0, 10.0)
    doubled = replace(data, rewards=-2 * data.rewards)
    assert find_return_scale(doubled) == find_return_scale(data) / 2
    assert np.array_equal(scale_rewards(doubled, "return-range"), -scale_rewards(data, "return-range"))


@pytest.mark.parametrize("returns", [(7.0,), (0.0, 0.0, 0.0), (3.0, 3.0), (1e3, 1e3 + 1e-4)])
def test_one_episode_or_equal_returns_are_left_as_they_are(returns: tuple[float, ...]) -> None:
    data = of_returns(*returns)
    assert find_return_scale(data) == 1.0
    assert np.array_equal(scale_rewards(data, "return-range"), data.rewards)


@pytest.mark.slow
@pytest.mark.parametrize("trainer", ["stacked", "d3rlpy"])
@pytest.mark.parametrize(("returns", "scale"), [((0.0, 4.0), 250.0), ((0.0, 0.0), 1.0)])
def test_the_scale_is_told_with_the_run(trainer: str, returns: tuple[float, ...], scale: float) -> None:
    learner = build_learner(TINY.format(trainer))
    (snapshot,) = learner.learn(of_returns(*returns), [2], np.random.SeedSequence(0), lambda step: None)
    assert snapshot.facts == {"reward_scale": scale}


def test_an_unknown_scaler_is_refused_with_those_there_are() -> None:
    learner = build_learner("iql(reward_scaler='returns')")
    with pytest.raises(SpecError, match="'none', 'standard', 'min-max' or 'return-range', not 'returns'"):
        learner.check()
