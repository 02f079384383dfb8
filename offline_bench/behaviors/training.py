"""Behavior policies: soft actor-critic or its kin on the true reward, by stable-baselines3 or its sibling in JAX."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import DatasetError, MissingExtraError
from offline_bench.evaluation.policy import GaussianPolicy, save_policy

Array = npt.NDArray[Any]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class BehaviorRecipe:
    """All that decides a training; one table of `datasets/recipes.toml`. Steps are environment steps.

    library       'stable-baselines3' (torch), or 'sbx', the same in JAX: two and a half times as fast here
    algorithm     'SAC' (Haarnoja et al. 2018), or, of sbx, 'TQC', which differs in its critics (Kuznetsov et al. 2020)
    environments  acting side by side, with one update for each of their steps
    replay_until, replay_policies  so many checkpoints besides, equally spaced from the untrained policy to the one of
                  step `replay_until`, as a replay buffer is of many policies; none where they are 0

    Raises `DatasetError` where those two make no such row.
    """

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
    library: str = "stable-baselines3"
    algorithm: str = "SAC"
    environments: int = 1
    replay_until: int = 0
    replay_policies: int = 0

    def __post_init__(self) -> None:
        if self.replay_policies == 1 or bool(self.replay_policies) != bool(self.replay_until):
            raise DatasetError("give both replay_policies (at least 2) and replay_until (above 0), or leave out both")
        if not 0 <= self.replay_until <= self.steps:
            raise DatasetError(f"replay_until must be between 0 and steps ({self.steps}), not {self.replay_until}")

    @property
    def replay_steps(self) -> tuple[int, ...]:
        """The steps of the replay's checkpoints, each rounded down to a whole step of all environments."""
        intervals = max(self.replay_policies - 1, 1)
        exact = [self.replay_until * k // intervals for k in range(self.replay_policies)]
        return tuple(step // self.environments * self.environments for step in exact)

    @property
    def checkpoint_steps(self) -> tuple[int, ...]:
        """All steps at which a checkpoint is written, ascending, 0 first."""
        return tuple(sorted({*range(0, self.steps + 1, self.checkpoint_every), *self.replay_steps}))


def train_behavior(recipe: BehaviorRecipe, folder: Path, progress: Progress) -> None:
    """Train by `recipe`; write `step-<steps>.safetensors` to `folder` at each of its checkpoint steps.

    Each file's header carries the mean true return of the stochastic policy over `evaluation_episodes`.
    Raises `MissingExtraError` without stable-baselines3, `StorageError` where a file cannot be written.
    """
    model = _soft_actor_critic(recipe)
    for before, step in pairwise((0, *recipe.checkpoint_steps)):
        if step:
            model.learn(step - before, reset_num_timesteps=False)
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
    known = {("stable-baselines3", "SAC"): _import_torch, ("sbx", "SAC"): _import_jax, ("sbx", "TQC"): _import_jax}
    load = known.get((recipe.library, recipe.algorithm))
    if load is None:
        offered = ", ".join(" ".join(pair) for pair in known)
        raise DatasetError(f"behavior recipe: {recipe.library} {recipe.algorithm} is unknown; choose one of {offered}.")
    try:
        soft_actor_critic = getattr(load(), recipe.algorithm)
    except ImportError as error:
        raise MissingExtraError(
            f"training a behavior policy needs {recipe.library}: pip install 'offline-bench[behavior]'"
        ) from error
    from stable_baselines3.common.env_util import make_vec_env

    return soft_actor_critic(
        "MlpPolicy",
        make_vec_env(recipe.environment, recipe.environments),
        learning_rate=recipe.learning_rate,
        batch_size=recipe.batch_size,
        learning_starts=recipe.learning_starts,
        buffer_size=recipe.steps,
        gamma=recipe.gamma,
        tau=recipe.tau,
        train_freq=1,
        gradient_steps=recipe.environments,
        policy_kwargs={"net_arch": list(recipe.network)},
        seed=recipe.seed,
        device="cpu",
    )


def _import_torch() -> Any:
    import stable_baselines3
    import torch

    torch.set_num_threads(1)
    return stable_baselines3


def _import_jax() -> Any:
    # Read once, when JAX starts: as with torch, one thread is fastest for networks this small.
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    import sbx

    return sbx


def _export(model: Any) -> GaussianPolicy:
    layers = _jax_layers(model) if hasattr(model.policy, "actor_state") else _torch_layers(model)
    *trunk, mean, log_std = layers
    space = model.action_space
    return GaussianPolicy(tuple(trunk), mean, log_std, low=space.low, high=space.high)


def _torch_layers(model: Any) -> list[tuple[Array, Array]]:
    weights = {name: tensor.detach().numpy().copy() for name, tensor in model.actor.state_dict().items()}
    trunk = sorted({name.rsplit(".", 1)[0] for name in weights if name.startswith("latent_pi")})
    return [(weights[f"{name}.weight"], weights[f"{name}.bias"]) for name in [*trunk, "mu", "log_std"]]


def _jax_layers(model: Any) -> list[tuple[Array, Array]]:
    # Flax numbers dense layers in the order they are built: the trunk, the mean, the logarithm of the deviation.
    dense = model.policy.actor_state.params["params"]
    return [
        (np.asarray(dense[f"Dense_{i}"]["kernel"]).T.copy(), np.asarray(dense[f"Dense_{i}"]["bias"]).copy())
        for i in range(len(dense))
    ]


def _stochastic_returns(policy: GaussianPolicy, recipe: BehaviorRecipe) -> np.ndarray:
    from offline_bench.evaluation.rollout import roll_out

    rng = np.random.default_rng([recipe.seed, 1])
    seeds = range(recipe.evaluation_episodes)
    episodes = roll_out(lambda x: policy.sample(x, rng), recipe.environment, seeds)
    return np.array([episode.rewards.sum() for episode in episodes])
