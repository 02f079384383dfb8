"""Building the built-in datasets: the recipe decides every bit, and what is written is what was done."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import minari
import numpy as np
import pytest

from offline_bench import load
from offline_bench.behaviors import Behavior, behaviors
from offline_bench.behaviors.collect import (
    DatasetRecipe,
    find_recipe,
    load_recipes,
    size_id,
    write_collected,
)
from offline_bench.commands.build import Order, build_datasets, collect_and_compare
from offline_bench.core.errors import DatasetError, StorageError
from offline_bench.core.paths import datasets_folder
from offline_bench.data.loaders.cards import Card, find_newest, load_cards
from offline_bench.data.loaders.minari import how_to_get
from offline_bench.evaluation.policy import load_policy
from offline_bench.evaluation.rollout import roll_out
from tests.conftest import MEDIUM, RANDOM

pytestmark = pytest.mark.slow


def collect(card: Card) -> None:
    write_collected(card, find_recipe(card), card.id, lambda share: None)


@behaviors.register("lean")
def lean(environment: str, rng: np.random.Generator, *, to: int = 0) -> Behavior:
    """One discrete action for ever."""
    return lambda episodes, observations: np.full(len(episodes), to)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("offline_bench.behaviors.collect.cache_folder", lambda: tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    return tmp_path


def test_a_built_dataset_has_the_size_of_its_recipe_and_ends_in_a_cut(at_home: Path) -> None:
    data = load(MEDIUM)
    assert data.n == 1500
    assert data.timeouts[-1]
    assert data.terminals.any()
    assert data.environment == "Hopper-v5"


def test_minari_itself_reads_what_was_built(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(at_home / "datasets" / "cache"))
    theirs = minari.load_dataset(RANDOM)
    ours = load(RANDOM)
    assert theirs.total_steps == ours.n
    last = theirs[-1]
    assert np.allclose(ours.observations[ours.episode_starts[-1] :], last.observations[:-1])
    assert np.allclose(ours.next_observations[ours.episode_starts[-1] :], last.observations[1:])


def test_built_twice_is_the_same_to_the_bit(at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load(RANDOM).fingerprint
    monkeypatch.setattr("offline_bench.behaviors.collect.cache_folder", lambda: tmp_path / "cache")
    collect(load_cards()[RANDOM])
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "cache"))
    assert load(RANDOM).fingerprint == before
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["offline-bench"]


def test_a_cache_that_cannot_be_written_says_so(at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("offline_bench.behaviors.collect.cache_folder", lambda: tmp_path / "file" / "cache")
    with pytest.raises(StorageError, match="cannot write"):
        collect(load_cards()[RANDOM])


def test_a_card_with_an_unknown_recipe_names_the_nearest(at_home: Path) -> None:
    card = Card("x/y-v0", load_cards()[MEDIUM].task, "nothing", recipe="hopper-medum")
    with pytest.raises(DatasetError, match="did you mean hopper-medium"):
        collect(card)


def test_every_card_has_its_recipe_and_every_recipe_its_policies() -> None:
    recipes = load_recipes("dataset")
    folder = Path(__file__).parents[2] / "datasets" / "behavior"
    assert {card.recipe for card in load_cards().values() if card.recipe} == set(recipes)
    assert all((folder / f"{policy}.safetensors").exists() for r in recipes.values() for policy in r.policies)
    assert {recipe.transitions for recipe in recipes.values()} == {20_000, 100_000, 300_000}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('policies = ["hopper/step-0000000"]\nbehaviors = ["waypoints"]', "both of policies and behaviors given"),
        ("", "neither of policies and behaviors given"),
        ('policies = "hopper/step-0000000"', "policies must be a list of texts"),
        ("behaviors = [3]", "behaviors must be a list of texts"),
        ('behaviors = ["waypoints"]\nprecision = "float16"', "precision must be 'float32' or 'float64'"),
        ('behaviors = ["waypoints"]\ncut_terminals = 1', "cut_terminals must be a bool"),
    ],
)
def test_a_recipe_that_cannot_be_says_what_is_wrong_and_where(tmp_path: Path, table: str, says: str) -> None:
    path = tmp_path / "recipes.toml"
    path.write_text(f'[dataset.mine]\nenvironment = "Hopper-v5"\ntransitions = 5\nseed = 3\n{table}\n')
    with pytest.raises(DatasetError, match=rf"recipes\.toml, \[dataset\.mine\]: {says}"):
        load_recipes("dataset", path)


@pytest.mark.parametrize("transitions", ["0", "-5", '"100"', "1.5", "true"])
def test_a_recipe_has_at_least_one_transition_and_their_number_is_whole(tmp_path: Path, transitions: str) -> None:
    path = tmp_path / "recipes.toml"
    table = f'environment = "Hopper-v5"\ntransitions = {transitions}\nseed = 3\nbehaviors = ["waypoints"]\n'
    path.write_text(f"[dataset.mine]\n{table}")
    with pytest.raises(DatasetError, match=r"\[dataset\.mine\]: transitions must be "):
        load_recipes("dataset", path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("waypoint", "unknown behavior 'waypoint': did you mean waypoints"),
        ("waypoints(nois=0.5)", "did you mean noise"),
        ("waypoints", "a point maze, and 'CartPole-v1' is not one"),
    ],
)
def test_a_behavior_that_is_none_is_named_with_file_and_table_before_anything_acts(text: str, says: str) -> None:
    card, recipe = load_cards()[MEDIUM], DatasetRecipe("CartPole-v1", 10, 0, behaviors=("lean", text))
    with pytest.raises(DatasetError, match=rf"recipes\.toml, \[dataset\.hopper-medium-v1\]: behaviors: .*{says}"):
        write_collected(card, recipe, MEDIUM, lambda share: None)


def test_behaviors_with_discrete_actions_share_a_set_equally_and_are_named_in_it(cache: Path) -> None:
    card, recipe = load_cards()[MEDIUM], DatasetRecipe("CartPole-v1", 301, 0, behaviors=("lean", "lean(to=1)"))
    write_collected(card, recipe, "mine/cart-v0", lambda share: None)
    data = load("mine/cart-v0")
    assert (data.n, data.actions.dtype, data.action_space.n) == (301, np.int64, 2)
    # Equal shares, and what is left over goes to the first.
    assert data.actions.tolist() == [0] * 151 + [1] * 150
    assert 150 in data.episode_ends
    about = json.loads((cache / "mine/cart-v0/data/metadata.json").read_text())
    assert about["algorithm_name"] == "scripted behaviors: lean, lean(to=1)"
    theirs = minari.load_dataset("mine/cart-v0")
    assert np.concatenate([episode.actions for episode in theirs]).tolist() == data.actions.tolist()


@pytest.mark.parametrize(("version", "precision"), [("v0", "float32"), ("v1", "float64")])
def test_a_policy_draws_from_the_streams_that_its_recipe_seeds_and_acts_in_its_precision(
    cache: Path, version: str, precision: str
) -> None:
    card = load_cards()[f"offline-bench/hopper/random-{version}"]
    recipe = find_recipe(card)
    assert (recipe.precision, recipe.policies) == (precision, ("hopper/step-0000000",))
    write_collected(card, replace(recipe, transitions=900), card.id, lambda share: None)
    children = np.random.SeedSequence(recipe.seed, spawn_key=(0,)).spawn(2)
    noise, resets = (np.random.default_rng(child) for child in children)
    policy = load_policy(datasets_folder() / "behavior/hopper/step-0000000.safetensors")
    drawn = np.dtype(precision)
    episodes = roll_out(lambda x: policy.sample(x, noise, drawn), "Hopper-v5", resets.integers(2**31, size=16))
    acted = np.concatenate([episode.actions for episode in episodes])
    assert len(acted) > 200
    assert np.array_equal(load(card.id).actions[: len(acted)], acted[:900])


def test_all_that_is_built_where_nothing_is_named_is_the_newest_version_of_each_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids: list[str] = []

    def take(orders: list[Order], workers: int) -> int:
        ids.extend(order.id for order in orders)
        return len(orders)

    monkeypatch.setattr("offline_bench.commands.build._build_missing", take)
    build_datasets(None, 0)
    names = [re.sub(r"-v\d+$", "", dataset) for dataset in load_cards()]
    assert len(ids) == len(set(names)) < len(names)
    assert {"offline-bench/hopper/medium-v1", "offline-bench/walker2d/medium-v0"} < set(ids)


def test_an_old_version_is_still_built_where_it_is_named_and_said_to_be_old(at_home: Path) -> None:
    card = load_cards()["offline-bench/hopper/random-v0"]
    line = collect_and_compare(Order(card, 250), lambda share: None)
    assert line.endswith("superseded by offline-bench/hopper/random-v1")
    assert load("offline-bench/hopper/random-250-v0").n == 250
    shutil.rmtree(at_home / "datasets/cache/offline-bench/hopper/random-250-v0")


@pytest.mark.parametrize(
    ("dataset", "newest"),
    [
        ("x/medium-v0", "x/medium-v10"),
        ("x/medium-v2", "x/medium-v10"),
        ("x/medium-v10", "x/medium-v10"),
        ("x/medium-v11", "x/medium-v11"),
        ("x/medium-replay-v0", "x/medium-replay-v0"),
        ("medium-v0", "medium-v0"),
        ("x/medium", "x/medium-v10"),
    ],
)
def test_the_newest_version_is_the_highest_number_of_the_same_name(dataset: str, newest: str) -> None:
    ids = ["x/medium-v10", "x/medium-v2", "y/medium-v11", "x/medium-v0", "x/medium-replay"]
    assert find_newest(dataset, ids) == newest


@pytest.mark.parametrize(
    ("dataset", "transitions", "called"),
    [
        ("offline-bench/hopper/medium-v0", 20_000, "offline-bench/hopper/medium-20k-v0"),
        ("offline-bench/hopper/medium-v0", 1_000_000, "offline-bench/hopper/medium-1m-v0"),
        ("offline-bench/hopper/medium-v0", 12_345, "offline-bench/hopper/medium-12345-v0"),
        ("offline-bench/hopper/medium-v1", 1_000_000, "offline-bench/hopper/medium-1m-v1"),
        ("mine/v1-medium", 2_000, "mine/v1-medium-2k"),
    ],
)
def test_another_size_is_another_name(dataset: str, transitions: int, called: str) -> None:
    assert size_id(dataset, transitions) == called


def test_a_set_of_another_size_lies_beside_the_standard_one_and_passes_for_none(at_home: Path) -> None:
    card = load_cards()[MEDIUM]
    before = load(MEDIUM).fingerprint
    line = collect_and_compare(Order(card, 300), lambda share: None)
    small = load("offline-bench/hopper/medium-300-v1")
    assert (small.n, small.environment) == (300, "Hopper-v5")
    assert line.startswith(f"{small.id}: ")
    assert f"fingerprint {small.fingerprint}: another size of {MEDIUM}" in line
    assert load(MEDIUM).fingerprint == before != small.fingerprint
    assert Order(card, find_recipe(card).transitions).id == Order(card).id == MEDIUM
    shutil.rmtree(at_home / "datasets/cache/offline-bench/hopper/medium-300-v1")


def test_building_at_another_size_goes_on_where_it_was_and_says_so(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        build_datasets([RANDOM], 0, 200)
    assert "1 of 1 datasets were already in" in capsys.readouterr().out
    assert load("offline-bench/hopper/random-200-v1").n == 200
    shutil.rmtree(at_home / "datasets/cache/offline-bench/hopper/random-200-v1")


def test_a_recipe_with_a_wrong_key_names_file_and_table(tmp_path: Path) -> None:
    path = tmp_path / "recipes.toml"
    path.write_text('[dataset.mine]\nenvironment = "Hopper-v5"\nsize = 3\n')
    with pytest.raises(DatasetError, match=r"recipes\.toml, \[dataset\.mine\]"):
        load_recipes("dataset", path)


class EndsAtOnce(gymnasium.Env[np.ndarray, int]):
    """The task ends with the first step, whatever it is."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        return np.zeros(1, np.float32), 0.0, True, False, {}


def test_a_cut_of_terminals_that_leaves_no_step_ends_with_a_sentence(
    at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = gymnasium.envs.registration.EnvSpec(
        "EndsAtOnce-v0", EndsAtOnce, max_episode_steps=5, disable_env_checker=True
    )
    monkeypatch.setitem(gymnasium.registry, "EndsAtOnce-v0", spec)
    monkeypatch.setattr("offline_bench.behaviors.collect.cache_folder", lambda: tmp_path / "cache")
    recipe = DatasetRecipe("EndsAtOnce-v0", 100, 0, behaviors=("lean",), cut_terminals=True)
    with pytest.raises(DatasetError, match="all 16 episodes of EndsAtOnce-v0 ended at their first step"):
        write_collected(load_cards()[RANDOM], recipe, "mine/none-v0", lambda share: None)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_it_is_told_how_to_have_that_very_version(version: str) -> None:
    dataset = f"offline-bench/hopper/medium-{version}"
    assert how_to_get(dataset) == f"build it with `offline-bench datasets build {dataset}`"
