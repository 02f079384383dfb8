"""Behavior policies: soft actor-critic on the true reward, by stable-baselines3, with checkpoints on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from offline_bench.errors import MissingExtraError
from offline_bench.policy import GaussianPolicy, save_policy

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class BehaviorRecipe:
    """All that decides a training; one table of `datasets/recipes.toml`. Steps are environment steps."""

    environment: str
    seed: int
    steps: int
    checkpoint_every: int
    evaluation_episodes: int
    network: tuple[int, ...]
    batch_size: int
    learning_rate: float
    learning_starts: int
    gamma: float
    tau: float


def train_behavior(recipe: BehaviorRecipe, folder: Path, progress: Progress) -> None:
    """Train by `recipe`; write `step-<steps>.safetensors` to `folder` at every checkpoint, step 0 included.

    Each file's header carries the mean true return of the stochastic policy over `evaluation_episodes`.
    Raises `MissingExtraError` without stable-baselines3, `StorageError` where a file cannot be written.
    """
    model = _soft_actor_critic(recipe)
    for step in range(0, recipe.steps + 1, recipe.checkpoint_every):
        if step:
            model.learn(recipe.checkpoint_every, reset_num_timesteps=False)
        policy = _export(model)
        returns = _stochastic_returns(policy, recipe)
        notes = {
            "environment": recipe.environment,
            "step": str(step),
            "mean_return": f"{returns.mean():.1f}",
            "return_deviation": f"{returns.std():.1f}",
        }
        save_policy(policy, folder / f"step-{step:07d}.safetensors", notes)
        progress(step, recipe.steps, f"return {notes['mean_return']} ± {notes['return_deviation']}")


def _soft_actor_critic(recipe: BehaviorRecipe) -> Any:
    try:
        from stable_baselines3 import SAC
    except ImportError as error:
        raise MissingExtraError(
            "training a behavior policy needs stable-baselines3: pip install -c constraints.txt -e '.[behavior]'"
        ) from error
    import gymnasium
    import torch

    torch.set_num_threads(1)
    return SAC(
        "MlpPolicy",
        gymnasium.make(recipe.environment),
        learning_rate=recipe.learning_rate,
        batch_size=recipe.batch_size,
        learning_starts=recipe.learning_starts,
        buffer_size=recipe.steps,
        gamma=recipe.gamma,
        tau=recipe.tau,
        policy_kwargs={"net_arch": list(recipe.network)},
        seed=recipe.seed,
        device="cpu",
    )


def _export(model: Any) -> GaussianPolicy:
    weights = {name: tensor.detach().numpy().copy() for name, tensor in model.actor.state_dict().items()}
    trunk = sorted({name.rsplit(".", 1)[0] for name in weights if name.startswith("latent_pi")})
    space = model.action_space
    return GaussianPolicy(
        layers=tuple((weights[f"{name}.weight"], weights[f"{name}.bias"]) for name in trunk),
        mean=(weights["mu.weight"], weights["mu.bias"]),
        log_std=(weights["log_std.weight"], weights["log_std.bias"]),
        low=space.low,
        high=space.high,
    )


def _stochastic_returns(policy: GaussianPolicy, recipe: BehaviorRecipe) -> np.ndarray:
    from offline_bench.rollout import roll_out

    rng = np.random.default_rng([recipe.seed, 1])
    seeds = range(recipe.evaluation_episodes)
    episodes = roll_out(lambda x: policy.sample(x, rng), recipe.environment, seeds)
    return np.array([episode.rewards.sum() for episode in episodes])
