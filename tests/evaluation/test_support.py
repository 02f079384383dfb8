"""Support: how far a policy stays with its data, by numbers that are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.data.episode import Episode
from offline_bench.evaluation.support import Support
from offline_bench.schemes.checks import sample_dataset
from offline_bench.schemes.curate import curate


def gaussian(episodes: int, length: int, seed: int, shift: float = 0.0, choices: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    n = episodes * length
    ends = np.arange(1, n + 1) % length == 0
    observations = (rng.standard_normal((n, 2)) + shift).astype(np.float32)
    box = ActionSpace(-9 * np.ones(1, np.float32), 9 * np.ones(1, np.float32))
    actions = rng.standard_normal((n, 1)).astype(np.float32)
    return Dataset(
        id="gaussian",
        environment="",
        action_space=ActionSpace(np.empty(0), np.empty(0), choices) if choices else box,
        observations=observations,
        actions=rng.integers(choices, size=n) if choices else np.clip(actions, -9, 9),
        next_observations=observations,
        true_rewards=np.ones(n, np.float32),
        terminals=np.zeros(n, bool),
        timeouts=ends,
    )


def as_episodes(data: Dataset) -> list[Episode]:
    pieces = [slice(a, b + 1) for a, b in zip(data.episode_starts, data.episode_ends, strict=True)]
    return [
        Episode(0, np.concatenate([data.observations[at], data.observations[at][-1:]]), data.actions[at],
                data.true_rewards[at], terminated=False)
        for at in pieces
    ]  # fmt: skip


@pytest.mark.parametrize(("choices", "length"), [(0, 100), (3, 100), (0, 20)])
def test_a_policy_that_visits_what_the_data_does_is_in_support_and_costs_nothing(choices: int, length: int) -> None:
    policy = as_episodes(gaussian(10, length, 1, choices=choices))
    found = Support(gaussian(20, 100, 0, choices=choices)).measure(policy)
    assert found["in_support"] == pytest.approx(0.99, abs=0.02)
    assert found["effective_share"] > 0.8
    assert 1.0 < found["concentrability"] < 3.0


def test_a_policy_far_from_the_data_is_out_of_support_and_nothing_of_the_data_tells_of_it() -> None:
    found = Support(gaussian(20, 100, 0)).measure(as_episodes(gaussian(10, 100, 1, shift=6.0)))
    assert found["in_support"] < 0.01
    # Where the two have nothing in common the estimate saturates: w is as good as 0 everywhere on the data.
    assert found["effective_share"] < 0.2
    assert found["concentrability"] > 1e3


def test_the_density_ratio_is_that_of_two_known_gaussians() -> None:
    """N(μ, I) against N(0, I): w = exp(μ·x − |μ|²/2), so n Σw² / (Σw)² tends to exp(|μ|²) over the data."""
    shift = 0.5
    found = Support(gaussian(40, 100, 0)).measure(as_episodes(gaussian(40, 100, 1, shift=shift)))
    assert found["effective_share"] == pytest.approx(np.exp(-2 * shift**2), abs=0.12)
    quantile = np.exp(2 * shift**2 / 2 + 2.326 * np.sqrt(2) * shift)
    assert found["concentrability"] == pytest.approx(quantile, rel=0.5)


def test_distances_within_the_data_leave_out_the_whole_episode_even_where_it_was_torn() -> None:
    """Each episode stands in a place of its own: nearest neighbors of another one are far, pieces of one's own near."""
    rng = np.random.default_rng(0)
    data = sample_dataset([50] * 10, terminal=[False] * 10)
    places = np.repeat(np.arange(10.0), 50)[:, None] + 1e-3 * rng.standard_normal((500, 3))
    still = {**vars_of(data), "actions": np.zeros_like(data.actions)}
    data = Dataset(**{**still, "observations": places.astype(np.float32)})
    torn = curate(data, "thin(p=0.5)")
    assert torn.n_episodes > 20
    # Half a place away from the data is nearer than any two of its episodes are to each other.
    between = Dataset(**{**still, "observations": (places + 0.4).astype(np.float32)})
    assert Support(torn).measure(as_episodes(between))["in_support"] > 0.9


def vars_of(data: Dataset) -> dict[str, object]:
    names = ("id", "environment", "action_space", "actions", "next_observations", "true_rewards", "terminals")
    return {name: getattr(data, name) for name in names} | {"timeouts": data.timeouts}


def test_what_cannot_be_told_is_left_out() -> None:
    alone = gaussian(1, 100, 0)
    assert Support(alone).measure(as_episodes(gaussian(10, 100, 1))) == {}
    few = Support(gaussian(20, 100, 0)).measure(as_episodes(gaussian(2, 100, 1)))
    assert set(few) == {"in_support"}
    lost = as_episodes(gaussian(10, 10, 1))
    lost[0].observations[3] = np.nan
    assert Support(gaussian(20, 100, 0)).measure(lost) == {}


def test_the_same_episodes_give_the_same_numbers() -> None:
    data, episodes = gaussian(20, 200, 0), as_episodes(gaussian(10, 200, 1))
    assert Support(data).measure(episodes) == Support(data).measure(episodes)
