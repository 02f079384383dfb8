"""Rolling out and evaluating: one episode per seed, the same questions for every policy."""

from pathlib import Path

import gymnasium
import numpy as np
import pytest

from offline_bench import evaluate
from offline_bench.errors import DatasetError
from offline_bench.paths import datasets_folder
from offline_bench.policy import load_policy, save_policy
from offline_bench.rollout import Episode, roll_out
from offline_bench.seeds import evaluation_seeds
from offline_bench.sketch import sketch_visits

EXPERT = datasets_folder() / "behavior" / "hopper" / "step-0240000.safetensors"
NOVICE = datasets_folder() / "behavior" / "hopper" / "step-0000000.safetensors"


def sway(observations: np.ndarray) -> np.ndarray:
    """A policy without matrix products: each row's action depends on that row alone, to the bit."""
    return np.clip(observations[:, :3], -1, 1).astype(np.float32)


def test_episodes_replay_in_the_environment_step_by_step() -> None:
    episode = roll_out(sway, "Hopper-v5", [3, 4, 5])[-1]
    environment = gymnasium.make("Hopper-v5")
    observation, _ = environment.reset(seed=5)
    for t, action in enumerate(episode.actions):
        assert np.array_equal(observation, episode.observations[t])
        observation, reward, terminated, truncated, _ = environment.step(action)
        assert reward == episode.rewards[t]
        assert (terminated or truncated) == (t == episode.length - 1)
    assert np.array_equal(observation, episode.observations[-1])
    assert terminated == episode.terminated


def test_the_number_side_by_side_changes_no_episode_and_order_follows_the_seeds() -> None:
    alone = roll_out(sway, "Hopper-v5", [9, 2, 7, 2], side_by_side=1)
    together = roll_out(sway, "Hopper-v5", [9, 2, 7, 2], side_by_side=3)
    assert [e.seed for e in together] == [9, 2, 7, 2]
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.rewards, other.rewards)


def test_an_episode_cut_by_the_clock_did_not_terminate() -> None:
    gymnasium.register("ShortHopper-v0", entry_point="gymnasium.envs.mujoco.hopper_v5:HopperEnv", max_episode_steps=5)
    (episode,) = roll_out(sway, "ShortHopper-v0", [0])
    assert episode.length == 5
    assert not episode.terminated


def test_evaluation_asks_every_policy_the_same_and_more_episodes_extend_the_list() -> None:
    assert evaluation_seeds(20)[:5] == evaluation_seeds(5)
    assert len(set(evaluation_seeds(200))) == 200
    episodes = evaluate(load_policy(NOVICE), "Hopper-v5", 3)
    again = evaluate(load_policy(NOVICE), "Hopper-v5", 3)
    assert [e.seed for e in episodes] == evaluation_seeds(3)
    assert all(np.array_equal(a.rewards, b.rewards) for a, b in zip(episodes, again, strict=True))


def test_the_expert_policy_is_an_expert_and_the_novice_is_not() -> None:
    expert, novice = (
        np.mean([e.rewards.sum() for e in evaluate(load_policy(path), "Hopper-v5", 3)]) for path in (EXPERT, NOVICE)
    )
    assert expert > 3000
    assert novice < 300


def test_a_policy_survives_saving_to_the_bit(tmp_path: Path) -> None:
    policy = load_policy(EXPERT)
    save_policy(policy, tmp_path / "policy.safetensors")
    copy = load_policy(tmp_path / "policy.safetensors")
    observations = np.random.default_rng(0).standard_normal((8, 11))
    assert np.array_equal(policy.act(observations), copy.act(observations))
    draws = [p.sample(observations, np.random.default_rng(1)) for p in (policy, copy)]
    assert np.array_equal(*draws)
    assert not np.array_equal(draws[0], policy.act(observations))


def test_a_file_that_is_no_policy_is_refused_by_name(tmp_path: Path) -> None:
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(EXPERT.read_bytes()[:1000])
    with pytest.raises(DatasetError, match=r"cut\.safetensors"):
        load_policy(cut)


def test_sketches_tell_policies_apart_by_where_they_went() -> None:
    mean, scale = [0.0] * 11, [1.0] * 11

    def sketch(path: Path, seeds: range) -> np.ndarray:
        episodes: list[Episode] = roll_out(load_policy(path).act, "Hopper-v5", seeds)
        return np.array(sketch_visits(episodes, mean, scale))

    one, same, other = sketch(NOVICE, range(5)), sketch(NOVICE, range(5, 10)), sketch(EXPERT, range(2))
    assert np.linalg.norm(one - same) < np.linalg.norm(one - other)
    assert sketch_visits([], mean, scale) == []
