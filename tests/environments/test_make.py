"""Making an environment: what it shows is what its space declares, and its episodes end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from offline_bench.core.errors import EnvironmentMismatchError, OfflineBenchError
from offline_bench.core.seeds import evaluation_seeds
from offline_bench.environments.flat import unflatten
from offline_bench.environments.make import find_step_limit, make_environment
from offline_bench.evaluation.evaluate import evaluate_slab
from offline_bench.evaluation.rollout import roll_out
from tests.environments.quirks import registered

# Gymnasium's own words on what these environments do.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:gymnasium")


class Idle:
    """Zeros, for one run or many."""

    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.zeros((*observations.shape[:-1], 1), np.float32)


@pytest.mark.parametrize("steppers", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("reset_as", ["int64", "float64", "float32"])
def test_what_is_shown_is_of_the_dtype_of_the_space_whatever_reset_returns(reset_as: str, steppers: int) -> None:
    with registered("Quirk-v0", reset_as=reset_as) as name:
        alone = roll_out(Idle().act, name, evaluation_seeds(3))
        (slab,) = evaluate_slab(Idle(), 1, name, 3, steppers)
    for one, other in zip(alone, slab, strict=True):
        for episode in (one, other):
            assert episode.observations.dtype == np.float32
            assert episode.observations[:, 0].tolist() == [1, 0.5, 0.25, 0.125, 0.0625, 0.03125]
        assert np.array_equal(one.observations, other.observations)


@pytest.mark.parametrize("declared", ["int64", "uint8"])
def test_fractions_where_whole_numbers_are_declared_are_refused_and_not_cut(declared: str) -> None:
    with registered("Quirk-v0", declared=declared) as name:
        with pytest.raises(OfflineBenchError, match=rf"shows 0\.5, but its observation space declares {declared}"):
            roll_out(Idle().act, name, [0])
        with pytest.raises(OfflineBenchError, match=r"shows 0\.5"):
            evaluate_slab(Idle(), 1, name, 1, 0)


@pytest.mark.parametrize("paid", [np.array([2.5]), np.array(2.5), 2.5, np.float32(2.5)])
def test_a_reward_may_be_an_array_of_one_number(paid: Any) -> None:
    with registered("Quirk-v0", paid=paid) as name:
        (alone,) = roll_out(Idle().act, name, [0])
        ((slab,),) = evaluate_slab(Idle(), 1, name, 1, 0)
    assert alone.rewards.tolist() == slab.rewards.tolist() == [2.5] * 5


@pytest.mark.parametrize("limit", [None, -1, 10**12])
def test_an_environment_that_need_not_end_is_refused_with_what_to_declare(limit: int | None) -> None:
    with registered("Quirk-v0", limit) as name:
        asked = (
            lambda: find_step_limit(name),
            lambda: roll_out(Idle().act, name, [0]),
            lambda: evaluate_slab(Idle(), 1, name, 1, 0),
        )
        for ask in asked:
            with pytest.raises(EnvironmentMismatchError, match=r"set-env ID --env 'Quirk-v0\(max_episode_steps=1000\)"):
                ask()
        declared = f"{name}(max_episode_steps=7)"
        assert find_step_limit(declared) == 7
        assert roll_out(Idle().act, declared, [0])[0].length == 7


def test_vectors_go_back_to_what_the_environment_shows() -> None:
    from gymnasium import spaces

    space = spaces.Dict(
        [
            ("place", spaces.Box(-1, 1, (2,), np.float64)),
            ("goal", spaces.Dict({"b": spaces.Discrete(3, start=2), "a": spaces.Box(-1, 1, (), np.float32)})),
        ]
    )
    space.seed(0)
    samples = [space.sample() for _ in range(4)]
    from offline_bench.environments.flat import sort_space

    vectors = np.array([spaces.flatten(sort_space(space), sample) for sample in samples])
    back = unflatten(vectors, space)
    assert back["place"].dtype == np.float64
    for row, sample in enumerate(samples):
        assert back["place"][row].tolist() == sample["place"].tolist()
        assert back["goal"]["a"][row] == sample["goal"]["a"]
        assert back["goal"]["b"][row] == sample["goal"]["b"]
    assert back["goal"]["b"].shape == back["goal"]["a"].shape == (4,)
    with pytest.raises(ValueError, match="of length 7, but the space has 6"):
        unflatten(np.zeros((2, 7)), space)


def test_each_environment_is_made_once_for_its_observations() -> None:
    environment = make_environment("FrozenLake-v1")
    shown, _ = environment.reset(seed=0)
    assert environment.observation_space.contains(shown)
    assert shown.tolist() == [1, *[0] * 15]
    environment.close()
