"""What a relabeling asks for, before anything trains."""

from __future__ import annotations

import pytest

from offline_bench.data.dataset import Dataset
from offline_bench.schemes.checks import sample_dataset
from offline_bench.schemes.relabel import relabel
from offline_bench.schemes.relabel.properties import Properties, measure_properties, tell_ending

LENGTHS = [30, 10, 80, 5, 45]


def data() -> Dataset:
    return sample_dataset(LENGTHS, terminal=[True, True, False, True, False])


def properties(text: str, of: Dataset | None = None) -> Properties:
    return measure_properties(relabel(of or data(), text, 0))


def test_the_true_reward_goes_with_itself_and_its_opposite_against_it() -> None:
    same, opposite = properties("original"), properties("negative")
    assert same.step_correlation == same.return_rank_correlation == pytest.approx(1.0)
    assert opposite.step_correlation == opposite.return_rank_correlation == pytest.approx(-1.0)
    assert same.length_correlation == pytest.approx(-(opposite.length_correlation or 0.0))


def test_random_rewards_say_how_long_an_episode_was() -> None:
    found = properties("random")
    assert found.length_correlation is not None
    assert found.length_correlation > 0.9
    assert found.step_correlation is not None
    assert abs(found.step_correlation) < 0.3


def test_an_alive_bonus_makes_ending_costly_and_a_cost_makes_it_pay() -> None:
    alive, cost = properties("alive(bonus=1.0)"), properties("action-cost(weight=1.0)")
    assert alive.ending_pays is not None
    assert cost.ending_pays is not None
    assert alive.ending_pays < 0 < cost.ending_pays
    assert tell_ending(alive).startswith("Ending an episode early costs 100, give or take 0: ")
    assert tell_ending(cost).startswith("Ending an episode early pays")


def test_an_affine_change_leaves_what_ending_pays_in_deviations() -> None:
    before, after = properties("original"), properties("affine(scale=2.0, shift=1.0, discount=0.99)")
    assert before.at_terminals is not None
    assert after.at_terminals == pytest.approx(2 * before.at_terminals + 100, rel=1e-4)
    gaps = [(found.at_terminals or 0.0) - (found.going_on or 0.0) for found in (before, after)]
    assert gaps[1] == pytest.approx(2 * gaps[0], rel=1e-4)


def test_what_is_undefined_is_none_and_said() -> None:
    found = properties("zero")
    assert found.step_correlation is found.ending_pays is found.return_correlation is None
    assert found.zero_share == 1.0
    endless = measure_properties(relabel(sample_dataset([20, 20], terminal=[False, False]), "original", 0))
    assert endless.at_terminals is endless.ending_pays is None
    assert tell_ending(endless).startswith("No episode here is ended by the task")
    assert endless.length_correlation is None


def test_noise_without_a_bonus_neither_pays_nor_costs_and_says_so() -> None:
    many = sample_dataset([30, 50] * 20, terminal=[True, True] * 20)
    found = properties("centered-noise", many)
    assert found.at_terminals is not None
    assert found.going_on is not None
    assert found.ending_reach is not None
    assert abs(found.at_terminals - found.going_on) < found.ending_reach
    assert tell_ending(found).startswith("Whether ending an episode early pays cannot be told")
    bonus = properties("random", many)
    assert tell_ending(bonus).startswith("Ending an episode early costs")
    assert "give or take" in tell_ending(bonus)


def test_the_interval_of_ending_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(200):
        data = relabel(sample_dataset([20, 30] * 15, terminal=[True, False] * 15), "centered-noise", seed)
        found = measure_properties(data)
        assert found.at_terminals is not None
        assert found.going_on is not None
        assert found.ending_reach is not None
        held += abs(found.at_terminals - found.going_on) <= found.ending_reach
    assert 0.89 <= held / 200 <= 0.99


def test_equal_rewards_have_no_deviation_at_all() -> None:
    data = sample_dataset([997] * 3, terminal=[True, False, True])
    assert all(properties(f"constant(value={value})", data).deviation == 0.0 for value in (0.1, 0.7, 1e-3, 123.456))


def test_one_episode_has_no_interval() -> None:
    assert properties("random", sample_dataset([9], terminal=[True])).ending_reach is None
