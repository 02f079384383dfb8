"""ATAC for d3rlpy: its config and the algorithm that `create` gives."""

# ruff: noqa: RUF009  (what d3rlpy's make_*_field return are dataclass fields)

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from d3rlpy.algos.qlearning.base import QLearningAlgoBase
from d3rlpy.algos.utility import build_scalers_with_transition_picker
from d3rlpy.base import DeviceArg, LearnableConfig, register_learnable
from d3rlpy.constants import ActionSpace
from d3rlpy.models.builders import create_continuous_q_function, create_normal_policy, create_parameter
from d3rlpy.models.encoders import EncoderFactory, make_encoder_field
from d3rlpy.models.q_functions import QFunctionFactory, make_q_func_field
from d3rlpy.optimizers.optimizers import OptimizerFactory, make_optimizer_field
from d3rlpy.torch_utility import convert_to_torch_recursively
from d3rlpy.types import Shape

from offline_bench.algorithms.native.impl import ATACImpl, ATACModules, Progress, average_of

Array = npt.NDArray[Any]


@dataclasses.dataclass()
class ATACConfig(LearnableConfig):  # type: ignore[misc]
    """Adversarially trained actor critic: a critic that is as pessimistic about the policy, relative to the data, as
    Bellman's equation lets it be, and a policy that is best against that critic.

    Source: Cheng, Xie, Jiang, Agarwal 2022 (arXiv 2202.02446), whose defaults these are. The published run is
    100,000 steps of warm start and 1,000,000 after it, on networks of three layers of 256, with β tuned over
    4^-4 .. 4^4 by task.

    beta                  ≥ 0; how far Bellman's equation, and so the reward, is trusted: towards 0 it imitates
    n_warm_start_steps    gradient steps of behavior cloning and plain critic fitting that come first
    actor_learning_rate   of the main phase; that of cloning is `warm_start_actor_learning_rate`
    initial_temperature   e^λ at the start of each phase
    norm_bound            > 0; the Frobenius norm no weight matrix of a critic exceeds
    actor_average_rate    in [0, 1]; above 0, `predict` and `sample_action` follow π̄, moved by π̄ ← π̄ + rate(π − π̄)
                          at every step and set to π where a phase starts
    clip_values           clip backed-up values to what the rewards of the dataset allow; needs gamma < 1

    The other fields are d3rlpy's. `compile_graph` has no effect. Raises `ValueError` where a field is out of range.
    """

    actor_learning_rate: float = 5e-7
    warm_start_actor_learning_rate: float = 5e-4
    critic_learning_rate: float = 5e-4
    temp_learning_rate: float = 5e-4
    actor_optim_factory: OptimizerFactory = make_optimizer_field()
    critic_optim_factory: OptimizerFactory = make_optimizer_field()
    temp_optim_factory: OptimizerFactory = make_optimizer_field()
    actor_encoder_factory: EncoderFactory = make_encoder_field()
    critic_encoder_factory: EncoderFactory = make_encoder_field()
    q_func_factory: QFunctionFactory = make_q_func_field()
    batch_size: int = 256
    gamma: float = 0.99
    tau: float = 0.005
    n_critics: int = 2
    initial_temperature: float = 1.0
    beta: float = 1.0
    norm_bound: float = 100.0
    n_warm_start_steps: int = 100_000
    actor_average_rate: float = 0.0
    clip_values: bool = False

    def __post_init__(self) -> None:
        for holds, rule in (
            (self.beta >= 0, "beta is at least 0"),
            (self.norm_bound > 0, "norm_bound is above 0"),
            (self.initial_temperature > 0, "initial_temperature is above 0"),
            (self.n_warm_start_steps >= 0, "n_warm_start_steps is at least 0"),
            (0 <= self.actor_average_rate <= 1, "actor_average_rate is between 0 and 1"),
            (not self.clip_values or self.gamma < 1, "clip_values needs gamma below 1"),
        ):
            if not holds:
                raise ValueError(f"{type(self).__name__}: {rule}.")

    def create(self, device: DeviceArg = False, enable_ddp: bool = False) -> ATAC:
        """The algorithm, to train. Raises `NotImplementedError` for `enable_ddp`."""
        return ATAC(self, device, enable_ddp)

    @staticmethod
    def get_type() -> str:
        return "atac"


