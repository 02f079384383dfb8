"""Observations with goals, and discrete ones: what is read is what the flattened environment shows."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import numpy as np
import pytest
from gymnasium import spaces

from offline_bench.core.errors import DatasetError
from offline_bench.data.loaders import load, load_d4rl
from offline_bench.data.loaders.minari import read_minari
from offline_bench.environments.flat import sort_space
from offline_bench.environments.make import make_environment
from offline_bench.environments.name import find_spec

ID = "mine/goals-v0"
MAZE = "PointMaze_UMaze-v3(continuing_task=False, max_episode_steps=12)"
ANT = "AntMaze_UMaze-v5(continuing_task=False, max_episode_steps=12)"
KITCHEN = "FrankaKitchen-v1(max_episode_steps=6)"
LAKE = "FrozenLake-v1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty world: its own project root, home folder and Minari root."""
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    yield tmp_path


@contextmanager
def others_warnings_aside() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def act_at_random(env: Any, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Episodes as Minari's EpisodeBuffer takes them, with observations as the bare environment shows them."""
    episodes = []
    for seed in seeds:
        observation, _ = env.reset(seed=seed)
        env.action_space.seed(seed)
        shown, actions, rewards, ends = [observation], [], [], [(False, False)]
        while not any(ends[-1]):
            action = env.action_space.sample()
            # Rounded as a dataset holds them: the kitchen's are float64.
            rounded = action.astype(np.float32).astype(action.dtype) if np.ndim(action) else action
            actions.append(rounded)
            observation, reward, *end, _ = env.step(actions[-1])
            shown.append(observation)
            rewards.append(float(reward))
            ends.append(tuple(end))
        flags = np.array(ends[1:])
        episodes.append(
            {
                "seed": seed,
                "observations": stack(shown),
                "actions": np.array(actions),
                "rewards": rewards,
                "terminations": flags[:, 0],
                "truncations": flags[:, 1],
            }
        )
    return episodes


def stack(shown: list[Any]) -> Any:
    if isinstance(shown[0], dict):
        return {key: stack([part[key] for part in shown]) for key in shown[0]}
    return np.array(shown)


def write(episodes: list[dict[str, Any]], **about: Any) -> None:
    import minari
    from minari.data_collector import EpisodeBuffer

    with others_warnings_aside():
        minari.create_dataset_from_buffers(ID, [EpisodeBuffer(**episode) for episode in episodes], **about)


def step_again(environment: str, data: Any, seeds: Sequence[int]) -> None:
    """Every row of `data` is what the environment as we make it shows for the same seeds and actions."""
    with others_warnings_aside():
        env = make_environment(environment)
    for episode, seed in enumerate(seeds):
        observation, _ = env.reset(seed=int(seed))
        for row in range(data.episode_starts[episode], data.episode_ends[episode] + 1):
            np.testing.assert_array_equal(data.observations[row], np.asarray(observation, np.float32))
            observation, reward, terminated, _, _ = env.step(data.actions[row])
            np.testing.assert_array_equal(data.next_observations[row], np.asarray(observation, np.float32))
            assert data.true_rewards[row] == np.float32(reward)
            assert data.terminals[row] == terminated
    env.close()


def test_a_point_maze_with_goals_is_read_as_it_is_stepped(home: Path) -> None:
    pytest.importorskip("gymnasium_robotics")
    seeds = (5, 6, 7)
    with others_warnings_aside():
        env = gymnasium.make(find_spec(MAZE))
        write(act_at_random(env, seeds), env=env)
        env.close()
    data = load(ID)
    assert data.environment == MAZE
    assert data.observations.shape[1] == 8
    # achieved_goal, desired_goal, observation, whose first two are the place, as is achieved_goal
    np.testing.assert_array_equal(data.observations[:, :2], data.observations[:, 4:6])
    step_again(data.environment, data, seeds)


@pytest.mark.parametrize("environment", [ANT, KITCHEN])
def test_an_ant_maze_and_a_kitchen_are_read_as_they_are_stepped(environment: str, home: Path) -> None:
    pytest.importorskip("gymnasium_robotics")
    seeds = (5, 6)
    with others_warnings_aside():
        env = gymnasium.make(find_spec(environment))
        write(act_at_random(env, seeds), env=env)
        env.close()
    data = load(ID)
    assert data.environment == environment
    with others_warnings_aside():
        step_again(data.environment, data, seeds)


def nested_space() -> spaces.Dict:
    """As the kitchen's: goals by task inside, keys in no order; a number and choices among the parts."""
    box = spaces.Box(-10, 10, (2,), np.float64)
    tasks = spaces.Dict([("microwave", spaces.Box(-10, 10, (1,))), ("kettle", spaces.Box(-10, 10, (3,), np.float64))])
    parts = [("observation", box), ("achieved_goal", tasks), ("switch", spaces.Discrete(3, start=2))]
    return spaces.Dict([*parts, ("clock", spaces.Box(0, 10, ()))])


def sample_episodes(space: spaces.Dict, lengths: Sequence[int]) -> list[dict[str, Any]]:
    space.seed(0)
    return [
        {
            "observations": stack([space.sample() for _ in range(steps + 1)]),
            "actions": np.zeros((steps, 1), np.float32),
            "rewards": np.zeros(steps),
            "terminations": np.zeros(steps, np.bool_),
            "truncations": np.arange(steps) == steps - 1,
        }
        for steps in lengths
    ]


def entry(observations: Any, row: int) -> Any:
    if isinstance(observations, dict):
        return {key: entry(part, row) for key, part in observations.items()}
    return observations[row]


def test_nested_goals_are_flattened_as_gymnasium_flattens_them_in_alphabetical_order(home: Path) -> None:
    space = nested_space()
    episodes = sample_episodes(space, (3, 2))
    write(episodes, observation_space=space, action_space=spaces.Box(-1, 1, (1,)))
    data = read_minari(home / "minari" / ID, ID)
    flat = [
        spaces.flatten(sort_space(space), entry(episode["observations"], row))
        for episode in episodes
        for row in range(len(episode["rewards"]))
    ]
    np.testing.assert_array_equal(data.observations, np.array(flat, np.float32))
    last = episodes[-1]["observations"]
    kettle, microwave = last["achieved_goal"]["kettle"][-1], last["achieved_goal"]["microwave"][-1]
    chosen = np.arange(2, 5) == last["switch"][-1]
    parts = [kettle, microwave, [last["clock"][-1]], last["observation"][-1], chosen]
    np.testing.assert_array_equal(data.next_observations[-1], np.concatenate(parts).astype(np.float32))


def test_the_environment_is_flattened_in_that_order_however_it_declares_its_space(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Declared(gymnasium.Env[Any, Any]):
        observation_space = nested_space()
        action_space = spaces.Box(-1, 1, (1,))

        def reset(self, **_: Any) -> tuple[Any, dict[str, Any]]:
            return self.observation_space.sample(), {}

    monkeypatch.setitem(gymnasium.registry, "Declared-v0", gymnasium.envs.registration.EnvSpec("Declared-v0", Declared))
    env = make_environment("Declared-v0", disable_env_checker=True)
    env.unwrapped.observation_space.seed(3)
    shown, _ = env.reset()
    env.unwrapped.observation_space.seed(3)
    bare = env.unwrapped.observation_space.sample()
    np.testing.assert_array_equal(shown[:3], bare["achieved_goal"]["kettle"])
    np.testing.assert_array_equal(shown[3:4], bare["achieved_goal"]["microwave"])
    np.testing.assert_array_equal(shown[5:7], bare["observation"])
    assert env.observation_space.shape == shown.shape == (10,)


def test_a_choice_that_the_space_does_not_have_is_refused_by_its_part(home: Path) -> None:
    space = nested_space()
    write(sample_episodes(space, (3,)), observation_space=space, action_space=spaces.Box(-1, 1, (1,)))
    path = home / "minari" / ID / "data" / "main_data.hdf5"
    with h5py.File(path, "a") as file:
        file["episode_0/observations/switch"][1] = 5
    with pytest.raises(DatasetError) as caught:
        read_minari(home / "minari" / ID, ID)
    assert f"{path}: episode_0/observations/switch: not all of its values are integers 2..4" in str(caught.value)


def test_discrete_observations_and_actions_are_the_same_from_minari_and_d4rl(home: Path) -> None:
    seeds = (0, 1, 2)
    env = gymnasium.make(LAKE)
    episodes = act_at_random(env, seeds)
    env.close()
    write(episodes, env=LAKE)
    data = load(ID)
    assert data.environment == LAKE
    assert data.observations.shape[1] == 16
    assert (data.observations.sum(axis=1) == 1).all()
    assert (data.action_space.n, data.actions.dtype) == (4, np.int64)
    step_again(LAKE, data, seeds)

    path = home / "lake.hdf5"
    with h5py.File(path, "w") as file:
        for name, part in (("observations", slice(None, -1)), ("next_observations", slice(1, None))):
            file[name] = np.concatenate([episode["observations"][part] for episode in episodes])
        for name, key in (("actions", "actions"), ("rewards", "rewards"), ("terminals", "terminations")):
            file[name] = np.concatenate([episode[key] for episode in episodes])
        file["timeouts"] = np.concatenate([episode["truncations"] & ~episode["terminations"] for episode in episodes])
    assert load_d4rl(path, LAKE, ID).fingerprint == data.fingerprint


def test_discrete_observations_of_another_environment_are_refused(home: Path) -> None:
    path = home / "lake.hdf5"
    with h5py.File(path, "w") as file:
        file["observations"] = np.array([3, 16])
        for name in ("actions", "rewards", "terminals"):
            file[name] = np.array([0, 1])
    with pytest.raises(DatasetError, match=r"lake\.hdf5: observations: not all of its values are integers 0\.\.15"):
        load_d4rl(path, LAKE, ID)


def test_the_space_of_a_part_is_told_apart_by_its_place(home: Path) -> None:
    space = nested_space()
    write(sample_episodes(space, (3,)), observation_space=space, action_space=spaces.Box(-1, 1, (1,)))
    about = home / "minari" / ID / "data" / "metadata.json"
    metadata = json.loads(about.read_text())
    serialized = json.loads(metadata["observation_space"])
    serialized["subspaces"]["achieved_goal"]["subspaces"]["kettle"] = {"type": "Box", "shape": [8, 8, 3]}
    about.write_text(json.dumps(metadata | {"observation_space": json.dumps(serialized)}))
    with pytest.raises(DatasetError, match="observations/achieved_goal/kettle are of a Box space of shape"):
        read_minari(home / "minari" / ID, ID)
