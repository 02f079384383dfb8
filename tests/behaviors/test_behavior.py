"""Behavior policies come from the recipe: its first checkpoint is the committed one, to the bit."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from offline_bench.behaviors.collect import load_recipes
from offline_bench.behaviors.training import BehaviorRecipe, train_behavior
from offline_bench.core.errors import DatasetError
from offline_bench.core.paths import datasets_folder
from offline_bench.evaluation.policy import load_policy
from offline_bench.evaluation.rollout import roll_out

pytestmark = pytest.mark.slow

FIRST = datasets_folder() / "behavior" / "hopper" / "step-0000000.safetensors"


def test_training_by_the_recipe_starts_from_the_committed_checkpoint_and_moves_on(tmp_path: Path) -> None:
    recipe = load_recipes("behavior")["hopper"]
    few = {"steps": 300, "checkpoint_every": 150, "replay_until": 0, "replay_policies": 0}
    short = replace(recipe, **few, learning_starts=100, evaluation_episodes=2)
    told: list[int] = []
    train_behavior(short, tmp_path, lambda step, total, line: told.append(step))
    assert told == [0, 150, 300]
    names = [f"step-{step:07d}.safetensors" for step in told]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    observations = np.random.default_rng(0).standard_normal((16, 11))
    actions = [load_policy(tmp_path / name).act(observations) for name in names]
    assert np.array_equal(actions[0], load_policy(FIRST).act(observations))
    assert not np.array_equal(actions[1], actions[0])
    assert not np.array_equal(actions[2], actions[1])
    with safe_open(tmp_path / names[-1], framework="np") as file:
        assert {"environment", "step", "mean_return", "return_deviation"} <= set(file.metadata())


@pytest.mark.parametrize("name", ["walker2d", "halfcheetah"])
def test_training_in_jax_starts_from_the_committed_checkpoint_and_exports_what_acts(name: str, tmp_path: Path) -> None:
    pytest.importorskip("sbx", reason="the extra behavior is not installed")
    recipe = load_recipes("behavior")[name]
    few = {"steps": 320, "checkpoint_every": 160, "replay_until": 0, "replay_policies": 0}
    short = replace(recipe, **few, learning_starts=80, evaluation_episodes=1)
    train_behavior(short, tmp_path, lambda step, total, line: None)
    first, _, last = (load_policy(path) for path in sorted(tmp_path.iterdir()))
    observations = np.random.default_rng(0).standard_normal((16, 17))
    committed = load_policy(datasets_folder() / "behavior" / name / "step-0000000.safetensors")
    assert np.array_equal(first.act(observations), committed.act(observations))
    assert not np.array_equal(first.act(observations), last.act(observations))


def test_a_recipe_with_an_algorithm_that_its_library_lacks_says_which_there_are(tmp_path: Path) -> None:
    recipe: BehaviorRecipe = replace(load_recipes("behavior")["hopper"], algorithm="TQC")
    with pytest.raises(DatasetError, match=r"stable-baselines3 TQC is unknown; choose one of .*sbx TQC"):
        train_behavior(recipe, tmp_path, lambda step, total, line: None)


def test_actions_drawn_in_float64_are_the_same_where_a_processor_lacks_the_newest_instructions() -> None:
    lesser = {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "X86_V4 X86_V3"}
    code = "from tests.behaviors.test_behavior import draw_digest; print(draw_digest())"
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, **lesser, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split()[-1] == draw_digest()


def draw_digest() -> str:
    """A digest of all that happens in four episodes."""
    policy, rng = load_policy(FIRST.parent / "step-0065000.safetensors"), np.random.default_rng(0)
    episodes = roll_out(lambda x: policy.sample(x, rng, np.float64), "Hopper-v5", range(4))
    return hashlib.sha256(b"".join(episode.observations.tobytes() for episode in episodes)).hexdigest()
