"""Rolling out and evaluating: one episode per seed, the same questions for every policy."""

from collections.abc import Callable, Sequence
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from offline_bench import evaluate
from offline_bench.core.errors import DatasetError
from offline_bench.core.paths import datasets_folder
from offline_bench.core.seeds import evaluation_seeds
from offline_bench.data.episode import Episode
from offline_bench.evaluation.evaluate import evaluate_slab
from offline_bench.evaluation.policy import load_policy, save_policy
from offline_bench.evaluation.rollout import roll_out
from offline_bench.evaluation.sketch import sketch_visits

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


class Swayers:
    """Run r sways by r + 1: each row's action depends on that row and its run alone, to the bit."""

    def __init__(self, runs: int) -> None:
        self.shares = np.arange(1.0, runs + 1)[:, None, None]
        self.shapes: list[tuple[int, ...]] = []

    def act(self, observations: np.ndarray) -> np.ndarray:
        self.shapes.append(observations.shape)
        return np.clip(observations[..., :3] * self.shares, -1, 1).astype(np.float32)

    def alone(self, run: int) -> Callable[[np.ndarray], np.ndarray]:
        return lambda observations: np.clip(observations[:, :3] * self.shares[run, 0], -1, 1).astype(np.float32)


def assert_same(some: Sequence[Episode], others: Sequence[Episode]) -> None:
    assert [e.seed for e in some] == [e.seed for e in others]
    for one, other in zip(some, others, strict=True):
        for name in ("observations", "actions", "rewards"):
            mine, theirs = getattr(one, name), getattr(other, name)
            assert (mine.dtype, mine.shape, mine.tobytes()) == (theirs.dtype, theirs.shape, theirs.tobytes())
        assert one.terminated is other.terminated


@pytest.mark.parametrize(
    "steppers", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
)
def test_a_slab_is_evaluated_as_each_run_alone_to_the_bit(steppers: int) -> None:
    policies = Swayers(4)
    slab = evaluate_slab(policies, 4, "Hopper-v5", 5, steppers)
    assert len({e.length for episodes in slab for e in episodes}) > 5
    for run, episodes in enumerate(slab):
        assert_same(episodes, roll_out(policies.alone(run), "Hopper-v5", evaluation_seeds(5)))


def test_a_slab_cut_by_the_clock_did_not_terminate() -> None:
    entry = "gymnasium.envs.mujoco.hopper_v5:HopperEnv"
    gymnasium.register("ShortHopper-v1", entry_point=entry, max_episode_steps=60)
    policies = Swayers(2)
    slab = evaluate_slab(policies, 2, "ShortHopper-v1", 8, 0)
    assert {e.terminated for episodes in slab for e in episodes} == {True, False}
    for run, episodes in enumerate(slab):
        assert_same(episodes, roll_out(policies.alone(run), "ShortHopper-v1", evaluation_seeds(8)))


def test_what_a_slab_is_asked_has_one_shape_per_number_of_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offline_bench.evaluation.rollout.SIDE_BY_SIDE", 4)
    policies, one = Swayers(3), Swayers(1)
    slab = evaluate_slab(policies, 3, "Hopper-v5", 7, 0)
    assert set(policies.shapes) == {(3, 2, 11), (3, 1, 11)}
    (alone,) = evaluate_slab(one, 1, "Hopper-v5", 7, 0)
    assert set(one.shapes) == {(1, 2, 11), (1, 1, 11)}
    assert_same(slab[0], alone)
    assert_same(slab[2], roll_out(policies.alone(2), "Hopper-v5", evaluation_seeds(7)))


def test_what_else_is_in_a_slab_changes_nothing_for_a_run() -> None:
    class Networks:
        def __init__(self, *seeds: int) -> None:
            self.weights = [np.random.default_rng(seed).standard_normal((11, 3)) for seed in seeds]

        def act(self, observations: np.ndarray) -> np.ndarray:
            return np.stack([np.tanh(o @ w) for o, w in zip(observations, self.weights, strict=True)])

    alone = evaluate_slab(Networks(8), 1, "Hopper-v5", 6, 0)[0]
    assert_same(alone, evaluate_slab(Networks(3, 8, 5), 3, "Hopper-v5", 6, 0)[1])


def test_no_episodes_and_one_are_fine_and_actions_of_another_shape_are_not() -> None:
    assert evaluate_slab(Swayers(2), 2, "Hopper-v5", 0, 0) == [[], []]
    assert [len(episodes) for episodes in evaluate_slab(Swayers(2), 2, "Hopper-v5", 1, 0)] == [1, 1]
    with pytest.raises(ValueError, match="for 3 runs and 1 episodes"):
        evaluate_slab(Few(), 3, "Hopper-v5", 1, 0)


class Few:
    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.zeros((1, 1, 3), np.float32)


class Counter:
    """A policy with memory: what it does depends on how often it was asked in an episode."""

    def __init__(self) -> None:
        self.asked: dict[int, int] = {}

    def act(self, observations: np.ndarray) -> np.ndarray:
        raise AssertionError("this one needs to know the episode")

    def act_in(self, episodes: np.ndarray, observations: np.ndarray) -> np.ndarray:
        assert episodes.shape == (len(observations),)
        for number in episodes:
            self.asked[int(number)] = self.asked.get(int(number), 0) + 1
        times = np.array([self.asked[int(number)] for number in episodes])
        return np.sin(times[:, None] * np.ones(3)).astype(np.float32)


def test_a_policy_with_memory_is_told_which_episode_it_is_in() -> None:
    policy = Counter()
    first, again = evaluate(policy, "Hopper-v5", 20), evaluate(policy, "Hopper-v5", 20)
    assert_same(first, again)
    assert sorted(policy.asked.values()) == sorted(2 * [e.length for e in first])
    for episode in first:
        assert np.array_equal(episode.actions[:, 0], np.sin(np.arange(1.0, episode.length + 1)).astype(np.float32))


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


def test_what_a_policy_fills_again_and_again_is_noted_as_it_was() -> None:
    buffer = np.zeros((1, 3), np.float32)

    def act(observations: np.ndarray) -> np.ndarray:
        buffer[:] += np.float32(0.01)
        return buffer

    (episode,) = roll_out(act, "Hopper-v5", [0])
    assert np.diff(episode.actions[:, 0]) == pytest.approx(0.01, abs=1e-5)
