"""Building the built-in datasets: the recipe decides every bit, and what is written is what was done."""

from pathlib import Path

import minari
import numpy as np
import pytest
from conftest import MEDIUM, RANDOM

from offline_bench import load
from offline_bench.collect import collect_dataset, load_recipes
from offline_bench.errors import DatasetError, StorageError
from offline_bench.loaders.cards import Card, load_cards

pytestmark = pytest.mark.slow


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
    monkeypatch.setattr("offline_bench.collect.cache_folder", lambda: tmp_path / "cache")
    collect_dataset(load_cards()[RANDOM], lambda share: None)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "cache"))
    assert load(RANDOM).fingerprint == before
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["offline-bench"]


def test_a_cache_that_cannot_be_written_says_so(at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("offline_bench.collect.cache_folder", lambda: tmp_path / "file" / "cache")
    with pytest.raises(StorageError, match="cannot write"):
        collect_dataset(load_cards()[RANDOM], lambda share: None)


def test_a_card_with_an_unknown_recipe_names_the_nearest(at_home: Path) -> None:
    card = Card("x/y-v0", load_cards()[MEDIUM].task, "nothing", recipe="hopper-medum")
    with pytest.raises(DatasetError, match="did you mean hopper-medium"):
        collect_dataset(card, lambda share: None)


def test_every_card_has_its_recipe_and_every_recipe_its_policies() -> None:
    recipes = load_recipes("dataset")
    folder = Path(__file__).parent.parent / "datasets" / "behavior"
    assert {card.recipe for card in load_cards().values() if card.recipe} == set(recipes)
    assert all((folder / f"{policy}.safetensors").exists() for r in recipes.values() for policy in r.policies)
    assert {recipe.transitions for recipe in recipes.values()} == {20_000, 100_000}


def test_a_recipe_with_a_wrong_key_names_file_and_table(tmp_path: Path) -> None:
    path = tmp_path / "recipes.toml"
    path.write_text('[dataset.mine]\nenvironment = "Hopper-v5"\nsize = 3\n')
    with pytest.raises(DatasetError, match=r"recipes\.toml, \[dataset\.mine\]"):
        load_recipes("dataset", path)
