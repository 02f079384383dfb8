"""Relabelings: every registered one keeps the contract, and one that breaks it is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from offline_bench.core.errors import RelabelingError, SpecError, UnknownNameError
from offline_bench.data.dataset import CONTENT, Dataset
from offline_bench.schemes.checks import check_relabeling, sample_dataset
from offline_bench.schemes.relabel import relabel, relabelings
from tests.schemes.examples import data_for, example

RANDOM = (
    "centered-noise",
    "flipped",
    "learned",
    "matched-noise",
    "missing-as-min",
    "noisy",
    "poisoned-preferences",
    "preferences",
    "random",
    "shaped",
    "shuffled",
    "shuffled-episodes",
    "sparse",
)
REWARDS = [1.0, -2.0, 4.0, 0.5]


@pytest.fixture
def data() -> Dataset:
    """Two episodes of two transitions with the rewards `REWARDS`, the first ended by the task."""
    return replace(sample_dataset([2, 2], [True, False]), true_rewards=np.array(REWARDS, np.float32))


@pytest.fixture
def scheme() -> Iterator[Callable[[Callable[..., Any]], str]]:
    """Registers a function as the relabeling 'naughty' for one test."""

    def register(function: Callable[..., Any]) -> str:
        relabelings.register("naughty")(function)
        return "naughty"

    yield register
    relabelings._functions.pop("naughty", None)


@pytest.mark.parametrize("name", relabelings.names())
def test_every_relabeling_keeps_the_contract(name: str) -> None:
    check_relabeling(example(name))


@pytest.mark.parametrize("name", relabelings.names())
def test_a_relabeling_changes_rewards_and_nothing_else(name: str) -> None:
    data = data_for(name)
    before = {field: getattr(data, field).tobytes() for field in (*CONTENT, "rewards")}
    relabeled = relabel(data, example(name), seed=0)
    assert relabeled.relabeling == example(name)
    assert (relabeled.id, relabeled.curation, relabeled.environment) == (data.id, data.curation, data.environment)
    for field in CONTENT:
        assert np.shares_memory(getattr(relabeled, field), getattr(data, field))
    assert {field: getattr(data, field).tobytes() for field in before} == before
    assert relabeled.fingerprint == data.fingerprint
    assert relabeled.rewards.dtype == np.float32
    assert not relabeled.rewards.flags.writeable
    assert not np.shares_memory(relabeled.rewards, data.true_rewards)


@pytest.mark.parametrize("name", relabelings.names())
def test_the_seed_decides_and_only_random_schemes_hear_it(name: str) -> None:
    data = data_for(name)
    one, same, other = (relabel(data, example(name), seed).rewards for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert np.array_equal(one, other) != (name in RANDOM)


@pytest.mark.parametrize(
    ("text", "rewards"),
    [
        ("original", REWARDS),
        ("zero", [0.0, 0.0, 0.0, 0.0]),
        ("negative", [-1.0, 2.0, -4.0, -0.5]),
        ("scaled-negative", [0.5, 1.0, 0.0, 3.5 / 6.0]),
        ("constant(value=-2)", [-2.0, -2.0, -2.0, -2.0]),
        ("random(low=3, high=3)", [3.0, 3.0, 3.0, 3.0]),
        ("noisy(scale=0)", REWARDS),
        ("placebo", REWARDS),
        ("affine(scale=2, shift=1, discount=0.5)", [3.0, -2.0, 9.0, 2.0]),
        ("sparse(p=1)", REWARDS),
        ("sparse(p=0)", [0.0, 0.0, 0.0, 0.0]),
        ("missing-as-min(p=1)", [-2.0, -2.0, -2.0, -2.0]),
        ("missing-as-min(p=0)", REWARDS),
        ("delayed(k=1)", REWARDS),
        ("delayed(k=2)", [0.0, -1.0, 0.0, 4.5]),
        ("delayed(k=9)", [0.0, -1.0, 0.0, 4.5]),
        ("episodic", [0.0, -1.0, 0.0, 4.5]),
        ("sign", [1.0, -1.0, 1.0, 1.0]),
        ("quantized(levels=2)", [-2.0, -2.0, 4.0, -2.0]),
        ("quantized(levels=4)", [2.0, -2.0, 4.0, 0.0]),
        ("clipped(low=0, high=1)", [1.0, 0.0, 1.0, 0.5]),
        ("binary(quantile=0.5)", [1.0, 0.0, 1.0, 0.0]),
        ("flipped(p=1)", [-1.0, 2.0, -4.0, -0.5]),
        ("shuffled-episodes", [4.0, 0.5, 1.0, -2.0]),
        ("alive(bonus=2)", [2.0, 0.0, 2.0, 2.0]),
        ("length", [0.0, 0.0, 0.0, 0.0]),
        ("constant(value=3) > negative > clipped(low=-2, high=0)", [-2.0, -2.0, -2.0, -2.0]),
        ("clipped(low=0, high=1) > episodic", [0.0, 1.0, 0.0, 1.5]),
    ],
)
def test_rewards_computed_by_hand(text: str, rewards: list[float], data: Dataset) -> None:
    assert relabel(data, text, seed=5).rewards.tolist() == pytest.approx(rewards)


def test_scaled_negative_of_constant_rewards_is_zero() -> None:
    data = sample_dataset([3, 3], [True, False], reward=7.0)
    assert relabel(data, "scaled-negative", 0).rewards.tolist() == [0.0] * 6


def test_shuffled_keeps_the_distribution(data: Dataset) -> None:
    assert sorted(relabel(data, "shuffled", 3).rewards.tolist()) == sorted(REWARDS)


def test_random_is_uniform_within_its_bounds() -> None:
    rewards = relabel(sample_dataset([4000], [False]), "random(low=-0.5, high=0.5)", 0).rewards
    assert -0.5 <= rewards.min() < -0.49
    assert 0.49 < rewards.max() <= 0.5
    assert abs(rewards.mean()) < 0.02


def test_noisy_has_its_deviation_in_units_of_the_rewards() -> None:
    sample = sample_dataset([4000], [False])
    data = replace(sample, true_rewards=10 * sample.true_rewards)
    noise = relabel(data, "noisy(scale=2)", 0).rewards - data.true_rewards
    assert noise.std() / data.true_rewards.std() == pytest.approx(2.0, rel=0.05)


def test_relabeling_starts_from_the_true_rewards(data: Dataset) -> None:
    again = relabel(relabel(data, "zero", 0), "negative", 0)
    assert again.rewards.tolist() == [-1.0, 2.0, -4.0, -0.5]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("random(low=2)", RelabelingError),
        ("noisy(scale=-1)", RelabelingError),
        ("constant(value=1e39)", RelabelingError),
        ("sparse(p=1.5)", RelabelingError),
        ("missing-as-min(p=-0.1)", RelabelingError),
        ("flipped(p=2)", RelabelingError),
        ("binary(quantile=7)", RelabelingError),
        ("delayed(k=0)", RelabelingError),
        ("quantized(levels=1)", RelabelingError),
        ("clipped(low=2, high=1)", RelabelingError),
        ("affine(scale=-1)", RelabelingError),
        ("affine(discount=1)", RelabelingError),
        ("shaped(discount=-1)", RelabelingError),
        ("shaped(potential=(1, 2))", RelabelingError),
        ("shaped(potential=(1e308, 1e308, 1e308))", RelabelingError),
        ("constant", SpecError),
        ("zeros", UnknownNameError),
    ],
)
def test_parameters_that_make_no_sense_are_refused(text: str, error: type[Exception], data: Dataset) -> None:
    with pytest.raises(error, match=text.split("(")[0]):
        relabel(data, text, 0)


def write(data: Dataset) -> None:
    data.true_rewards[0] = 100.0


def write_in_place(data: Dataset) -> None:
    np.negative(data.true_rewards, out=data.true_rewards)


def sort(data: Dataset) -> None:
    data.observations.sort()


def lift(data: Dataset) -> None:
    data.observations.flags.writeable = True


def lift_of_base(data: Dataset) -> None:
    base = data.next_observations.base
    assert base is not None
    np.asarray(base).flags.writeable = True


def lift_of_derived(data: Dataset) -> None:
    data.episode_of.setflags(write=True)


def write_bounds(data: Dataset) -> None:
    data.action_space.low[:] = -9


WRITES = [write, write_in_place, sort, lift, lift_of_base, lift_of_derived, write_bounds]


@pytest.mark.parametrize("act", WRITES)
def test_no_relabeling_can_write_into_the_data(
    act: Callable[[Dataset], None], data: Dataset, scheme: Callable[..., str]
) -> None:
    def naughty(data: Dataset, rng: np.random.Generator) -> Any:
        act(data)
        return data.true_rewards

    before = data.fingerprint
    with pytest.raises(
        RelabelingError, match=r"^relabeling naughty tried to write into the data, line \d+: .*: ValueError"
    ):
        relabel(data, scheme(naughty), 0)
    assert replace(data).fingerprint == before


def test_a_relabeling_that_replaces_a_field_replaces_its_own_copy(data: Dataset, scheme: Callable[..., str]) -> None:
    def naughty(data: Dataset, rng: np.random.Generator) -> Any:
        data.__dict__["terminals"] = ~data.terminals
        return data.true_rewards

    assert (
        relabel(data, scheme(naughty), 0).terminals.tolist() == data.terminals.tolist() == [False, True, False, False]
    )


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda d: d.true_rewards[1:], r"returned shape \(3,\): one reward per transition is \(4,\)"),
        (lambda d: d.true_rewards[:, None], r"returned shape \(4, 1\)"),
        (lambda d: 0.0, r"returned shape \(\)"),
        (lambda d: None, "returned None: return the rewards"),
        (lambda d: ["a"] * 4, "returned dtype <U1: rewards are numbers"),
        (lambda d: np.ones(4, complex), "returned dtype complex128"),
        (lambda d: [None] * 4, "returned dtype object"),
        (lambda d: [[1], [1, 2], 3, 4], "raised: ValueError"),
        (lambda d: [1, np.nan, 2, np.inf], "returned nan at row 1; 2 of its 4 rewards are not finite"),
        (lambda d: [1, 2, 3, 1e39], "returned inf at row 3; 1 of its 4 rewards are not finite"),
        (lambda d: d.no_such_field, r"raised, line \d+: .*: AttributeError"),
    ],
)
def test_what_is_no_reward_per_transition_is_refused(
    returned: Callable[[Dataset], Any], said: str, data: Dataset, scheme: Callable[..., str]
) -> None:
    with pytest.raises(RelabelingError, match=f"^relabeling naughty {said}"):
        relabel(data, scheme(lambda data, rng: returned(data)), 0)


@pytest.mark.parametrize("returned", [[1, 0, 1, 0], np.array([True, False, True, False]), np.ones(4, np.int8)])
def test_any_real_number_is_a_reward(returned: Any, data: Dataset, scheme: Callable[..., str]) -> None:
    rewards = relabel(data, scheme(lambda data, rng: returned), 0).rewards
    assert rewards.tolist() == [float(reward) for reward in returned]


def test_the_check_finds_a_relabeling_with_a_memory(scheme: Callable[..., str]) -> None:
    calls: list[int] = []

    def naughty(data: Dataset, rng: np.random.Generator) -> Any:
        calls.append(1)
        return np.full(data.n, float(len(calls)))

    with pytest.raises(RelabelingError, match="naughty gave two results for one seed"):
        check_relabeling(scheme(naughty))


def test_the_check_finds_a_relabeling_that_reaches_around_the_protection(scheme: Callable[..., str]) -> None:
    def naughty(data: Dataset, rng: np.random.Generator) -> Any:
        owner: Any = data.observations.base
        owner.obj.flags.writeable = True
        owner.obj[0] += 1
        return data.true_rewards

    with pytest.raises(RelabelingError, match="naughty changed the data it was given"):
        check_relabeling(scheme(naughty))
