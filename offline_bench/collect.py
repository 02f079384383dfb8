"""Collecting the built-in datasets: behavior policies act, and what they did becomes a Minari dataset."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from offline_bench.behavior import BehaviorRecipe
from offline_bench.errors import DatasetError
from offline_bench.loaders.cards import Card
from offline_bench.loaders.writer import lay_out, write_minari
from offline_bench.paths import cache_folder, datasets_folder
from offline_bench.policy import GaussianPolicy, load_policy
from offline_bench.registry import unknown_name
from offline_bench.rollout import Episode, roll_out


@dataclass(frozen=True)
class DatasetRecipe:
    """All that decides a dataset; one table of `datasets/recipes.toml`.

    policies      behavior policies under `datasets/behavior/`, acting stochastically one after the other
    transitions   in all, shared equally among the policies
    seed          of resets and of the policies' noise
    """

    environment: str
    policies: tuple[str, ...]
    transitions: int
    seed: int


def load_recipes(kind: str, path: Path | None = None) -> dict[str, Any]:
    """The recipes of `kind` 'dataset' or 'behavior' by name. Raises `DatasetError` naming file and table."""
    path = path or datasets_folder() / "recipes.toml"
    build: type[Any] = {"dataset": DatasetRecipe, "behavior": BehaviorRecipe}[kind]
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get(kind, {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DatasetError(f"cannot read the recipes {path}: {error}") from error
    recipes = {}
    for name, table in tables.items():
        values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
        try:
            recipes[name] = build(**values)
        except TypeError as error:
            raise DatasetError(f"{path}, [{kind}.{name}]: {str(error).split(') ', 1)[-1]}") from error
    return recipes


def collect_dataset(card: Card, progress: Callable[[float], None]) -> None:
    """Build the dataset of `card` by its recipe into the cache, in Minari's format: whole, or not at all.

    Raises `DatasetError` where the card has no recipe that exists, `StorageError` where the cache cannot be written.
    """
    recipes = load_recipes("dataset")
    if card.recipe not in recipes:
        raise DatasetError(f"dataset {card.id!r}: {unknown_name('recipe', card.recipe, recipes)}")
    recipe = recipes[card.recipe]
    episodes: list[Episode] = []
    share = recipe.transitions // len(recipe.policies)
    for number, name in enumerate(recipe.policies):
        wanted = share if number else recipe.transitions - share * (len(recipe.policies) - 1)
        policy = load_policy(datasets_folder() / "behavior" / f"{name}.safetensors")
        for episode in _act_for(policy, recipe, number, wanted):
            episodes.append(episode)
            progress(0.9 * sum(e.length for e in episodes) / recipe.transitions)
    write_minari(
        cache_folder(),
        card.id,
        recipe.environment,
        [lay_out(episode) for episode in episodes],
        algorithm_name="soft actor-critic checkpoints, stochastic: " + ", ".join(recipe.policies),
        author="offline_bench",
        description=card.good_for,
        ref_min_score=card.task.random_return,
        ref_max_score=card.task.expert_return,
    )
    progress(1.0)


def _act_for(policy: GaussianPolicy, recipe: DatasetRecipe, number: int, transitions: int) -> Iterator[Episode]:
    """Episodes of `policy` in the order of their seeds, the last one cut so that they make up `transitions` steps."""
    stream = np.random.SeedSequence(recipe.seed, spawn_key=(number,))
    noise, resets = (np.random.default_rng(child) for child in stream.spawn(2))
    left, batch = transitions, 16
    while left > 0:
        seeds = resets.integers(2**31, size=batch)
        episodes = roll_out(lambda x: policy.sample(x, noise), recipe.environment, seeds)
        for episode in episodes:
            if left > 0:
                yield _cut(episode, left)
            left -= episode.length
        mean_length = np.mean([episode.length for episode in episodes])
        batch = max(1, math.ceil(left / mean_length))


def _cut(episode: Episode, steps: int) -> Episode:
    if episode.length <= steps:
        return episode
    kept = episode.observations[: steps + 1], episode.actions[:steps], episode.rewards[:steps]
    return Episode(episode.seed, *kept, terminated=False)
