"""The point maze: its behavior follows the shortest way, and its two sets differ in where they lead, nothing else."""

import builtins
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offline_bench.behaviors import behaviors
from offline_bench.behaviors.collect import find_recipe, write_collected
from offline_bench.behaviors.waypoints import _survey
from offline_bench.core.errors import EnvironmentMismatchError, MissingExtraError
from offline_bench.data.dataset import Dataset
from offline_bench.data.episode import Episode
from offline_bench.data.loaders import load
from offline_bench.data.loaders.cards import load_cards
from offline_bench.environments.make import make_environment
from offline_bench.environments.point_maze import make_point_maze
from offline_bench.evaluation.rollout import roll_out, roll_out_episodic
from offline_bench.runs.experiment import Job, carry_out
from offline_bench.runs.record import Run

MAZE = "offline_bench/PointMaze-v0"
FULL = "offline-bench/point-maze/full-v0"
GOAL_ONLY = "offline-bench/point-maze/goal-only-v0"
SIZE = 8_100
needs_mazes = pytest.mark.skipif(
    find_spec("gymnasium_robotics") is None, reason="this Python has no gymnasium-robotics"
)


def follow(text: str, seeds: range, seed: int = 0) -> list[Episode]:
    return roll_out_episodic(behaviors.bind(text)(MAZE, np.random.default_rng(seed)), MAZE, seeds)


def cells_of(observations: np.ndarray) -> set[int]:
    return set(_survey(MAZE).locate(observations[:, :2]).tolist())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """Both sets with 8,100 transitions each: 20 episodes, and the beginning of one."""
    folder = tmp_path_factory.mktemp("mazes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("offline_bench.behaviors.collect.cache_folder", lambda: folder)
        patch.setenv("MINARI_DATASETS_PATH", str(folder))
        return {dataset: build(dataset, SIZE) for dataset in (FULL, GOAL_ONLY)}


def build(dataset: str, transitions: int) -> Dataset:
    card = load_cards()[dataset]
    write_collected(card, replace(find_recipe(card), transitions=transitions), dataset, lambda share: None)
    return load(dataset)


@needs_mazes
def test_the_way_from_any_cell_to_any_other_is_the_shortest_and_leads_through_no_wall() -> None:
    maze = _survey(MAZE)
    count = len(maze.centers)
    apart = np.abs(maze.centers[:, None] - maze.centers).sum(axis=-1)
    steps = np.where(apart == 1, 1.0, np.inf)
    np.fill_diagonal(steps, 0.0)
    for middle in range(count):
        steps = np.minimum(steps, steps[:, middle, None] + steps[middle])
    assert np.isfinite(steps).all()
    for start in range(count):
        for target in range(count):
            onto = maze.following[start, target]
            assert (onto == start) if start == target else (apart[start, onto] == 1)
            assert steps[onto, target] == max(steps[start, target] - 1, 0)


@needs_mazes
def test_the_references_on_the_card_are_what_random_actions_and_the_noise_free_behavior_return() -> None:
    task = load_cards()[FULL].task
    rng = np.random.default_rng(0)
    lost = roll_out(lambda x: rng.uniform(-1, 1, (len(x), 2)).astype(np.float32), MAZE, range(4))
    expert = np.array([episode.rewards.sum() for episode in follow("waypoints", range(8))])
    assert [episode.rewards.sum() for episode in lost] == [task.random_return] * 4
    # Four standard errors of the mean of eight, by the deviation on the card.
    assert expert.mean() == pytest.approx(task.expert_return, abs=4 * 5.3 / 8**0.5)
    assert load_cards()[GOAL_ONLY].task == task


@needs_mazes
def test_without_noise_a_path_leads_through_the_cells_of_the_shortest_way_alone() -> None:
    for episode in follow("waypoints", range(4)):
        assert len(cells_of(episode.observations)) == 9
        assert episode.rewards[-1] == 1.0


@needs_mazes
def test_the_behavior_gives_the_same_actions_for_the_same_generator_and_others_for_another() -> None:
    text = "waypoints(noise=0.5, roam=True, spread=0.3)"
    one, same, other = (follow(text, range(2), seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a.observations, b.observations) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0].actions, other[0].actions)


@needs_mazes
def test_a_roaming_ball_has_another_target_after_arriving_and_forgets_episodes_that_are_over() -> None:
    act_in = behaviors.bind("waypoints(roam=True)")(MAZE, np.random.default_rng(0))
    start = np.zeros((2, 8))
    act_in(np.array([7, 8]), start)
    first = act_in.errands[7]
    act_in(np.array([7]), start[:1] + 100.0)
    assert act_in.errands == {7: first}
    arrived = np.concatenate([first.place, np.zeros(6)])
    targets = set()
    for _ in range(20):
        act_in(np.array([7]), arrived[None])
        targets.add(act_in.errands[7].cell)
        arrived[:2] = act_in.errands[7].place
    assert len(targets) > 5


