"""One gradient step of ATAC and of PSPI, on d3rlpy's networks."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import torch
from d3rlpy.algos.qlearning.base import QLearningAlgoImplBase
from d3rlpy.algos.qlearning.torch.utility import ContinuousQFunctionMixin
from d3rlpy.models.torch import build_squashed_gaussian_distribution, get_parameter
from d3rlpy.torch_utility import Modules, hard_sync, soft_sync, sync_optimizer_state
from torch import nn

from offline_bench.algorithms.native import losses


class Progress(nn.Module):
    """The number of gradient steps taken, as a module: so a checkpoint knows its phase."""

    steps: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))


@dataclasses.dataclass(frozen=True)
class ATACModules(Modules):  # type: ignore[misc]
    """Everything a checkpoint holds. The phases have an optimizer each: the main phase starts with fresh ones."""

    policy: Any
    average_policy: Any | None
    q_funcs: nn.ModuleList
    targ_q_funcs: nn.ModuleList
    log_temp: Any
    progress: Progress
    warm_start_actor_optim: Any
    warm_start_critic_optim: Any
    warm_start_temp_optim: Any
    actor_optim: Any
    critic_optim: Any
    temp_optim: Any

    def optimizers(self, warm: bool) -> tuple[Any, Any, Any]:
        """Those of actor, critics and λ in the warm start, or after it."""
        if warm:
            return self.warm_start_actor_optim, self.warm_start_critic_optim, self.warm_start_temp_optim
        return self.actor_optim, self.critic_optim, self.temp_optim


class ATACImpl(ContinuousQFunctionMixin, QLearningAlgoImplBase):  # type: ignore[misc]
    """Adversarially trained actor critic. `config` is an `ATACConfig`; forwarders are those of the two ensembles."""

    needs_initial_observations = False

    def __init__(
        self,
        observation_shape: Any,
        action_size: int,
        modules: ATACModules,
        q_func_forwarder: Any,
        targ_q_func_forwarder: Any,
        config: Any,
        device: str,
    ) -> None:
        super().__init__(observation_shape=observation_shape, action_size=action_size, modules=modules, device=device)
        self._q_func_forwarder = q_func_forwarder
        self._targ_q_func_forwarder = targ_q_func_forwarder
        self._config = config
        self._initial_observations: Any = None
        self._bounds: losses.Bounds | None = None if config.clip_values else losses.UNBOUNDED
        hard_sync(modules.targ_q_funcs, modules.q_funcs)

    def observe(self, initial_observations: Any, reward_range: tuple[float, float]) -> None:
        """Scaled initial observations (n, *observation_shape), on the device, and scaled (least, greatest) reward."""
        self._initial_observations = initial_observations
        if self._config.clip_values:
            self._bounds = losses.value_bounds(reward_range, self._config.gamma)

    @property
    def steps(self) -> int:
        """Gradient steps taken, those before a checkpoint included."""
        return int(self._modules.progress.steps)

    @steps.setter
    def steps(self, steps: int) -> None:
        self._modules.progress.steps.fill_(steps)

    def inner_update(self, batch: Any, grad_step: int) -> dict[str, float]:
        """One step on a `TorchMiniBatch` of b rows. `grad_step`, counted from 0, decides the phase.

        Random draws, once each, in this order, from torch's global generator:

        1. noise (b, m) of a' ~ π(·|s')
        2. noise (b, m) of ã ~ π(·|s)
        3. PSPI's main phase alone: `batch_size` row numbers of initial states s0, with replacement; then the noise
           (batch_size, m) of π(·|s0)

        Order of updates: critics, their projection, targets, λ, actor, average policy. Every draw and y precede the
        first of them, and the actor sees the updated Q_1 and α.
        Raises `ValueError` where `observe` is needed and was not called.
        """
        self._check_observed()
        warm = grad_step < self._config.n_warm_start_steps
        if grad_step in (0, self._config.n_warm_start_steps):
            self._begin_phase()
        modules = self._modules
        actor_optim, critic_optim, temp_optim = modules.optimizers(warm)
        next_actions, targets = self._targets(batch)
        dist = self._dist(batch.observations)
        actions, log_probs = dist.sample_with_log_prob()
        entropy = -log_probs.mean()

        bellman, pessimism = self._critic_terms(batch, next_actions, targets, None if warm else actions.detach())
        critic_loss = (bellman if warm else losses.bounded_sum(pessimism, bellman, self._config.beta)).sum()
        _descend(critic_optim, critic_loss)
        losses.project(modules.q_funcs.parameters(), self._config.norm_bound)
        soft_sync(modules.targ_q_funcs, modules.q_funcs, self._config.tau)

        temp_loss = losses.temperature_loss(get_parameter(modules.log_temp), entropy, target=-self._action_size)
        _descend(temp_optim, temp_loss)
        temp = get_parameter(modules.log_temp).detach().exp().squeeze()

        goal = dist.log_prob(batch.actions) if warm else self._first_value(batch.observations, actions)
        actor_loss = losses.bounded_sum(-goal.mean(), -entropy, temp)
        _descend(actor_optim, actor_loss, modules.policy.parameters())
        if modules.average_policy is not None:
            soft_sync(modules.average_policy, modules.policy, self._config.actor_average_rate)
        named = {"critic_loss": critic_loss, "actor_loss": actor_loss, "temp_loss": temp_loss, "temp": temp}
        named |= {"bellman": bellman.mean(), "pessimism": pessimism.mean(), "entropy": entropy}
        return {name: tensor.item() for name, tensor in named.items()}

    def _begin_phase(self) -> None:
        get_parameter(self._modules.log_temp).data.fill_(math.log(self._config.initial_temperature))
        if self._modules.average_policy is not None:
            hard_sync(self._modules.average_policy, self._modules.policy)

    def _check_observed(self) -> None:
        starts_missing = self.needs_initial_observations and self._initial_observations is None
        if starts_missing or self._bounds is None:
            raise ValueError(
                f"The {'initial observations' if starts_missing else 'reward range'} of the dataset are not known, and "
                "minibatches do not carry them. `fit` takes them from its dataset; whoever calls `update` calls "
                "`observe(initial_observations, reward_range)` before it."
            )

    def _dist(self, observations: Any) -> Any:
        return build_squashed_gaussian_distribution(self._modules.policy(observations))

    def _values(self, observations: Any, actions: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = self._q_func_forwarder.compute_expected_q(observations, actions, "none")
        return values

    def _first_value(self, observations: Any, actions: torch.Tensor) -> torch.Tensor:
        # As in d3rlpy's actor steps, critics that hold dropout or batch statistics stand still here.
        self._modules.q_funcs.eval()
        values: torch.Tensor = self._q_func_forwarder.forwarders[0].compute_expected_q(observations, actions)
        return values

    def _critic_terms(
        self, batch: Any, next_actions: torch.Tensor, targets: torch.Tensor, actions: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """E and P, each (n_critics,); without `actions` of the policy P is 0."""
        data_values = self._values(batch.observations, batch.actions)
        backed_up = self._backup(batch, self._values(batch.next_observations, next_actions))
        bellman = losses.dqra(data_values, targets, backed_up)
        pessimism = torch.zeros_like(bellman) if actions is None else self._pessimism(batch, actions, data_values)
        return bellman, pessimism

    def _backup(self, batch: Any, next_values: torch.Tensor) -> torch.Tensor:
        assert self._bounds is not None
        discount = self._config.gamma**batch.intervals
        return losses.backup(batch.rewards, next_values, batch.terminals, discount, self._bounds)

    @torch.no_grad()
    def _targets(self, batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
        next_actions = self._dist(batch.next_observations).sample()
        values = self._targ_q_func_forwarder.compute_expected_q(batch.next_observations, next_actions, "min")
        return next_actions, self._backup(batch, values)

    def _pessimism(self, batch: Any, actions: torch.Tensor, data_values: torch.Tensor) -> torch.Tensor:
        return losses.relative_pessimism(self._values(batch.observations, actions), data_values)

    def inner_predict_best_action(self, x: Any) -> torch.Tensor:
        """tanh of the Gaussian's mean: (b, m), by the average policy where there is one."""
        action: torch.Tensor = self._acting_policy(x).squashed_mu
        return action

    def inner_sample_action(self, x: Any) -> torch.Tensor:
        """A draw of the policy: (b, m), by the average policy where there is one."""
        action: torch.Tensor = build_squashed_gaussian_distribution(self._acting_policy(x)).sample()
        return action

    @property
    def _acting_policy(self) -> Any:
        return self._modules.policy if self._modules.average_policy is None else self._modules.average_policy

    @property
    def policy(self) -> Any:
        """The policy that acts; a copy of it acts the same."""
        return self._acting_policy

    def copy_policy_from(self, impl: Any) -> None:
        """Act as `impl` does; and go on from the policy that it trains, where it is ATAC's or PSPI's."""
        super().copy_policy_from(impl)
        if self._modules.average_policy is not None:
            trained = impl.trained_policy if isinstance(impl, ATACImpl) else impl.policy
            hard_sync(self._modules.policy, trained)

    @property
    def trained_policy(self) -> Any:
        """The policy that gradient steps move."""
        return self._modules.policy

    @property
    def policy_optim(self) -> Any:
        """Of the phase it is in."""
        actor, _, _ = self._modules.optimizers(self._is_warm)
        return actor.optim

    def copy_policy_optim_from(self, impl: Any) -> None:
        """The optimizers of both phases, where `impl` has two; else its one, for the phase this is in."""
        if isinstance(impl, ATACImpl):
            self._copy_optimizers(impl, 0)
        else:
            super().copy_policy_optim_from(impl)

    @property
    def q_function(self) -> nn.ModuleList:
        critics: nn.ModuleList = self._modules.q_funcs
        return critics

    @property
    def q_function_optim(self) -> Any:
        """Of the phase it is in."""
        _, critic, _ = self._modules.optimizers(self._is_warm)
        return critic.optim

    def copy_q_function_optim_from(self, impl: Any) -> None:
        """The optimizers of both phases, where `impl` has two; else its one, for the phase this is in."""
        if isinstance(impl, ATACImpl):
            self._copy_optimizers(impl, 1)
        else:
            super().copy_q_function_optim_from(impl)

    @property
    def _is_warm(self) -> bool:
        warm: bool = self.steps < self._config.n_warm_start_steps
        return warm

    def _copy_optimizers(self, impl: ATACImpl, place: int) -> None:
        for warm in (True, False):
            ours, theirs = (modules.optimizers(warm)[place].optim for modules in (self._modules, impl._modules))
            sync_optimizer_state(ours, theirs)


