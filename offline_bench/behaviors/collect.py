"""Collecting the built-in datasets: policies or scripted behaviors act, and what they did becomes a Minari dataset."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from offline_bench.behaviors import Behavior, behaviors
from offline_bench.behaviors.training import BehaviorRecipe
from offline_bench.core.errors import DatasetError, EnvironmentMismatchError, SpecError, UnknownNameError
from offline_bench.core.paths import cache_folder, dataset_file
from offline_bench.core.reading import read_toml
from offline_bench.core.registry import unknown_name
from offline_bench.data.episode import Episode
from offline_bench.data.loaders.cards import Card
from offline_bench.data.loaders.writer import lay_out, write_minari
from offline_bench.evaluation.policy import load_policy
from offline_bench.evaluation.rollout import roll_out_episodic

LEAST_BATCH = 16  # episodes side by side at first


@dataclass(frozen=True)
class DatasetRecipe:
    """All that decides a dataset; one table of `datasets/recipes.toml`, with either policies or behaviors.

    transitions   in all, shared equally among those who act
    seed          of resets and of all noise
    policies      trained ones under `datasets/behavior/`, acting stochastically one after the other
    behaviors     scripted ones such as 'waypoints(noise=0.5)', acting one after the other
    cut_terminals whether a step that ended the task is left out, and its episode cut before it
    precision     of the policies' arithmetic: float64, or float32, whose last bits depend on the processor

    Raises `DatasetError`, naming the field, where a rule is broken.
    """

    environment: str
    transitions: int
    seed: int
    policies: tuple[str, ...] = ()
    behaviors: tuple[str, ...] = ()
    cut_terminals: bool = False
    precision: str = "float64"

    def __post_init__(self) -> None:
        types = {"environment": str, "transitions": int, "seed": int, "cut_terminals": bool}
        for name, wanted in types.items():
            if type(getattr(self, name)) is not wanted:
                raise DatasetError(f"{name} must be a {wanted.__name__}, not {getattr(self, name)!r}")
        for name in ("policies", "behaviors"):
            value = getattr(self, name)
            if not isinstance(value, tuple) or not all(isinstance(text, str) for text in value):
                raise DatasetError(f"{name} must be a list of texts, not {value!r}")
        if not 1 <= self.transitions < 2**40 or not 0 <= self.seed < 2**63:
            raise DatasetError("transitions must be at least 1 and below 2**40, and seed at least 0 and below 2**63")
        if self.precision not in ("float32", "float64"):
            raise DatasetError(f"precision must be 'float32' or 'float64', not {self.precision!r}")
        if bool(self.policies) == bool(self.behaviors):
            raise DatasetError(
                f"{'both' if self.policies else 'neither'} of policies and behaviors given: give exactly one of the two"
            )

    @property
    def actors(self) -> tuple[str, ...]:
        """Who acts, one after the other."""
        return self.policies or self.behaviors

    @property
    def credit(self) -> str:
        """What acted, in words."""
        kind = "checkpoints of trained policies, acting stochastically" if self.policies else "scripted behaviors"
        return f"{kind}: {', '.join(self.actors)}"


def load_recipes(kind: str, path: Path | None = None) -> dict[str, Any]:
    """The recipes of `kind` 'dataset' or 'behavior' by name. Raises `DatasetError` naming file and table."""
    path = path or dataset_file("recipes.toml")
    build: type[Any] = {"dataset": DatasetRecipe, "behavior": BehaviorRecipe}[kind]
    try:
        tables = read_toml(path).get(kind, {})
    except (OSError, ValueError) as error:
        raise DatasetError(f"cannot read the recipes {path}: {error}") from error
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise DatasetError(f"{path}: {kind} must hold one table per name, as [{kind}.name]")
    recipes = {}
    for name, table in tables.items():
        values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
        try:
            recipes[name] = build(**values)
        except (TypeError, DatasetError) as error:
            raise DatasetError(f"{path}, [{kind}.{name}]: {str(error).split(') ', 1)[-1]}") from error
    return recipes


def size_id(dataset_id: str, transitions: int) -> str:
    """What a built-in dataset is called at another size than its recipe's: x/medium-v0 becomes x/medium-20k-v0."""
    units = ((1_000_000, "m"), (1_000, "k"), (1, ""))
    size = next(f"{transitions // unit}{letter}" for unit, letter in units if transitions % unit == 0)
    return re.sub(r"(-v\d+)?$", rf"-{size}\1", dataset_id, count=1)


