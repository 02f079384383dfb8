"""Minari datasets: rows that line up with the environment, ends that mean what they say, and errors that help."""

from __future__ import annotations

import json
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import numpy as np
import pytest

from offline_bench.benchmarks.loading_cost import measure_loading
from offline_bench.core.errors import DatasetError, DatasetNotFoundError
from offline_bench.data.loaders import load, load_minari
from offline_bench.data.loaders.minari import read_minari

ID = "local/hopper-v0"
LIMIT = 30
EPISODES = 12  # more than ten: episode_10 sorts before episode_2 as text

CARDS = """
[tasks.hopper]
environment = "Hopper-v5"
random_return = 0
expert_return = 1
source = "a test"
[datasets."offline-bench/hopper/medium-v0"]
task = "hopper"
recipe = "hopper-medium"
good_for = "tests"
"""

Rollout = list[dict[str, Any]]


@pytest.fixture(scope="module")
def rollout() -> Rollout:
    """Episodes of Hopper under random actions, as Minari's EpisodeBuffer takes them."""
    env = gymnasium.make("Hopper-v5", max_episode_steps=LIMIT)
    episodes: Rollout = []
    for seed in range(EPISODES):
        observation, _ = env.reset(seed=seed)
        env.action_space.seed(seed)
        episode: dict[str, Any] = {"seed": seed, "observations": [observation]}
        episode |= {key: [] for key in ("actions", "rewards", "terminations", "truncations")}
        while True:
            action = env.action_space.sample()
            observation, reward, terminated, truncated, _ = env.step(action)
            step = (observation, action, float(reward), terminated, truncated)
            for key, value in zip(list(episode)[1:], step, strict=True):
                episode[key].append(value)
            if terminated or truncated:
                break
        episodes.append(episode)
    env.close()
    assert any(episode["truncations"][-1] for episode in episodes)
    assert any(episode["terminations"][-1] for episode in episodes)
    return episodes


