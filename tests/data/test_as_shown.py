"""Sets are written as their environment shows its observations, so that other readers of Minari can use them."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import numpy as np
import pytest

from offline_bench.behaviors.collect import find_recipe, write_collected
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders import find_task, load
from offline_bench.data.loaders.cards import load_cards
from offline_bench.data.loaders.intake import take_in
from offline_bench.data.loaders.verify import list_copies, verify

FULL = "offline-bench/point-maze/full-v0"
GOAL_ONLY = "offline-bench/point-maze/goal-only-v0"
PARTS = ("achieved_goal", "desired_goal", "observation")
SIZE = 900


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of datasets, for Minari and for this project."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    monkeypatch.setattr("offline_bench.behaviors.collect.cache_folder", lambda: tmp_path)
    monkeypatch.setattr("offline_bench.data.loaders.intake.cache_folder", lambda: tmp_path)
    yield tmp_path


def build(dataset: str) -> Dataset:
    card = load_cards()[dataset]
    write_collected(card, replace(find_recipe(card), transitions=SIZE), dataset, lambda share: None)
    return load(dataset)


def others_view(dataset: str) -> Any:
    import minari

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = minari.load_dataset(dataset)
        return found, found.recover_environment()


@pytest.mark.slow
def test_a_maze_is_stored_as_its_environment_shows_it_and_read_as_one_vector(cache: Path) -> None:
    data = build(FULL)
    theirs, environment = others_view(FULL)
    assert theirs.observation_space == environment.observation_space
    start = 0
    for episode in theirs:
        rows = slice(start, start + len(episode.rewards))
        shown = np.concatenate([episode.observations[part] for part in PARTS], axis=1)
        np.testing.assert_array_equal(data.observations[rows], shown[:-1].astype(np.float32))
        np.testing.assert_array_equal(data.next_observations[rows], shown[1:].astype(np.float32))
        start = rows.stop
    assert start == data.n == SIZE
    environment.close()


@pytest.mark.slow
def test_d3rlpys_reader_takes_it_and_what_it_trains_acts_in_the_recovered_environment(cache: Path) -> None:
    from offline_bench.algorithms.library import import_d3rlpy

    data = build(GOAL_ONLY)
    d3rlpy = import_d3rlpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        buffer, environment = d3rlpy.datasets.get_minari(GOAL_ONLY)
        assert buffer.transition_count >= data.n - data.n_episodes
        algorithm = d3rlpy.algos.BCConfig().create()
        algorithm.build_with_dataset(buffer)
        seen, _ = environment.reset(seed=0)
        for _ in range(3):
            seen = environment.step(algorithm.predict(seen[None].astype(np.float32))[0])[0]
    assert seen.shape == buffer.dataset_info.observation_signature.shape[0] == (6,)
    environment.close()


@pytest.mark.slow
def test_its_content_is_what_it_was_when_it_was_stored_flat_and_verify_tells_the_two_apart(cache: Path) -> None:
    data = build(FULL)
    (copy,) = (copy for copy in list_copies(FULL) if copy.path.is_relative_to(cache))
    assert not any("observations are" in problem for problem in verify(copy).problems)
    main, about = (cache / FULL / "data" / name for name in ("main_data.hdf5", "metadata.json"))
    with h5py.File(main, "a") as file:
        for episode in file.values():
            flat = np.concatenate([episode["observations"][part] for part in PARTS], axis=1)
            del episode["observations"]
            episode["observations"] = flat
    space = {"type": "Box", "dtype": "float64", "shape": [8], "low": [-np.inf] * 8, "high": [np.inf] * 8}
    about.write_text(json.dumps({**json.loads(about.read_text()), "observation_space": json.dumps(space)}))
    assert load(FULL).fingerprint == data.fingerprint
    assert any("observations are vectors of length 8, but" in problem for problem in verify(copy).problems)


def test_discrete_observations_are_stored_as_whole_numbers(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "lake.hdf5"
    with h5py.File(path, "w") as file:
        file["observations"], file["next_observations"] = np.array([0, 4, 8, 8]), np.array([4, 8, 8, 9])
        file["actions"], file["rewards"] = np.array([1, 1, 0, 2]), np.zeros(4)
        file["terminals"], file["timeouts"] = np.zeros(4), np.arange(4) == 3
    taken = take_in(path, "FrozenLake-v1", "mine/lake-v0")
    theirs, environment = others_view("mine/lake-v0")
    assert theirs.observation_space == environment.observation_space == gymnasium.spaces.Discrete(16)
    (episode,) = theirs
    assert episode.observations.tolist() == [0, 4, 8, 8, 9]
    assert load("mine/lake-v0").fingerprint == taken.data.fingerprint


# --- combined sets ----------------------------------------------------------------------------------------------------

CARDS = """
[tasks.pendulum]
environment = "Pendulum-v1"
random_return = -1200.0
expert_return = -150.0
source = "a test"
observation_mean = [0.5, 0.0, 0.0]
[datasets."mine/one-v0"]
task = "pendulum"
good_for = "tests"
[datasets."mine/two-v0"]
task = "pendulum"
good_for = "tests"
"""


@pytest.fixture
def combined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two sets of a task, and what Minari makes of them together: mine/both-v0, and that again with the first."""
    import minari

    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))
    cache = tmp_path / "datasets" / "cache"
    cache.mkdir(parents=True)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(cache))
    (tmp_path / "datasets" / "cards.toml").write_text(CARDS)
    path = tmp_path / "x.hdf5"
    with h5py.File(path, "w") as file:
        file["observations"] = file["next_observations"] = np.zeros((4, 3))
        file["actions"], file["rewards"] = np.zeros((4, 1)), np.arange(4.0)
        file["terminals"], file["timeouts"] = np.zeros(4), np.arange(4) == 3
    for name in ("mine/one-v0", "mine/two-v0", "mine/stranger-v0"):
        take_in(path, "Pendulum-v1", name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, *parts in (
            ("mine/both-v0", "mine/one-v0", "mine/two-v0"),
            ("mine/again-v0", "mine/both-v0", "mine/one-v0"),
            ("mine/mixed-v0", "mine/one-v0", "mine/stranger-v0"),
        ):
            minari.combine_datasets([minari.load_dataset(part) for part in parts], name)
    yield cache


def test_a_combined_set_has_the_references_of_the_parts_it_names(combined: Path) -> None:
    task = load_cards()["mine/one-v0"].task
    assert find_task("mine/both-v0") == find_task("mine/again-v0") == task
    assert load("mine/both-v0").n == 8
    # A part that is gone, and is not known by a card, leaves nothing to go by.
    assert find_task("mine/mixed-v0") is None
    shutil.rmtree(combined / "mine" / "two-v0")
    assert find_task("mine/both-v0") == task


def test_parts_with_other_references_and_circles_have_none(combined: Path) -> None:
    about = combined / "mine" / "one-v0" / "data" / "metadata.json"
    text = about.read_text()
    about.write_text(json.dumps({**json.loads(text), "ref_min_score": -1000.0, "ref_max_score": 0.0}))
    assert find_task("mine/both-v0") is None
    about.write_text(text)
    about = combined / "mine" / "both-v0" / "data" / "metadata.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "combined_datasets": ["mine/both-v0"]}))
    assert find_task("mine/both-v0") is None
