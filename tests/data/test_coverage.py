"""Coverage numbers: closed forms, invariances, and None where there is no number."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from offline_bench.core.errors import DatasetError, EnvironmentMismatchError
from offline_bench.data.coverage import (
    Coverage,
    Points,
    action_entropy,
    action_spread,
    cut_into_cells,
    effective_dimension,
    episode_points,
    knn_entropy,
    measure_coverage,
    measure_endings,
    measure_moments,
    measure_quality,
    saco,
    states_of,
    view_states,
)
from offline_bench.data.coverage.cells import conditional_entropy, count_distinct, row_keys, state_keys
from offline_bench.data.coverage.measures import entropy_on_task_scale
from offline_bench.data.coverage.neighbors import scale_to_box
from offline_bench.data.coverage.points import CHUNK, independent_columns, principal_axes, project
from offline_bench.data.coverage.quality import best_mean, correlate_ranks
from offline_bench.data.dataset import CONTENT, ActionSpace, Dataset
from offline_bench.data.loaders.cards import Task
from offline_bench.schemes.checks import sample_dataset, sample_datasets

Array = npt.NDArray[Any]
TASK = Task("walk", "", random_return=10.0, expert_return=110.0, source="made up")
RNG = 7


def measure(data: Dataset, task: Task | None = TASK, reference: Dataset | None = None) -> Coverage:
    return measure_coverage(data, task, cut_into_cells(reference or data), np.random.default_rng(RNG))


def with_returns(returns: list[float], lengths: list[int], terminal: list[bool] | None = None) -> Dataset:
    """Episodes of these lengths and returns, paid in their first step."""
    data = sample_dataset(lengths, terminal=terminal or [True] * len(lengths))
    rewards = np.zeros(data.n, np.float32)
    rewards[data.episode_starts] = returns
    return replace(data, true_rewards=rewards, rewards=rewards.copy())


def discrete(states: Array, actions: Array, n: int = 4) -> Dataset:
    """One episode with these observations (n, d) and actions (n,) of `n`."""
    last = np.arange(len(actions)) == len(actions) - 1
    space = ActionSpace(np.empty(0, np.float32), np.empty(0, np.float32), n)
    points = np.asarray(states, np.float32)
    rewards = np.zeros(len(actions), np.float32)
    return Dataset("grid", "", space, points, actions.astype(np.int64), points.copy(), rewards, last, ~last & False)


def flat(coverage: Coverage) -> dict[str, Any]:
    parts = {name: value for name, value in asdict(coverage).items() if isinstance(value, dict)}
    return {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}


def reordered(data: Dataset, order: list[int]) -> Dataset:
    """The same episodes in another order."""
    rows = np.concatenate([np.arange(data.episode_starts[i], data.episode_ends[i] + 1) for i in order])
    return replace(data, **{name: getattr(data, name)[rows] for name in (*CONTENT, "rewards")})


# Entropy


@pytest.mark.parametrize("d", [1, 3, 6])
def test_entropy_of_a_gaussian_is_its_closed_form(d: int) -> None:
    rng = np.random.default_rng(0)
    root = np.tril(rng.standard_normal((d, d))) / 2 + np.eye(d)
    points = rng.standard_normal((20_000, d)) @ root.T
    exact = d / 2 * np.log(2 * np.pi * np.e) + np.log(abs(np.linalg.det(root)))
    assert knn_entropy(points) == pytest.approx(exact, abs=0.05 * d)


@pytest.mark.parametrize("k", [1, 2, 5, 10])
def test_entropy_of_a_unit_cube_is_zero_whatever_k(k: int) -> None:
    assert knn_entropy(np.random.default_rng(1).random((20_000, 2)), k) == pytest.approx(0.0, abs=0.05)


def test_entropy_is_blind_to_place_and_order_and_grows_by_d_log_c_with_scale() -> None:
    rng = np.random.default_rng(2)
    points = rng.standard_normal((500, 4))
    entropy = knn_entropy(points)
    assert entropy is not None
    assert knn_entropy(points + 3.0) == pytest.approx(entropy, abs=1e-9)
    assert knn_entropy(rng.permutation(points)) == pytest.approx(entropy, abs=1e-9)
    assert knn_entropy(points * 5.0) == pytest.approx(entropy + 4 * np.log(5.0), abs=1e-9)


def test_entropy_is_undefined_of_what_repeats_and_of_too_few_points() -> None:
    points = np.random.default_rng(3).standard_normal((100, 2))
    assert knn_entropy(np.repeat(points, 5, axis=0)) is not None  # four others in the same place: the fifth is away
    assert knn_entropy(np.repeat(points, 6, axis=0)) is None
    assert knn_entropy(points[:5]) is None
    assert knn_entropy(points[:6]) is not None
    assert knn_entropy(points[:, :0]) is None


def test_entropy_on_the_scale_of_the_task_is_that_of_states_standardized_by_the_task() -> None:
    rng = np.random.default_rng(4)
    states = rng.standard_normal((5_000, 2)) * 3.0
    moments = measure_moments(Points((states.astype(np.float32),)))
    task = replace(TASK, observation_scale=(2.0, 0.5))
    own = knn_entropy(moments.standardize(states))
    assert entropy_on_task_scale(own, moments, task) == pytest.approx(knn_entropy(states / [2.0, 0.5]), abs=0.02)
    assert entropy_on_task_scale(own, moments, TASK) is None
    assert entropy_on_task_scale(own, moments, None) is None
    flat_states = measure_moments(Points((np.c_[states[:, 0], np.ones(5_000)].astype(np.float32),)))
    assert entropy_on_task_scale(own, flat_states, task) is None


def test_a_column_that_repeats_others_changes_no_entropy() -> None:
    data = sample_dataset([2_000], terminal=[True])
    columns = data.observations.T
    more = np.stack([*columns, columns[1], np.float32(2) * columns[2] - np.float32(1), columns[0] + columns[1]], axis=1)
    task = replace(TASK, observation_scale=(2.0, 0.5, 1.0))
    wider = replace(TASK, observation_scale=(2.0, 0.5, 1.0, 9.0, 9.0, 9.0))
    plain = measure(data, task).spread
    repeated = measure(replace(data, observations=more, next_observations=more.copy()), wider).spread
    assert independent_columns(measure_moments(Points((more,)))).tolist() == [True] * 3 + [False] * 3
    for name in ("state_entropy", "visit_entropy", "state_entropy_on_task_scale"):
        assert getattr(repeated, name) == pytest.approx(getattr(plain, name), rel=1e-6), name


# Moments and dimension


def test_moments_are_those_of_numpy_across_chunks_and_far_from_zero() -> None:
    rng = np.random.default_rng(5)
    left = rng.normal([1000.0, 0.0, -5.0], 1.0, (CHUNK + 77, 3)).astype(np.float32)
    right = np.c_[left[:, 0] * 2, np.full(len(left), 0.1)].astype(np.float32)
    moments = measure_moments(Points((left, right)))
    whole = np.concatenate([left, right], axis=1).astype(np.float64)
    assert moments.varies.tolist() == [True, True, True, True, False]
    np.testing.assert_allclose(moments.mean, whole.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.deviation[:4], whole.std(axis=0)[:4], rtol=1e-9)
    np.testing.assert_allclose(moments.correlation, np.corrcoef(whole[:, :4].T), atol=1e-9)
    standard = moments.standardize(whole)
    assert standard.shape == (CHUNK + 77, 4)
    np.testing.assert_allclose([standard.mean(axis=0), standard.std(axis=0)], [[0] * 4, [1] * 4], atol=1e-8)


@pytest.mark.parametrize("d", [1, 2, 7])
def test_effective_dimension_is_d_where_nothing_is_related_and_1_where_all_is(d: int) -> None:
    rng = np.random.default_rng(6)
    axes = np.repeat(np.eye(d), 2, axis=0) * np.tile([1.0, -1.0], d)[:, None] * np.arange(1, d + 1)
    one = rng.standard_normal((50, 1)) @ rng.standard_normal((1, d))
    assert effective_dimension(measure_moments(Points((axes.astype(np.float32),)))) == pytest.approx(d)
    assert effective_dimension(measure_moments(Points((one.astype(np.float32),)))) == pytest.approx(1.0, rel=1e-5)
    assert effective_dimension(measure_moments(Points((np.ones((9, d), np.float32),)))) is None


def test_effective_dimension_is_the_participation_ratio_of_the_eigenvalues() -> None:
    rng = np.random.default_rng(7)
    points = (rng.standard_normal((300, 5)) @ rng.standard_normal((5, 5))).astype(np.float32)
    values = np.linalg.eigvalsh(np.corrcoef(points.T))
    expected = values.sum() ** 2 / (values**2).sum()
    assert effective_dimension(measure_moments(Points((points,)))) == pytest.approx(expected, rel=1e-5)


def test_principal_axes_are_unit_unrelated_and_most_varied_first() -> None:
    rng = np.random.default_rng(8)
    states = (rng.standard_normal((CHUNK + 2_000, 4)) @ rng.standard_normal((4, 4))).astype(np.float32)
    points = Points((states,))
    moments = measure_moments(points)
    axes = principal_axes(moments, 3)
    np.testing.assert_allclose(project(points, moments, axes), moments.standardize(states) @ axes, atol=1e-5)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    covariance = np.cov(project(points, moments, axes).T)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0.0, atol=1e-3)
    assert (np.diff(np.diag(covariance)) < 0).all()
    assert (np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0) > 0).all()


# Actions


def test_action_spread_is_the_log_determinant_of_the_noise_where_actions_do_not_depend_on_states() -> None:
    rng = np.random.default_rng(9)
    states, noise = rng.standard_normal((6_000, 3)), np.array([0.5, 0.2])
    spread = action_spread(states, rng.standard_normal((6_000, 2)) * noise)
    # Of k draws, ln det of a Wishart is below that of its mean by Σ [ln(m/2) − ψ((m − i)/2)], m = k − 1.
    m = 19
    bias = sum(np.log(m / 2) - scipy.special.digamma((m - i) / 2) for i in range(2))
    assert spread == pytest.approx(np.log(noise).sum() - bias / 2, abs=0.02)


def test_action_spread_sees_noise_and_not_what_follows_from_the_state() -> None:
    rng = np.random.default_rng(10)
    states = rng.standard_normal((20_000, 2))
    steady = np.tanh(states)
    quiet, loud = (action_spread(states, steady + scale * rng.standard_normal((20_000, 2))) for scale in (0.01, 0.5))
    assert quiet is not None
    assert loud is not None
    assert quiet < -4 < -2 < loud
    assert action_spread(states, np.zeros((20_000, 2))) == pytest.approx(np.log(1e-6))
    assert action_spread(states[:19], steady[:19]) is None
    assert action_spread(states[:, :0], steady) is None


def test_actions_are_scaled_to_the_box_and_left_alone_without_one() -> None:
    space = ActionSpace(np.array([0, -2, -np.inf], np.float32), np.array([4, 2, 1], np.float32))
    scaled = scale_to_box(np.array([[0, 2, -7], [4, -2, 1]], np.float32), space)
    np.testing.assert_allclose(scaled, [[-1, 1, -7], [1, -1, 1]])


def test_entropy_of_discrete_actions_is_0_of_one_choice_and_near_ln_m_of_m_even_ones() -> None:
    rng = np.random.default_rng(11)
    states, actions = rng.standard_normal((6_000, 3)), rng.integers(0, 4, 6_000)
    assert action_entropy(states, np.zeros(6_000, int)) == 0.0
    assert action_entropy(states, (states[:, 0] > 0).astype(int)) == pytest.approx(0.0, abs=0.2)
    assert action_entropy(states, actions) == pytest.approx(np.log(4) - 3 / 40, abs=0.02)
    assert action_entropy(states[:19], actions[:19]) is None


def test_on_a_grid_the_entropy_of_actions_is_exact() -> None:
    states = np.repeat([[0, 0], [0, 1], [1, 0]], [8, 4, 8], axis=0)
    actions = np.array([0, 1, 2, 3] * 2 + [0] * 4 + [0, 1] * 4)
    data = discrete(states, actions)
    found = measure(data, None).spread
    assert found.distinct_states == 3
    assert found.action_entropy == pytest.approx(0.4 * np.log(4) + 0.4 * np.log(2))
    assert conditional_entropy(state_keys(data), row_keys(data)) == pytest.approx(found.action_entropy)
    assert (found.state_entropy, found.action_spread, found.visit_entropy, found.visit_dimension) == (None,) * 4
    assert found.state_dimension is not None


# Cells


def test_a_set_covers_itself_exactly_and_a_part_of_itself_covers_less() -> None:
    data = sample_dataset([400, 600], terminal=[True, False])
    cells = cut_into_cells(data)
    rng = np.random.default_rng(12)
    assert saco(data, cells, rng) == 1.0
    assert saco(reordered(data, [1, 0]), cells, rng) == pytest.approx(1.0, abs=0.01)
    narrow = replace(data, observations=data.observations * 0.1, actions=data.actions * 0.1)
    assert saco(narrow, cells, rng) < 0.2
    assert saco(data, cut_into_cells(narrow), rng) > 1.0


def test_the_larger_of_two_sets_is_brought_to_the_size_of_the_smaller() -> None:
    large = sample_dataset([4_000], terminal=[True])
    small = replace(large, **{name: getattr(large, name)[-400:] for name in (*CONTENT, "rewards")})
    for one, other in ((small, large), (large, small)):
        assert saco(one, cut_into_cells(other), np.random.default_rng(13)) == pytest.approx(1.0, abs=0.15)


def test_on_a_grid_the_cells_are_the_distinct_rows_of_states_and_actions() -> None:
    rng = np.random.default_rng(14)
    full = discrete(rng.integers(0, 5, (2_000, 2)), rng.integers(0, 4, 2_000))
    corner = discrete(rng.integers(0, 2, (2_000, 2)), rng.integers(0, 4, 2_000))
    assert saco(full, cut_into_cells(full), rng) == 1.0
    assert saco(corner, cut_into_cells(full), rng) == (2 * 2 * 4) / (5 * 5 * 4)


def test_keys_are_equal_exactly_where_rows_are() -> None:
    rng = np.random.default_rng(15)
    states = rng.integers(-2, 3, (CHUNK + 500, 3)).astype(np.float32) * np.float32(0.5)
    actions = rng.integers(0, 4, len(states))
    data = discrete(states, actions)
    assert count_distinct(state_keys(data)) == len(np.unique(states, axis=0)) == 125
    assert count_distinct(row_keys(data)) == 500
    # A state one bit away is as far from another action as any state is.
    bits = np.float32(1).view(np.uint32) + np.arange(4, dtype=np.uint32)
    near = discrete(bits.view(np.float32).repeat(4)[:, None], np.tile(np.arange(4), 4))
    assert count_distinct(row_keys(near)) == 16
    assert count_distinct(state_keys(discrete(np.array([[0.0], [-0.0]]), np.zeros(2)))) == 1


def test_a_reference_of_another_task_is_refused_by_name() -> None:
    data = sample_dataset([50], terminal=[True])
    other = replace(data, id="other", observations=data.observations[:, :2], next_observations=data.observations[:, 1:])
    with pytest.raises(EnvironmentMismatchError, match="sample and the reference other belong to different tasks"):
        saco(data, cut_into_cells(other), np.random.default_rng(0))
    two = discrete(data.observations, np.zeros(50), n=2)
    with pytest.raises(EnvironmentMismatchError, match="of 2 numbers and one of 2"):
        saco(data, cut_into_cells(two), np.random.default_rng(0))


# Episodes


def test_quality_of_known_returns() -> None:
    found = measure_quality(with_returns([10.0, 60.0, 110.0], [2, 3, 4]), TASK)
    assert (found.mean_return, found.lowest_return, found.highest_return) == (60.0, 10.0, 110.0)
    assert (found.trajectory_quality, found.mean_score) == (0.5, 50.0)
    assert found.relative_improvement == pytest.approx(50 / 60)
    unknown = measure_quality(with_returns([10.0, 60.0], [2, 3]), None)
    assert (unknown.trajectory_quality, unknown.mean_score) == (None, None)


def test_improvement_is_of_returns_shifted_until_none_is_negative() -> None:
    assert measure_quality(with_returns([-5.0, 5.0, 15.0], [1, 1, 1]), None).relative_improvement == pytest.approx(1.0)
    assert measure_quality(with_returns([-5.0, -5.0], [1, 1]), None).relative_improvement is None
    assert measure_quality(with_returns([0.0, 0.0], [1, 1]), None).relative_improvement is None
    assert measure_quality(with_returns([3.0, 3.0], [1, 1]), None).relative_improvement == 0.0


def test_length_bias_is_1_where_longer_is_always_better_and_minus_1_where_worse() -> None:
    up = measure_endings(with_returns([1.0, 2.0, 30.0, 31.0], [3, 5, 6, 9]))
    assert up.length_spearman == pytest.approx(1.0)
    assert up.length_pearson is not None
    assert 0.5 < up.length_pearson < 0.99
    line = measure_endings(with_returns([-6.0, -10.0, -18.0], [3, 5, 9]))
    assert (line.length_spearman, line.length_pearson) == (pytest.approx(-1.0), pytest.approx(-1.0))


def test_length_bias_is_undefined_where_lengths_or_returns_are_all_equal() -> None:
    for data in (with_returns([1.0, 2.0], [4, 4]), with_returns([3.0, 3.0], [2, 4]), with_returns([1.0], [5])):
        found = measure_endings(data)
        assert (found.length_spearman, found.length_pearson) == (None, None)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=20))
def test_rank_correlation_shares_ranks_among_equals(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, float).T
    found = correlate_ranks(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(scipy.stats.spearmanr(x, y).statistic)


def test_endings_are_told_apart_by_who_ended_the_episode() -> None:
    found = measure_endings(with_returns([1.0, 2.0, 6.0, 11.0], [2, 3, 5, 10], [True, True, True, False]))
    assert (found.time_limit_share, found.terminal_share) == (0.25, 0.15)
    assert (found.early_return, found.late_return) == (3.0, 11.0)
    assert (found.mean_length, found.shortest, found.longest) == (5.0, 2, 10)
    none = measure_endings(with_returns([1.0, 2.0], [2, 3], [False, False]))
    assert (none.early_return, none.late_return, none.terminal_share) == (None, 1.5, 0.0)


# All together


@pytest.mark.parametrize("data", [*sample_datasets(), sample_dataset([1], [True])], ids=lambda data: str(data.n))
def test_every_number_is_finite_or_none_however_small_the_data(data: Dataset) -> None:
    coverage = measure(data)
    json.dumps(asdict(coverage), allow_nan=False)
    view = view_states(data, measure_moments(states_of(data)), None)
    assert view.counts.sum() == data.n


def test_one_step_has_no_entropy_no_dimension_no_spread_and_no_length_bias() -> None:
    found = flat(measure(sample_dataset([1], [True])))
    undefined = {name for name, value in found.items() if value is None}
    wanted = {"state_entropy", "visit_entropy", "state_entropy_on_task_scale", "state_dimension", "visit_dimension"}
    wanted |= {"action_spread", "action_entropy"}
    assert undefined == {f"spread.{name}" for name in wanted} | {
        "endings.length_spearman",
        "endings.length_pearson",
        "endings.late_return",
        "quality.relative_improvement",  # its one return is negative, so 0 when shifted
    }
    assert found["spread.saco"] == 1.0


def test_the_rewards_a_learner_sees_change_no_number() -> None:
    data = sample_dataset([30, 50, 20], terminal=[True, False, True])
    wrong = data.with_rewards(-100.0 * data.true_rewards, "negative")
    assert measure(wrong) == measure(data)
    for task in (TASK, None):
        assert np.array_equal(episode_points(wrong, task).scores, episode_points(data, task).scores)


def test_the_order_of_episodes_changes_no_number() -> None:
    data = sample_dataset([300, 150, 200, 350], terminal=[True, False, True, False])
    other = reordered(data, [2, 0, 3, 1])
    assert other.fingerprint != data.fingerprint
    before, after = flat(measure(data)), flat(measure(other, reference=data))
    for name, value in before.items():
        if isinstance(value, float):
            assert after[name] == pytest.approx(value, rel=0.01 if name.endswith("saco") else 1e-6), name
        else:
            assert after[name] == value, name


def test_a_reference_changes_no_number_but_saco_and_a_seed_repeats_them_all() -> None:
    data = sample_dataset([30_000], terminal=[False])
    with_one, again = measure(data), measure(data)
    small = measure(data, reference=sample_dataset([5_000], terminal=[True]))
    without = measure_coverage(data, TASK, None, np.random.default_rng(RNG))
    other = measure_coverage(data, TASK, None, np.random.default_rng(RNG + 1))
    assert with_one == again
    assert without.spread.saco is None
    for found in (with_one, small):
        assert replace(found.spread, saco=None, reference="") == without.spread
    assert other.spread != without.spread
    assert without.spread.sampled == 20_000


# The view


def test_the_view_is_of_the_two_numbers_the_card_names() -> None:
    data = sample_dataset([500], terminal=[True])
    task = replace(TASK, view=(2, 0))
    view = view_states(data, measure_moments(states_of(data)), task)
    assert (view.x_label, view.y_label) == ("observation 2", "observation 0")
    inside = [np.histogram2d(data.observations[:, 2], data.observations[:, 0], [view.x_edges, view.y_edges])[0].sum()]
    assert view.counts.sum() == 500
    assert inside[0] >= 490
    for wrong in ((0, 3), (0,), (-1, 0)):
        with pytest.raises(DatasetError, match=r"card of task 'walk': view is .*from 0 to 2"):
            view_states(data, measure_moments(states_of(data)), replace(TASK, view=wrong))


def test_the_view_of_a_grid_has_a_bin_for_each_value() -> None:
    columns, rows = np.meshgrid([0, 1, 2, 5], [0, 1, 2], indexing="ij")
    visits = np.repeat(np.c_[columns.ravel(), rows.ravel()], np.arange(1, 13), axis=0)
    data = discrete(visits, np.zeros(len(visits)))
    view = view_states(data, measure_moments(states_of(data)), replace(TASK, view=(0, 1)))
    assert view.x_edges.tolist() == [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert view.counts[[0, 1, 2, 5]].tolist() == np.arange(1, 13).reshape(4, 3).tolist()
    assert not view.counts[3:5].any()


def test_the_view_of_one_hot_states_is_the_grid_the_card_names() -> None:
    # Cell 4 of two rows and three columns is the second of the lower row; what follows the six is not looked at.
    cells = np.repeat([0, 4, 5], [1, 2, 3])
    data = discrete(np.concatenate([np.eye(6)[cells], np.ones((6, 2))], axis=1), np.zeros(6))
    moments = measure_moments(states_of(data))
    view = view_states(data, moments, replace(TASK, grid=(2, 3)))
    assert view.counts.T.tolist() == [[1, 0, 0], [0, 2, 3]]
    assert view.downward
    for wrong in ((3, 3), (6,), (0, 3)):
        with pytest.raises(DatasetError, match=r"card of task 'walk': grid is .* has numbers: 8"):
            view_states(data, moments, replace(TASK, grid=wrong))


def test_an_axis_of_a_few_uneven_values_is_cut_evenly() -> None:
    states = np.array([0.0, 0.001, 7.0])[np.arange(300) % 3]
    data = discrete(np.c_[states, states], np.zeros(300))
    view = view_states(data, measure_moments(states_of(data)), replace(TASK, view=(0, 1)))
    assert np.ptp(np.diff(view.x_edges)) < 1e-6
    assert (view.counts.sum(), len(view.x_edges)) == (300, 101)


def test_the_view_counts_what_lies_far_out_at_its_rim() -> None:
    data = sample_dataset([CHUNK + 1_000], terminal=[True])
    states = data.observations.copy()
    states[5] = 1e6
    far = replace(data, observations=states)
    view = view_states(far, measure_moments(states_of(far)), replace(TASK, view=(0, 1)))
    assert view.counts.sum() == far.n
    assert view.counts[-1, -1] >= 1
    assert view.x_edges[-1] < 100


@pytest.mark.parametrize(("count", "best"), [(1, 1), (10, 1), (11, 2), (20, 2), (1000, 100)])
def test_the_best_tenth_is_of_whole_episodes_and_at_least_of_one(count: int, best: int) -> None:
    returns = np.random.default_rng(count).permutation(count).astype(float)
    assert best_mean(returns) == np.mean(np.arange(count - best, count))
    assert best_mean(-returns) == -np.mean(np.arange(best))