def find_recipe(card: Card) -> DatasetRecipe:
    """The recipe of `card`. Raises `DatasetError` where there is none."""
    recipes = load_recipes("dataset")
    if card.recipe not in recipes:
        raise DatasetError(f"dataset {card.id!r}: {unknown_name('recipe', card.recipe, recipes)}")
    recipe: DatasetRecipe = recipes[card.recipe]
    return recipe


def write_collected(card: Card, recipe: DatasetRecipe, dataset_id: str, progress: Callable[[float], None]) -> None:
    """Collect by `recipe` into the cache, in Minari's format, a dataset of the task of `card`: whole, or not at all.

    Raises `DatasetError` where the recipe names an actor that is none; `StorageError` where the cache cannot be
    written; `MissingExtraError` where the environment wants a package that is absent.
    """
    acts = [_summon(card, recipe, number) for number in range(len(recipe.actors))]
    episodes: list[Episode] = []
    share, done = recipe.transitions // len(acts), 0
    for number, (act_in, resets) in enumerate(acts):
        wanted = share if number else recipe.transitions - share * (len(acts) - 1)
        for episode in _act_for(act_in, recipe, resets, wanted):
            episodes.append(episode)
            done += episode.length
            progress(0.9 * done / recipe.transitions)
    write_minari(
        cache_folder(),
        dataset_id,
        recipe.environment,
        [lay_out(episode) for episode in episodes],
        algorithm_name=recipe.credit,
        author="offline_bench",
        description=card.good_for,
        ref_min_score=card.task.random_return,
        ref_max_score=card.task.expert_return,
    )
    progress(1.0)


def _summon(card: Card, recipe: DatasetRecipe, number: int) -> tuple[Behavior, np.random.Generator]:
    """The actor of that number, drawing from a stream of its own, and the stream of its resets."""
    stream = np.random.SeedSequence(recipe.seed, spawn_key=(number,))
    noise, resets = (np.random.default_rng(child) for child in stream.spawn(2))
    if recipe.policies:
        policy = load_policy(dataset_file(f"behavior/{recipe.policies[number]}.safetensors"))
        return lambda _, observations: policy.sample(observations, noise, np.dtype(recipe.precision)), resets
    try:
        return behaviors.bind(recipe.behaviors[number])(recipe.environment, noise), resets
    except (SpecError, UnknownNameError, EnvironmentMismatchError) as error:
        where = f"{dataset_file('recipes.toml')}, [dataset.{card.recipe}]"
        raise DatasetError(f"{where}: behaviors: {error}") from error


def _act_for(
    act_in: Behavior, recipe: DatasetRecipe, resets: np.random.Generator, transitions: int
) -> Iterator[Episode]:
    """Episodes in the order of their seeds, the last one cut so that they make up `transitions` steps."""
    left, batch = transitions, LEAST_BATCH
    while left > 0:
        seeds = resets.integers(2**31, size=batch)
        episodes = roll_out_episodic(act_in, recipe.environment, seeds)
        if recipe.cut_terminals:
            episodes = [_cut(e, e.length - e.terminated) for e in episodes if e.length > e.terminated]
        if not episodes and batch >= LEAST_BATCH:
            raise DatasetError(
                f"all {batch} episodes of {recipe.environment} ended at their first step, so no episode can be kept"
            )
        for episode in episodes:
            if left > 0:
                yield _cut(episode, left)
            left -= episode.length
        mean_length = sum(episode.length for episode in episodes) / batch
        batch = max(1, math.ceil(left / max(mean_length, 1.0)))


def _cut(episode: Episode, steps: int) -> Episode:
    if episode.length <= steps:
        return episode
    kept = episode.observations[: steps + 1], episode.actions[:steps], episode.rewards[:steps]
    return Episode(episode.seed, *kept, terminated=False)