class PSPIImpl(ATACImpl):
    """Pessimistic soft policy iteration: ATAC with the value of the initial states for its pessimism."""

    needs_initial_observations = True

    def _pessimism(self, batch: Any, actions: torch.Tensor, data_values: torch.Tensor) -> torch.Tensor:
        starts = self._initial_observations
        several = isinstance(starts, list)
        n = len(starts[0] if several else starts)
        rows = torch.randint(n, (self._config.batch_size,), device=self._device)
        initial = [part[rows] for part in starts] if several else starts[rows]
        with torch.no_grad():
            initial_actions = self._dist(initial).sample()
        return losses.initial_pessimism(self._values(initial, initial_actions))


def average_of(policy: nn.Module) -> nn.Module:
    """A copy of `policy` to average into; it draws no random number and takes no gradient."""
    return copy.deepcopy(policy).requires_grad_(False)


def _descend(optimizer: Any, loss: torch.Tensor, parameters: Iterable[torch.Tensor] | None = None) -> None:
    """One step down `loss`; with `parameters`, no gradient reaches any other."""
    optimizer.zero_grad()
    inputs = None if parameters is None else [parameter for parameter in parameters if parameter.requires_grad]
    loss.backward(inputs=inputs)  # type: ignore[no-untyped-call]
    optimizer.step()
