"""Implicit Q-learning. Source: Kostrikov, Nair & Levine 2022."""

from __future__ import annotations

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.algorithm import ValueLearner
from offline_bench.algorithms.stacked.gaussian import Gaussian, between, by_between
from offline_bench.algorithms.stacked.gradients import by_tanh, squared_error
from offline_bench.algorithms.stacked.optimizer import move_target
from offline_bench.algorithms.stacked.transitions import Batch

LEAST_LOG_STD, LARGEST_LOG_STD = -5.0, 2.0


class IQL(ValueLearner):
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
        self.critics = self.critic("critics", o + a, members=2)
        self.value = self.critic("value", o)
        self.target_critics = self.target("target_critics", self.critics)
        self.actor_optimizer = self.optimizer("actor_adam", [self.actor, self.spread], self.actor_learning_rate)
        self.critic_optimizer = self.optimizer("critic_adam", [self.critics, self.value], self.critic_learning_rate)

    def update(self, batch: Batch, step: int) -> dict[str, Tensor]:
        data_values = self.target_critics.values(batch.pairs).squeeze(-1).amin(dim=1)
        losses = self.update_critics(batch, data_values)
        losses["actor_loss"] = self.update_actor(batch, data_values)
        move_target(self.target_critics, self.critics, self.tau)
        return losses

    def update_critics(self, batch: Batch, data_values: Tensor) -> dict[str, Tensor]:
        """L(Q) = Σ_i mean (Q_i(s, a) - r - γ (1-d) V(s'))², L(V) = mean |τ - 1(u < 0)| u², where u = q̄ - V(s).

        data_values  q̄ (runs, b): the target critics' least value of the data's actions
        """
        next_values = self.value.values(batch.next_observations)[:, 0, :, 0]
        targets = batch.rewards + self.gamma[:, None] * batch.continues * next_values
        critics = self.critics.forward(batch.pairs)
        q_losses, by_values = squared_error(critics.outputs.squeeze(-1), targets[:, None])
        critics.backward(by_values.unsqueeze(-1))
        value = self.value.forward(batch.observations)
        difference = data_values - value.outputs[:, 0, :, 0]
        weight = (self.expectile[:, None] - (difference < 0).float()).abs_()
        by_value = weight * (1.0 / self.batch_size) * (-2.0 * difference)
        value.backward(by_value[:, None, :, None])
        self.critic_optimizer.step()
        q_loss, v_loss = q_losses.sum(dim=-1), (weight * difference.square()).mean(dim=-1)
        return {"critic_loss": q_loss + v_loss, "q_loss": q_loss, "v_loss": v_loss}

    def update_actor(self, batch: Batch, data_values: Tensor) -> Tensor:
        """L(π) = -mean min(exp(β A), w) log π(a|s), A = q̄ - V(s); the weight has no part in the gradient."""
        advantage = data_values - self.value.values(batch.observations)[:, 0, :, 0]
        weight = torch.minimum((self.weight_temp[:, None] * advantage).exp_(), self.max_weight[:, None])
        actor, raw_spread = self.actor.forward(batch.observations), self.spread.parameters[0]
        mean = actor.outputs[:, 0].tanh()
        policy = Gaussian(mean, between(LEAST_LOG_STD, LARGEST_LOG_STD, raw_spread))
        by_mean, by_log_std = policy.by_log_prob(batch.actions, weight * (-1.0 / self.batch_size))
        actor.backward(by_tanh(by_mean, mean).unsqueeze(1))
        by_between(LEAST_LOG_STD, LARGEST_LOG_STD, raw_spread, by_log_std, into=self.spread.gradients[0])
        loss = -(weight * policy.log_prob(batch.actions)).mean(dim=-1)
        self.actor_optimizer.step()
        return loss

    def act(self, observations: Tensor) -> Tensor:
        return self.actor(observations)[:, 0].tanh()
