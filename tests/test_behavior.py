"""Behavior policies come from the recipe: its first checkpoint is the committed one, to the bit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from offline_bench.behavior import train_behavior
from offline_bench.collect import load_recipes
from offline_bench.paths import datasets_folder
from offline_bench.policy import load_policy

pytestmark = pytest.mark.slow

FIRST = datasets_folder() / "behavior" / "hopper" / "step-0000000.safetensors"


def test_training_by_the_recipe_starts_from_the_committed_checkpoint_and_moves_on(tmp_path: Path) -> None:
    recipe = load_recipes("behavior")["hopper"]
    short = replace(recipe, steps=300, checkpoint_every=150, learning_starts=100, evaluation_episodes=2)
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
