"""`pct-bc` clones the best share of the data by the relabeled return, and is `bc` in all else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from offline_bench import Dataset, relabel
from offline_bench.algorithms import Snapshot, build_learner
from offline_bench.algorithms.learner import Member
from offline_bench.algorithms.stacked.learner import StackedLearner
from offline_bench.algorithms.stacked.pct_bc import best_episodes
from offline_bench.core.errors import SpecError
from offline_bench.core.seeds import training_seed
from offline_bench.schemes.checks import sample_dataset

LENGTHS = [4, 2, 6, 1, 6, 6]
SMALL = "batch_size=16, hidden_units=[16, 16], standardize=False"


def of_returns(*returns: float, lengths: list[int] | None = None) -> Dataset:
    """Episodes of `lengths` whose relabeled rewards, equal within each, sum to `returns`."""
    lengths = lengths or LENGTHS
    data = sample_dataset(lengths, [True] * len(lengths))
    return replace(data, rewards=np.repeat(np.float32(returns) / lengths, lengths).astype(np.float32))


def kept(data: Dataset, share: float, seed: int = 0) -> set[int]:
    return set(map(int, np.flatnonzero(best_episodes(data, share, np.random.default_rng(seed)))))


def cut(data: Dataset, episodes: set[int]) -> Dataset:
    """The data of some episodes alone."""
    rows = np.isin(data.episode_of, list(episodes))
    names = ("observations", "actions", "next_observations", "true_rewards", "rewards", "terminals", "timeouts")
    return replace(data, **{name: getattr(data, name)[rows] for name in names})


def learn(text: str, data: Dataset, seed: int = 0, steps: int = 30) -> Snapshot:
    (snapshot,) = build_learner(text).learn(data, [steps], training_seed(seed), lambda step: None)
    return snapshot


@pytest.mark.parametrize(
    ("share", "episodes"),
    [
        (1e-9, {3}),
        (1 / 25, {3}),
        (1.01 / 25, {3, 5}),
        # 7 of 25, though 0.28 * 25 is rounded to more than 7.
        (0.28, {3, 5}),
        (0.29, {3, 5, 0}),
        (0.44, {3, 5, 0}),
        (0.45, {3, 5, 0, 2}),
        (1.0, {0, 1, 2, 3, 4, 5}),
    ],
)
def test_episodes_are_taken_from_the_best_on_until_they_hold_the_share(share: float, episodes: set[int]) -> None:
    assert kept(of_returns(3.0, 0.0, 2.0, 9.0, -1.0, 4.0), share) == episodes


def test_a_reward_and_its_negative_clone_disjoint_ends() -> None:
    data = of_returns(3.0, 0.0, 2.0, 9.0, -1.0, 4.0)
    assert kept(data, 0.3) == {3, 5, 0}
    assert kept(relabel(replace(data, true_rewards=data.rewards), "negative", 0), 0.3) == {4, 1}


def test_equal_returns_are_put_in_order_by_the_seed() -> None:
    data = of_returns(*[0.0] * 40, lengths=[5] * 40)
    picks = [frozenset(kept(data, 0.1, seed)) for seed in range(8)]
    assert {len(pick) for pick in picks} == {4}
    assert len(set(picks)) == 8
    assert kept(data, 0.1, 0) == picks[0]
    some_better = replace(data, rewards=np.repeat(np.float32([1.0] * 2 + [0.0] * 38), 5))
    assert all({0, 1} < kept(some_better, 0.1, seed) for seed in range(8))


def test_a_constant_reward_is_a_length() -> None:
    data = sample_dataset(LENGTHS, [True] * 6)
    assert kept(relabel(data, "constant(value=0.3)", 0), 0.2) in ({2}, {4}, {5})
    assert kept(relabel(data, "constant(value=-0.3)", 0), 0.12) == {3, 1}


@pytest.mark.parametrize("share", ["0.0", "-0.1", "1.01"])
def test_a_share_that_is_none_is_refused(share: str) -> None:
    with pytest.raises(SpecError, match="share of pct-bc must be above 0 and at most 1"):
        build_learner(f"pct-bc(share={share})").check()


@pytest.mark.slow
def test_it_is_bc_on_what_it_keeps_to_the_bit() -> None:
    data = of_returns(3.0, 0.0, 2.0, 9.0, -1.0, 4.0)
    ours = learn(f"pct-bc(share=0.3, {SMALL})", data)
    theirs = learn(f"bc({SMALL})", cut(data, {3, 5, 0}))
    assert (ours.weights, ours.losses) == (theirs.weights, theirs.losses)
    assert ours.facts == {"kept_episodes": 3.0, "kept_transitions": 11.0}
    whole, bc = learn(f"pct-bc(share=1.0, {SMALL})", data), learn(f"bc({SMALL})", data)
    assert (whole.weights, whole.losses) == (bc.weights, bc.losses)
    assert ours.weights != bc.weights


@pytest.mark.slow
def test_runs_of_one_slab_keep_what_each_keeps_alone() -> None:
    data = of_returns(3.0, 0.0, 2.0, 9.0, -1.0, 4.0)
    negative = data.with_rewards(-data.rewards, "negative")
    zero = relabel(data, "zero", 0)
    cases = [(0.3, data, 0), (0.3, negative, 0), (0.1, data, 0), (0.3, zero, 0), (0.3, zero, 1), (0.3, data, 1)]
    learners = [build_learner(f"pct-bc(share={share}, {SMALL})") for share, _, _ in cases]
    members = [
        Member(learner.parameters, rewarded, training_seed(seed))
        for learner, (_, rewarded, seed) in zip(learners, cases, strict=True)
        if isinstance(learner, StackedLearner)
    ]
    (together,) = learners[0].learn_together(members, [30], lambda step: None)
    alone = [learn(f"pct-bc(share={share}, {SMALL})", rewarded, seed) for share, rewarded, seed in cases]
    assert together.weights == [snapshot.weights for snapshot in alone]
    assert together.facts == [snapshot.facts for snapshot in alone]
    assert together.losses == [snapshot.losses for snapshot in alone]
    assert len(set(together.weights)) == len(cases)


@pytest.mark.slow
def test_it_acts_as_the_policy_does_whose_episodes_are_marked() -> None:
    data = sample_dataset([10] * 20, [True] * 20)
    marked = data.episode_of % 4 == 0
    actions = np.where(marked[:, None], np.float32(0.6), np.float32(-0.6)) * np.ones((1, 2), np.float32)
    data = replace(data, actions=actions, true_rewards=marked.astype(np.float32), rewards=marked.astype(np.float32))
    text = "pct-bc(share=0.25, batch_size=32, hidden_units=[16, 16], learning_rate=0.01)"
    for rewarded, sign in ((data, 1.0), (relabel(data, "negative", 0), -1.0)):
        acted = learn(text, rewarded, steps=200).policy.act(data.observations)
        assert np.abs(acted - 0.6 * sign).max() < 0.15