class ATAC(QLearningAlgoBase):  # type: ignore[misc]
    """See `ATACConfig`. `update` returns, as floats:

    critic_loss  summed over the critics; bellman and pessimism are the means over the critics of its two terms,
                 and pessimism is 0 in the warm start, which has none
    actor_loss   of cloning in the warm start, of improvement after it
    temp_loss, temp, entropy   λ(H − H*), e^λ after the step, and H of the minibatch in nats
    """

    impl_class: type[ATACImpl] = ATACImpl

    def __init__(self, config: ATACConfig, device: DeviceArg, enable_ddp: bool, impl: ATACImpl | None = None) -> None:
        if enable_ddp:
            raise NotImplementedError(f"{type(self).__name__} does not train on several devices at once.")
        self._observed: tuple[Any, tuple[float, float]] | None = None
        super().__init__(config, device, enable_ddp, impl)

    # d3rlpy counts gradient steps outside its checkpoints; here they decide the phase, so they are kept in them.
    @property
    def _grad_step(self) -> int:
        return self._impl.steps if self._impl else 0

    @_grad_step.setter
    def _grad_step(self, steps: int) -> None:
        if self._impl:
            self._impl.steps = steps

    def observe(self, initial_observations: Any, reward_range: tuple[float, float]) -> None:
        """Give what no minibatch carries. `fit` calls this itself; call it before `update`.

        initial_observations  (n, *observation_shape), the first of every episode: PSPI starts from them
        reward_range          least and greatest reward learned from: `clip_values` bounds values by them

        Both as they are in the data: the config's scalers, which must be fitted, are applied here.
        """
        starts = convert_to_torch_recursively(initial_observations, self._device)
        rewards = torch.tensor(reward_range, dtype=torch.float32)
        if self._config.observation_scaler:
            starts = self._config.observation_scaler.transform(starts)
        if self._config.reward_scaler:
            rewards = self._config.reward_scaler.transform(rewards)
        self._observed = starts, (float(rewards.min()), float(rewards.max()))
        if self._impl:
            self._impl.observe(*self._observed)

    def fitter(self, dataset: Any, *args: Any, **kwargs: Any) -> Iterator[tuple[int, dict[str, float]]]:
        """d3rlpy's `fitter`, which observes its dataset first."""
        build_scalers_with_transition_picker(self, dataset)
        self.observe(_initial_observations(dataset), _reward_range(dataset))
        yield from super().fitter(dataset, *args, **kwargs)

    def inner_create_impl(self, observation_shape: Shape, action_size: int) -> None:
        """Networks and optimizers as d3rlpy's SAC has them, drawn in the same order."""
        config, device = self._config, self._device
        policy = create_normal_policy(
            observation_shape, action_size, config.actor_encoder_factory, device=device, enable_ddp=False
        )
        (q_funcs, q_func_forwarder), (targ_q_funcs, targ_q_func_forwarder) = (
            create_continuous_q_function(
                observation_shape,
                action_size,
                config.critic_encoder_factory,
                config.q_func_factory,
                n_ensembles=config.n_critics,
                device=device,
                enable_ddp=False,
            )
            for _ in range(2)
        )
        log_temp = create_parameter((1, 1), math.log(config.initial_temperature), device=device, enable_ddp=False)
        modules = ATACModules(
            policy=policy,
            average_policy=average_of(policy) if config.actor_average_rate > 0 else None,
            q_funcs=q_funcs,
            targ_q_funcs=targ_q_funcs,
            log_temp=log_temp,
            progress=Progress(),
            **_optimizers(config, policy, q_funcs, log_temp),
        )
        self._impl = self.impl_class(
            observation_shape, action_size, modules, q_func_forwarder, targ_q_func_forwarder, config, device
        )
        if self._observed:
            self._impl.observe(*self._observed)

    def get_action_type(self) -> ActionSpace:
        return ActionSpace.CONTINUOUS


def _optimizers(config: ATACConfig, policy: Any, q_funcs: Any, log_temp: Any) -> dict[str, Any]:
    actor, critic, temp = config.actor_optim_factory, config.critic_optim_factory, config.temp_optim_factory
    made = {
        "warm_start_actor_optim": (actor, policy, config.warm_start_actor_learning_rate),
        "warm_start_critic_optim": (critic, q_funcs, config.critic_learning_rate),
        "warm_start_temp_optim": (temp, log_temp, config.temp_learning_rate),
        "actor_optim": (actor, policy, config.actor_learning_rate),
        "critic_optim": (critic, q_funcs, config.critic_learning_rate),
        "temp_optim": (temp, log_temp, config.temp_learning_rate),
    }
    return {
        name: factory.create(module.named_modules(), lr=rate, compiled=False)
        for name, (factory, module, rate) in made.items()
    }


def _initial_observations(dataset: Any) -> Array | list[Array]:
    firsts = [episode.observations for episode in dataset.episodes]
    if isinstance(firsts[0], list | tuple):
        return [np.stack([parts[i][0] for parts in firsts]) for i in range(len(firsts[0]))]
    return np.stack([observations[0] for observations in firsts])


def _reward_range(dataset: Any) -> tuple[float, float]:
    # The last step of an episode cut short is no transition to d3rlpy, so its reward is not learned from.
    rewards = np.concatenate([episode.rewards[: episode.transition_count] for episode in dataset.episodes])
    return float(rewards.min()), float(rewards.max())


register_learnable(ATACConfig)