@needs_mazes
def test_a_goal_that_moves_is_followed() -> None:
    act_in = behaviors.bind("waypoints")(MAZE, np.random.default_rng(0))
    maze = _survey(MAZE)
    here, there = maze.centers[0], maze.centers[-1]
    for goal in (here, there):
        act_in(np.array([0]), np.concatenate([here, goal, here, [0.0, 0.0]])[None])
        assert np.array_equal(act_in.errands[0].place, goal)


@needs_mazes
def test_the_maze_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environment = make_environment(MAZE)
    environment.reset(seed=0)
    assert not list(tmp_path.iterdir())
    environment.close()


def test_without_gymnasium_robotics_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("gymnasium_robotics"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install 'offline-bench\[robotics\]'"):
        make_point_maze()
    with pytest.raises(MissingExtraError, match=r"\[robotics\]"):
        behaviors.bind("waypoints")(MAZE, np.random.default_rng(0))


@pytest.mark.parametrize("environment", ["Hopper-v5", "CartPole-v1"])
def test_waypoints_outside_of_a_maze_are_refused_in_words(environment: str) -> None:
    with pytest.raises(EnvironmentMismatchError, match=f"and '{environment}' is not one"):
        behaviors.bind("waypoints")(environment, np.random.default_rng(0))


@pytest.mark.slow
@needs_mazes
def test_the_sets_differ_in_coverage_and_not_in_length_start_or_goal(built: dict[str, Dataset]) -> None:
    full, goal_only = built[FULL], built[GOAL_ONLY]
    cells = _survey(MAZE).locate
    assert cells_of(full.observations) == set(range(24))
    way = cells_of(goal_only.observations)
    assert len(way) == 9
    assert way == cells_of(follow("waypoints", range(1))[0].observations)
    for data in (full, goal_only):
        assert data.lengths.tolist() == [400] * 20 + [100]
        assert not data.terminals.any()
        assert set(cells(data.observations[data.episode_starts, :2])) == {0}
        assert set(cells(data.observations[:, 2:4])) == {3}
    assert goal_only.true_returns[:-1].min() > 100 > full.true_returns.max()


@pytest.mark.slow
@pytest.mark.parametrize("dataset", [FULL, GOAL_ONLY])
@needs_mazes
def test_rewards_and_next_observations_belong_to_the_actions_beside_them(
    built: dict[str, Dataset], dataset: str
) -> None:
    data = built[dataset]
    distance = np.linalg.norm(data.next_observations[:, 0:2] - data.next_observations[:, 2:4], axis=1)
    clear = np.abs(distance - 0.45) > 1e-5
    assert np.array_equal(data.true_rewards[clear], (distance <= 0.45)[clear])
    maze = make_environment(MAZE)
    maze.reset(seed=0)
    last = np.arange(data.n)[-100:]
    for row in [*last, *np.random.default_rng(0).integers(data.n, size=200)]:
        shown = data.observations[row].astype(np.float64)
        maze.unwrapped.goal = shown[2:4]
        maze.unwrapped.point_env.set_state(shown[4:6], shown[6:8])
        # Past the clock of the wrapper, which these steps have nothing to do with.
        after = maze.unwrapped.step(data.actions[row])[0]
        assert np.allclose(
            np.concatenate([after[key] for key in sorted(after)]), data.next_observations[row], atol=1e-3
        )
    maze.close()


@pytest.mark.slow
@needs_mazes
def test_built_twice_is_the_same_to_the_bit(built: dict[str, Dataset], tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("offline_bench.behaviors.collect.cache_folder", lambda: tmp_path)
        patch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
        assert build(FULL, SIZE).fingerprint == built[FULL].fingerprint


@pytest.mark.slow
@needs_mazes
def test_a_policy_cloned_from_the_way_to_the_goal_is_evaluated_in_the_maze(
    built: dict[str, Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offline_bench.runs.experiment._load_once", lambda dataset: built[dataset])
    run = Run(GOAL_ONLY, "full", "zero", "bc(hidden_units=(64, 64))", seed=0, steps=600, episodes=2)
    record = carry_out(Job(run, at=(600,)))
    assert (record.status, record.lengths) == ("ok", [400, 400])
    assert all(reward == int(reward) >= 0 for reward in record.returns)
    assert len(record.sketch) == 128
