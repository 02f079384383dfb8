"""Medium-replay is what a replay buffer holds: many policies, a little of each, in the order training had them."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from offline_bench.behaviors.collect import DatasetRecipe, load_recipes, write_collected
from offline_bench.behaviors.training import BehaviorRecipe
from offline_bench.core.errors import DatasetError
from offline_bench.core.paths import datasets_folder
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders import load_minari
from offline_bench.data.loaders.cards import load_cards
from offline_bench.evaluation.policy import load_policy
from offline_bench.evaluation.rollout import roll_out

# By task, the training whose policies its replay has.
TRAININGS = {"hopper": "hopper-replay", "walker2d": "walker2d", "halfcheetah": "halfcheetah"}
ENVIRONMENTS = tuple(TRAININGS)
FINGERPRINTS = """
import sys
from pathlib import Path
from tests.behaviors.test_replay import collect_small, FLOAT64
for name in FLOAT64:
    print(collect_small(name, 120, Path(sys.argv[1])).fingerprint)
"""
FLOAT64 = [f"hopper-{tier}-v1" for tier in ("random", "medium", "medium-replay", "medium-expert", "expert")]


def collect_small(name: str, transitions: int, cache: Path) -> Dataset:
    """The set of the recipe `name` with fewer transitions."""
    card = next(card for card in load_cards().values() if card.recipe == name)
    recipe = replace(load_recipes("dataset")[name], transitions=transitions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("offline_bench.behaviors.collect.cache_folder", lambda: cache)
        patch.setenv("MINARI_DATASETS_PATH", str(cache))
        shutil.rmtree(cache / card.id, ignore_errors=True)
        write_collected(card, recipe, card.id, lambda share: None)
        patch.setenv("MINARI_DATASETS_PATH", str(cache))
        return load_minari(card.id)


def replay_of(name: str) -> DatasetRecipe:
    recipe: DatasetRecipe = load_recipes("dataset")[f"{name}-medium-replay-v1"]
    return recipe


def steps_of(recipe: DatasetRecipe) -> list[int]:
    return [int(policy.rpartition("-")[2]) for policy in recipe.policies]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_replay_goes_in_equal_steps_from_the_untrained_policy_to_the_medium_one(name: str) -> None:
    recipe, behavior = replay_of(name), load_recipes("behavior")[TRAININGS[name]]
    steps = steps_of(recipe)
    assert recipe.transitions == 300_000
    assert recipe.precision == "float64"
    assert len(steps) >= 20
    assert tuple(steps) == behavior.replay_steps
    assert recipe.policies[0].endswith("/step-0000000")
    gaps = [after - before for before, after in pairwise(steps)]
    assert max(gaps) - min(gaps) <= behavior.environments


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_policy_of_a_replay_is_the_one_of_its_step_and_says_what_it_returned(name: str) -> None:
    behavior = load_recipes("behavior")[TRAININGS[name]]
    for policy, step in zip(replay_of(name).policies, behavior.replay_steps, strict=True):
        about = header_of(policy)
        assert (about["step"], about["environment"]) == (str(step), behavior.environment)
        assert np.isfinite([float(about["mean_return"]), float(about["return_deviation"])]).all()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_last_policy_of_a_replay_is_the_first_of_its_training_that_is_medium(name: str) -> None:
    card = next(card for card in load_cards().values() if card.recipe == f"{name}-medium-replay-v1")
    returns = [float(header_of(policy)["mean_return"]) for policy in replay_of(name).policies]
    third, half = card.task.expert_return / 3, card.task.expert_return / 2
    assert third <= returns[-1] <= half
    assert max(returns[:-1]) < third


def header_of(policy: str) -> dict[str, str]:
    with safe_open(datasets_folder() / "behavior" / f"{policy}.safetensors", framework="np") as file:
        return dict(file.metadata())


def test_the_behavior_policies_stay_small_enough_to_be_committed() -> None:
    sizes = [path.stat().st_size for path in (datasets_folder() / "behavior").rglob("*.safetensors")]
    assert sum(sizes) < 8_000_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_policy_of_a_replay_has_the_same_share_and_they_come_in_the_order_of_training(
    name: str, tmp_path: Path
) -> None:
    recipe, share = replay_of(name), 40
    data = collect_small(f"{name}-medium-replay-v1", share * len(recipe.policies), tmp_path)
    assert data.n == share * len(recipe.policies)
    for number, text in enumerate(recipe.policies):
        rows = slice(number * share, (number + 1) * share)
        assert np.array_equal(data.actions[rows], act_by_hand(recipe, number, text)[:share])
        assert data.terminals[rows][-1] | data.timeouts[rows][-1]


def act_by_hand(recipe: DatasetRecipe, number: int, policy: str) -> np.ndarray:
    """Actions of 16 episodes of the policy of that number, from the streams that the recipe's seed gives it."""
    children = np.random.SeedSequence(recipe.seed, spawn_key=(number,)).spawn(2)
    noise, resets = (np.random.default_rng(child) for child in children)
    actor = load_policy(datasets_folder() / "behavior" / f"{policy}.safetensors")
    seeds = resets.integers(2**31, size=16)
    episodes = roll_out(lambda x: actor.sample(x, noise, np.float64), recipe.environment, seeds)
    return np.concatenate([episode.actions for episode in episodes])


def test_a_replay_of_a_task_without_early_ends_has_whole_episodes_alone() -> None:
    recipe = replay_of("halfcheetah")
    assert recipe.transitions % (1_000 * len(recipe.policies)) == 0


@pytest.mark.slow
def test_hoppers_sets_of_version_1_are_the_same_where_a_processor_lacks_the_newest_instructions(tmp_path: Path) -> None:
    lesser = {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "X86_V4 X86_V3"}
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FINGERPRINTS, str(tmp_path / "lesser")],
        env={**os.environ, **lesser, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    here = [collect_small(name, 120, tmp_path / "here").fingerprint for name in FLOAT64]
    assert shown.stdout.split()[-len(FLOAT64) :] == here
    assert len(set(here)) == len(here)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"replay_policies": 1, "replay_until": 100}, r"replay_policies \(at least 2\)"),
        ({"replay_policies": 0, "replay_until": 100}, "or leave out both"),
        ({"replay_policies": 20, "replay_until": 0}, "or leave out both"),
        ({"replay_policies": 20, "replay_until": 240_001}, r"replay_until must be between 0 and steps \(240000\), not"),
    ],
)
def test_a_row_of_checkpoints_that_cannot_be_is_refused(changed: dict[str, int], says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        replace(load_recipes("behavior")["hopper"], **changed)


def test_a_training_writes_the_replays_checkpoints_besides_its_own() -> None:
    recipe: BehaviorRecipe = replace(
        load_recipes("behavior")["walker2d"], steps=800, checkpoint_every=400, replay_until=400, replay_policies=4
    )
    assert recipe.replay_steps == (0, 128, 264, 400)  # 133 and 266 rounded down to whole steps of 8 environments
    assert recipe.checkpoint_steps == (0, 128, 264, 400, 800)
    assert replace(recipe, replay_until=0, replay_policies=0).checkpoint_steps == (0, 400, 800)
