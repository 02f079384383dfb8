"""Soft actor-critic. Source: Haarnoja et al. 2018, with the learned temperature of their second paper."""

from __future__ import annotations

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.algorithm import ValueLearner
from offline_bench.algorithms.stacked.draws import Draw
from offline_bench.algorithms.stacked.gaussian import SquashedGaussian
from offline_bench.algorithms.stacked.gradients import squared_error
from offline_bench.algorithms.stacked.network import Pass
from offline_bench.algorithms.stacked.optimizer import move_target
from offline_bench.algorithms.stacked.transitions import Batch


class SoftActorCritic(ValueLearner):
    """What SAC and CQL share: twin critics, and an actor that maximizes min Q + temperature · entropy."""

    gamma: Tensor
    actor_learning_rate: float
    critic_learning_rate: float
    temp_learning_rate: float
    tau: float

    def build_soft(self, log_temperature: float | Tensor) -> None:
        o, a = self.slab.observation_size, self.slab.action_size
        self.actor = self.network("actor", o, 2 * a)
        self.critics = self.critic("critics", o + a, members=2)
        self.target_critics = self.target("target_critics", self.critics)
        self.log_temperature = self.numbers("log_temp", log_temperature)
        self.actor_optimizer = self.optimizer("actor_adam", [self.actor], self.actor_learning_rate)
        self.critic_optimizer = self.optimizer("critic_adam", [self.critics], self.critic_learning_rate)
        self.temperature_optimizer = self.optimizer("temp_adam", [self.log_temperature], self.temp_learning_rate)

    def temperature(self) -> Tensor:
        """(runs,)."""
        return self.log_temperature.parameters[0][:, 0, 0].exp()

    def policy(self, observations: Tensor) -> SquashedGaussian:
        return SquashedGaussian(self.actor.values(observations)[:, 0])

    def targets(self, batch: Batch, next_values: Tensor) -> Tensor:
        """r + γ V(s'), (runs, b)."""
        return batch.rewards + self.gamma[:, None] * batch.continues * next_values

    def least_target_value(self, observations: Tensor, actions: Tensor) -> Tensor:
        pairs = torch.cat([observations, actions], dim=-1)
        return self.target_critics.values(pairs).squeeze(-1).amin(dim=1)

    def update_actor(self, batch: Batch, actor: Pass) -> dict[str, Tensor]:
        """L(π) = mean(T log π(a|s) - min_j Q_j(s, a)) at a ~ π(·|s); `actor` is the actor's pass over the batch."""
        policy = policy_of(actor)
        sample = policy.sample_with_log_prob(batch.noise["action"])
        temp_loss = self.update_temperature(sample.log_probs)
        critics = self.critics.forward(torch.cat([batch.observations, sample.actions], dim=-1))
        values, least = critics.outputs.squeeze(-1).min(dim=1)
        share = 1.0 / self.batch_size
        by_values = torch.zeros_like(critics.outputs).scatter_(1, least[:, None, :, None], -share)
        # One member has the gradient, the other zeros: their sum is the one.
        by_actions = critics.by_inputs(by_values, self.slab.observation_size).sum(dim=1)
        temperature = self.temperature()[:, None]
        by_log_probs = (temperature * share).expand_as(sample.log_probs)
        actor.backward(policy.by_sample(sample, by_actions, by_log_probs).unsqueeze(1))
        self.actor_optimizer.step()
        loss = (temperature * sample.log_probs - values).mean(dim=-1)
        return {"actor_loss": loss, "temp_loss": temp_loss, "temp": self.temperature()}

    def update_temperature(self, log_probs: Tensor) -> Tensor:
        """L(T) = -T mean(log π(a|s) - H), where H is the number of actions."""
        if self.temp_learning_rate == 0:
            return torch.zeros_like(log_probs[:, 0])
        loss = -self.temperature() * (log_probs - self.slab.action_size).mean(dim=-1)
        # As e^x is its own derivative, the loss is its gradient for the logarithm of the temperature.
        self.log_temperature.gradients[0].copy_(loss[:, None, None])
        self.temperature_optimizer.step()
        return loss

    def act(self, observations: Tensor) -> Tensor:
        return SquashedGaussian(self.actor(observations)[:, 0]).mode()


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
        losses |= self.update_actor(batch, self.actor.forward(batch.observations))
        move_target(self.target_critics, self.critics, self.tau)
        return losses

    def update_critics(self, batch: Batch) -> Tensor:
        """L(Q) = Σ_i mean (Q_i(s, a) - y)², y = r + γ (1-d) (min_j Q̄_j(s', a') - T log π(a'|s')) at a' ~ π(·|s')."""
        sample = self.policy(batch.next_observations).sample_with_log_prob(batch.noise["next_action"])
        next_values = self.least_target_value(batch.next_observations, sample.actions)
        targets = self.targets(batch, next_values - self.temperature()[:, None] * sample.log_probs)
        critics = self.critics.forward(batch.pairs)
        loss, gradient = squared_error(critics.outputs.squeeze(-1), targets[:, None])
        critics.backward(gradient.unsqueeze(-1))
        self.critic_optimizer.step()
        return loss.sum(dim=-1)


def policy_of(actor: Pass) -> SquashedGaussian:
    """The policy at the inputs of `actor`'s pass."""
    return SquashedGaussian(actor.outputs[:, 0])
