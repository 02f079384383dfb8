"""Implicit Q-learning. Source: Kostrikov, Nair & Levine 2022."""

from __future__ import annotations

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.algorithm import StackedAlgorithm
from offline_bench.algorithms.stacked.gaussian import between, gaussian_log_prob
from offline_bench.algorithms.stacked.optimizer import move_target
from offline_bench.algorithms.stacked.transitions import Batch

LEAST_LOG_STD, LARGEST_LOG_STD = -5.0, 2.0


class IQL(StackedAlgorithm):
    """Values as an expectile of Q over the data's actions, and cloning weighted by exp(advantage)."""

    expectile: Tensor
    weight_temp: Tensor
    max_weight: Tensor
    gamma: Tensor
    actor_learning_rate: float
    critic_learning_rate: float
    tau: float

    def build(self) -> None:
        o, a = self.slab.observation_size, self.slab.action_size
        self.actor = self.network("actor", o, a)
        self.spread = self.numbers("spread", 0.0, size=a)
        self.critics = self.network("critics", o + a, 1, members=2)
        self.value = self.network("value", o, 1)
        self.target_critics = self.target("target_critics", self.critics)
        self.actor_optimizer = self.optimizer(
            "actor_adam", [*self.actor.parameters, self.spread], self.actor_learning_rate
        )
        self.critic_optimizer = self.optimizer(
            "critic_adam", [*self.critics.parameters, *self.value.parameters], self.critic_learning_rate
        )

    def update(self, batch: Batch, step: int) -> dict[str, Tensor]:
        with torch.no_grad():
            data_values = self.target_critics(batch.pairs).squeeze(-1).amin(dim=1)
        losses = self.update_critics(batch, data_values)
        losses["actor_loss"] = self.update_actor(batch, data_values)
        move_target(self.target_critics, self.critics, self.tau)
        return losses

    def update_critics(self, batch: Batch, data_values: Tensor) -> dict[str, Tensor]:
        """`data_values` (runs, b): the target critics' least value of the data's actions."""
        with torch.no_grad():
            targets = batch.rewards + self.gamma[:, None] * batch.continues * self.state_values(batch.next_observations)
        values = self.critics(batch.pairs).squeeze(-1)
        q_loss = (values - targets[:, None]).square().mean(dim=-1).sum(dim=-1)
        difference = data_values - self.state_values(batch.observations)
        weight = (self.expectile[:, None] - (difference.detach() < 0).float()).abs_()
        v_loss = (weight * difference.square()).mean(dim=-1)
        self.critic_optimizer.minimize(q_loss + v_loss)
        return {"critic_loss": (q_loss + v_loss).detach(), "q_loss": q_loss.detach(), "v_loss": v_loss.detach()}

    def update_actor(self, batch: Batch, data_values: Tensor) -> Tensor:
        with torch.no_grad():
            advantage = data_values - self.state_values(batch.observations)
            weight = torch.minimum((self.weight_temp[:, None] * advantage).exp_(), self.max_weight[:, None])
        log_std = between(LEAST_LOG_STD, LARGEST_LOG_STD, self.spread)
        log_probs = gaussian_log_prob(batch.actions, self.act(batch.observations), log_std)
        loss = -(weight * log_probs).mean(dim=-1)
        self.actor_optimizer.minimize(loss)
        return loss.detach()

    def state_values(self, observations: Tensor) -> Tensor:
        return self.value(observations)[:, 0, :, 0]

    def act(self, observations: Tensor) -> Tensor:
        return self.actor(observations)[:, 0].tanh()
