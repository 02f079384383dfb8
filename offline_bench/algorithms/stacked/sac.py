"""Soft actor-critic. Source: Haarnoja et al. 2018, with the learned temperature of their second paper."""

from __future__ import annotations

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.algorithm import StackedAlgorithm
from offline_bench.algorithms.stacked.draws import Draw
from offline_bench.algorithms.stacked.gaussian import SquashedGaussian
from offline_bench.algorithms.stacked.optimizer import move_target
from offline_bench.algorithms.stacked.transitions import Batch


class SoftActorCritic(StackedAlgorithm):
    """What SAC and CQL share: twin critics, and an actor that maximizes min Q + temperature · entropy."""

    gamma: Tensor
    actor_learning_rate: float
    critic_learning_rate: float
    temp_learning_rate: float
    tau: float

    def build_soft(self, log_temperature: float | Tensor) -> None:
        o, a = self.slab.observation_size, self.slab.action_size
        self.actor = self.network("actor", o, 2 * a)
        self.critics = self.network("critics", o + a, 1, members=2)
        self.target_critics = self.target("target_critics", self.critics)
        self.log_temperature = self.numbers("log_temp", log_temperature)
        self.actor_optimizer = self.optimizer("actor_adam", self.actor.parameters, self.actor_learning_rate)
        self.critic_optimizer = self.optimizer("critic_adam", self.critics.parameters, self.critic_learning_rate)
        self.temperature_optimizer = self.optimizer("temp_adam", [self.log_temperature], self.temp_learning_rate)

    def policy(self, observations: Tensor) -> SquashedGaussian:
        return SquashedGaussian.of(self.actor(observations)[:, 0])

    def temperature(self) -> Tensor:
        return self.log_temperature.detach()[:, 0, 0].exp()

    def targets(self, batch: Batch, next_values: Tensor) -> Tensor:
        """r + γ V(s'), (runs, b)."""
        return batch.rewards + self.gamma[:, None] * batch.continues * next_values

    def least_target_value(self, observations: Tensor, actions: Tensor) -> Tensor:
        return self.target_critics(torch.cat([observations, actions], dim=-1)).squeeze(-1).amin(dim=1)

    def update_actor(self, batch: Batch, policy: SquashedGaussian) -> dict[str, Tensor]:
        """`policy` is the actor's at the batch's observations."""
        actions, log_probs = policy.sample_with_log_prob(batch.noise["action"])
        temp_loss = self.update_temperature(log_probs.detach())
        values = self.critics.frozen(torch.cat([batch.observations, actions], dim=-1)).squeeze(-1)
        loss = (self.temperature()[:, None] * log_probs - values.min(dim=1).values).mean(dim=-1)
        self.actor_optimizer.minimize(loss)
        return {"actor_loss": loss.detach(), "temp_loss": temp_loss, "temp": self.temperature()}

    def update_temperature(self, log_probs: Tensor) -> Tensor:
        if self.temp_learning_rate == 0:
            return torch.zeros_like(log_probs[:, 0])
        loss = -self.temperature() * (log_probs - self.slab.action_size).mean(dim=-1)
        # As e^x is its own derivative, the loss is its gradient for the logarithm of the temperature.
        self.temperature_optimizer.apply([loss[:, None, None]])
        return loss

    def act(self, observations: Tensor) -> Tensor:
        return self.policy(observations).mode()


class SAC(SoftActorCritic):
    """Soft actor-critic as it is."""

    initial_temperature: Tensor

    def build(self) -> None:
        self.build_soft(self.initial_temperature.log())

    def plan_draws(self) -> dict[str, Draw]:
        actions = Draw("normal", (self.batch_size, self.slab.action_size))
        return {"next_action": actions, "action": actions}

    def update(self, batch: Batch, step: int) -> dict[str, Tensor]:
        losses = {"critic_loss": self.update_critics(batch)}
        losses |= self.update_actor(batch, self.policy(batch.observations))
        move_target(self.target_critics, self.critics, self.tau)
        return losses

    def update_critics(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            policy = self.policy(batch.next_observations)
            next_actions, log_probs = policy.sample_with_log_prob(batch.noise["next_action"])
            next_values = self.least_target_value(batch.next_observations, next_actions)
            targets = self.targets(batch, next_values - self.temperature()[:, None] * log_probs)
        values = self.critics(batch.pairs).squeeze(-1)
        loss = (values - targets[:, None]).square().mean(dim=-1).sum(dim=-1)
        self.critic_optimizer.minimize(loss)
        return loss.detach()