@pytest.fixture(scope="module")
def built(rollout: Rollout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the dataset `ID`, written by Minari itself."""
    import minari
    from minari.data_collector import EpisodeBuffer

    root = tmp_path_factory.mktemp("minari")
    buffers = [EpisodeBuffer(**episode) for episode in rollout]
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is set to None.*")
        patch.setenv("MINARI_DATASETS_PATH", str(root))
        env = gymnasium.make("Hopper-v5", max_episode_steps=LIMIT)
        minari.create_dataset_from_buffers(ID, buffers, env=env)
        env.close()
    return root


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty world: its own project root, home folder and Minari root, and no remote."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "cards.toml").write_text(CARDS)
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.setenv("MINARI_REMOTE", "nowhere://at-all")
    yield tmp_path


@pytest.fixture
def folder(home: Path, built: Path) -> Path:
    """A copy of the dataset that a test may break; `load(ID)` finds it."""
    shutil.copytree(built, home / "minari")
    return home / "minari" / ID


def edit(folder: Path, change: Callable[[h5py.File], None]) -> None:
    with h5py.File(folder / "data" / "main_data.hdf5", "a") as file:
        change(file)


def set_metadata(folder: Path, **values: Any) -> None:
    path = folder / "data" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def refused(folder: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        read_minari(folder, ID)
    return str(caught.value)


# --- Minari: alignment and ends ---------------------------------------------------------------------------------------


def test_every_row_is_a_step_of_the_environment_and_so_is_the_last_episode(folder: Path) -> None:
    data = load(ID)
    assert data.n_episodes == EPISODES
    env = gymnasium.make("Hopper-v5")
    for episode in (EPISODES - 1, 0, 5):
        observation, _ = env.reset(seed=episode)
        for row in range(data.episode_starts[episode], data.episode_ends[episode] + 1):
            np.testing.assert_array_equal(data.observations[row], observation.astype(np.float32))
            observation, reward, terminated, _, _ = env.step(data.actions[row])
            np.testing.assert_array_equal(data.next_observations[row], observation.astype(np.float32))
            assert data.true_rewards[row] == np.float32(reward)
            assert data.terminals[row] == terminated
    env.close()


def test_next_observations_are_the_next_rows_inside_episodes_only(folder: Path) -> None:
    data = load_minari(ID)
    inside = np.flatnonzero(~(data.terminals | data.timeouts))
    assert (data.next_observations[inside] == data.observations[inside + 1]).all()
    ends = data.episode_ends[:-1]
    assert (data.next_observations[ends] != data.observations[ends + 1]).any(axis=1).all()


def test_ends_lengths_and_spaces_are_the_rollouts(folder: Path, rollout: Rollout) -> None:
    data = load_minari(ID)
    assert data.lengths.tolist() == [len(episode["rewards"]) for episode in rollout]
    assert data.terminals[data.episode_ends].tolist() == [episode["terminations"][-1] for episode in rollout]
    assert data.timeouts[data.episode_ends].tolist() == [not episode["terminations"][-1] for episode in rollout]
    assert data.environment == f"Hopper-v5(max_episode_steps={LIMIT})"
    assert data.action_space.low.tolist() == [-1, -1, -1]
    assert data.true_returns == pytest.approx([sum(episode["rewards"]) for episode in rollout], rel=1e-5)


def set_last(file: h5py.File, terminated: bool, truncated: bool) -> None:
    file["episode_3/terminations"][-1] = terminated
    file["episode_3/truncations"][-1] = truncated


@pytest.mark.parametrize(("flags", "terminal"), [((True, True), True), ((False, False), False)])
def test_terminal_wins_over_truncation_and_neither_is_a_timeout(folder: Path, flags: Any, terminal: bool) -> None:
    edit(folder, lambda file: set_last(file, *flags))
    data = load_minari(ID)
    end = data.episode_ends[3]
    assert (data.terminals[end], data.timeouts[end]) == (terminal, not terminal)
    assert data.n_episodes == EPISODES


@pytest.mark.parametrize("name", ["terminations", "truncations"])
def test_a_flag_before_the_last_step_is_refused_with_its_place(folder: Path, name: str) -> None:
    def flag(file: h5py.File) -> None:
        file[f"episode_11/{name}"][4] = True

    edit(folder, flag)
    message = refused(folder)
    assert "main_data.hdf5" in message
    assert "episode_11 goes on after step 4" in message


def test_integer_rewards_of_one_episode_do_not_round_those_of_the_others(folder: Path, rollout: Rollout) -> None:
    def replace(file: h5py.File) -> None:
        steps = len(file["episode_0/rewards"])
        del file["episode_0/rewards"]
        file["episode_0/rewards"] = np.arange(steps)

    edit(folder, replace)
    data = load_minari(ID)
    assert data.true_rewards[: data.lengths[0]].tolist() == list(range(data.lengths[0]))
    assert data.true_rewards[data.lengths[0]] == np.float32(rollout[1]["rewards"][0])


def test_discrete_actions_become_integers(folder: Path) -> None:
    def replace(file: h5py.File) -> None:
        for group in file.values():
            steps = len(group["actions"])
            del group["actions"]
            group["actions"] = np.arange(steps) % 3

    edit(folder, replace)
    set_metadata(folder, action_space=json.dumps({"type": "Discrete", "dtype": "int64", "start": 0, "n": 3}))
    data = load_minari(ID)
    assert data.action_space.n == 3
    assert data.actions.dtype == np.int64
    assert data.actions[: data.lengths[0]].tolist() == [i % 3 for i in range(data.lengths[0])]


def test_spaces_left_out_of_the_metadata_are_the_environments(folder: Path) -> None:
    path = folder / "data" / "metadata.json"
    metadata = json.loads(path.read_text())
    del metadata["action_space"]
    path.write_text(json.dumps(metadata))
    assert load_minari(ID).action_space.high.tolist() == [1, 1, 1]


UNSUPPORTED: tuple[dict[str, Any], ...] = (
    {"type": "Box", "shape": [64, 64, 3], "low": 0, "high": 255},
    {"type": "MultiDiscrete", "nvec": [2, 3]},
    {"type": "Tuple", "subspaces": [{"type": "Discrete", "n": 3}]},
    {"type": "Text", "max_length": 3},
)
EMPTY: dict[str, Any] = {"type": "Dict", "subspaces": {}}
NUMBER: dict[str, Any] = {"type": "Box", "shape": [], "low": 0, "high": 1}


@pytest.mark.parametrize(
    ("space", "part"),
    [*((space, "") for space in (*UNSUPPORTED, EMPTY, NUMBER)), *((space, "a/picture") for space in UNSUPPORTED)],
)
def test_an_unsupported_observation_space_says_what_is_supported(
    folder: Path, space: dict[str, Any], part: str
) -> None:
    vector = {"type": "Box", "shape": [3], "low": 0, "high": 1}
    whole = {"type": "Dict", "subspaces": {"a": {"type": "Dict", "subspaces": {"picture": space}}, "b": vector}}
    set_metadata(folder, observation_space=json.dumps(whole if part else space))
    message = refused(folder)
    assert "metadata.json, observation_space: observations" in message
    assert f"observations/{part} are of" in message or not part
    assert f"{space['type']} space" in message
    assert "Observations may be vectors of a Box space, of a Discrete space, or of a Dict space" in message


@pytest.mark.parametrize("space", [{"type": "MultiDiscrete", "nvec": [2]}, {"type": "Discrete", "start": 1, "n": 4}])
def test_an_unsupported_action_space_says_what_is_supported(folder: Path, space: dict[str, Any]) -> None:
    set_metadata(folder, action_space=json.dumps(space))
    assert "Observations may be vectors" in refused(folder)


# --- Minari: broken files ---------------------------------------------------------------------------------------------


def test_a_file_cut_anywhere_is_refused_by_name(folder: Path) -> None:
    path = folder / "data" / "main_data.hdf5"
    whole = path.read_bytes()
    for size in [0, 1, 7, 96, *np.linspace(1000, len(whole) - 1, 17, dtype=int)]:
        path.write_bytes(whole[:size])
        message = refused(folder)
        assert str(path) in message
        assert "looks half-downloaded, truncated or corrupt" in message
        assert f"move the folder {folder} away and fetch it" in message
        assert "Delete" not in message


def test_a_file_with_a_zeroed_stretch_is_refused_or_whole(folder: Path) -> None:
    path = folder / "data" / "main_data.hdf5"
    whole = path.read_bytes()
    for start in np.linspace(0, len(whole) - 4096, 15, dtype=int):
        path.write_bytes(whole[:start] + bytes(4096) + whole[start + 4096 :])
        try:
            read_minari(folder, ID)
        except DatasetError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize("name", ["main_data.hdf5", "metadata.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / "data" / name).unlink()
    message = refused(folder)
    assert name in message
    assert "it is missing" in message


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"total_steps": 3}', '{"env_spec": 3}', '{"observation_space": "{}"}']
)
def test_unreadable_metadata_is_named(folder: Path, text: str) -> None:
    (folder / "data" / "metadata.json").write_text(text)
    assert "metadata.json" in refused(folder)


@pytest.mark.parametrize("name", ["observations", "actions", "rewards", "terminations", "truncations"])
def test_an_array_that_is_missing_is_named(folder: Path, name: str) -> None:
    def delete(file: h5py.File) -> None:
        del file[f"episode_2/{name}"]

    edit(folder, delete)
    assert f"it has no array episode_2/{name}" in refused(folder)


@pytest.mark.parametrize("name", ["observations", "actions", "terminations", "truncations"])
def test_an_array_that_is_too_short_is_named(folder: Path, name: str) -> None:
    def cut(file: h5py.File) -> None:
        values = file[f"episode_2/{name}"][:-1]
        del file[f"episode_2/{name}"]
        file[f"episode_2/{name}"] = values

    edit(folder, cut)
    assert f"episode_2/{name} has shape" in refused(folder)


def test_compressed_arrays_are_read_and_refused_where_a_chunk_was_never_written(folder: Path) -> None:
    def compress(file: h5py.File, rows: int) -> None:
        for group in file.values():
            values = group["observations"][()]
            del group["observations"]
            stored = group.create_dataset(
                "observations", values.shape, values.dtype, chunks=(1, 11), compression="gzip"
            )
            stored[:rows] = values[:rows]

    before = read_minari(folder, ID).fingerprint
    edit(folder, lambda file: compress(file, LIMIT + 1))
    assert read_minari(folder, ID).fingerprint == before
    edit(folder, lambda file: compress(file, 3))
    assert "episode_0/observations has shape" in refused(folder)
    assert "but not all of these numbers are in the file" in refused(folder)


def test_text_in_place_of_numbers_is_refused(folder: Path) -> None:
    def replace(file: h5py.File) -> None:
        steps = len(file["episode_2/actions"])
        del file["episode_2/actions"]
        file["episode_2/actions"] = np.full((steps, 3), b"x")

    edit(folder, replace)
    assert "episode_2/actions holds" in refused(folder)


def test_fewer_episodes_than_the_metadata_says_are_refused(folder: Path) -> None:
    def delete(file: h5py.File) -> None:
        del file[f"episode_{EPISODES - 1}"]

    edit(folder, delete)
    assert f"total_episodes = {EPISODES}, but the file has {EPISODES - 1}" in refused(folder)


def test_fewer_steps_than_the_metadata_says_are_refused(folder: Path) -> None:
    set_metadata(folder, total_steps=10**15)
    assert "total_steps = 1000000000000000, but" in refused(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_value_that_is_not_finite_is_refused_with_file_and_field(folder: Path, value: float) -> None:
    def spoil(file: h5py.File) -> None:
        file["episode_0/rewards"][5] = value

    edit(folder, spoil)
    message = refused(folder)
    assert "main_data.hdf5" in message
    assert "true_rewards has 1 values that are not finite, the first at row 5" in message


# --- where datasets are looked for ------------------------------------------------------------------------------------


@pytest.mark.parametrize("root", ["minari", "datasets/cache", "home/.minari/datasets"])
def test_each_root_is_looked_in(home: Path, built: Path, root: str) -> None:
    shutil.copytree(built, home / root)
    assert load(ID).n_episodes == EPISODES


def test_the_environment_variable_comes_first(home: Path, built: Path) -> None:
    for root in ("minari", "datasets/cache"):
        shutil.copytree(built, home / root)
    set_metadata(home / "datasets/cache" / ID, env_spec='{"id": "Another-v0"}')
    assert load(ID).environment == f"Hopper-v5(max_episode_steps={LIMIT})"


def test_a_dataset_that_is_nowhere_says_where_and_how(home: Path, built: Path) -> None:
    shutil.copytree(built, home / "minari")
    with pytest.raises(DatasetNotFoundError) as caught:
        load("local/hoper-v0")
    message = str(caught.value)
    for root in ("minari", "datasets/cache", "home/.minari/datasets"):
        assert str(home / root / "local/hoper-v0") in message
    assert "It was not downloaded: " in message
    assert "did you mean local/hopper-v0" in message
    assert "minari download local/hoper-v0" in message


def test_our_own_datasets_are_built_and_no_download_is_tried(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offline_bench.data.loaders.minari.download", lambda _: pytest.fail("a download was tried"))
    with pytest.raises(DatasetNotFoundError, match="build it with `offline-bench datasets build"):
        load("offline-bench/hopper/medium-v0")
    with pytest.raises(DatasetNotFoundError, match="did you mean offline-bench/hopper/medium-v0"):
        load("offline-bench/hopper/medum-v0")


def test_what_a_download_brings_is_loaded(home: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "offline_bench.data.loaders.minari.download", lambda dataset_id: shutil.copytree(built, home / "minari")
    )
    assert load(ID).n_episodes == EPISODES


@pytest.mark.parametrize("answer", ["refuses", "is silent"])
def test_a_remote_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    from offline_bench.data.loaders import download

    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(download, "PATIENCE", 0.2)
    if answer == "is silent":
        monkeypatch.setattr(download, "_ask", lambda address, answers: time.sleep(5))
    started = time.perf_counter()
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1:9 did not answer"):
        download._reach("hf")
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    "dataset_id", ["../x", "a/../../x", "/etc", "", "a//b", "a/", ".", "..", "a/./b", "~", "a\\..\\b", "a\0", "C:/x"]
)
def test_an_id_cannot_leave_its_folder(home: Path, dataset_id: str) -> None:
    for function in (load, load_minari):
        with pytest.raises(DatasetError, match="is not a dataset id"):
            function(dataset_id)


# --- cost -------------------------------------------------------------------------------------------------------------


def test_relabeling_copies_no_observation() -> None:
    cost = measure_loading(transitions=20_000, repeats=3)
    assert cost.relabeling_shares_memory
    assert cost.transitions == 20_000
    assert cost.ratio < 2.5  # about 0.7 of a million; a busy machine and a small file leave room
