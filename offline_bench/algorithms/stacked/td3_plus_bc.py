"""TD3+BC. Source: Fujimoto & Gu 2021; TD3: Fujimoto et al. 2018."""

from __future__ import annotations

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.algorithm import ValueLearner
from offline_bench.algorithms.stacked.draws import Draw
from offline_bench.algorithms.stacked.gradients import by_tanh, squared_error
from offline_bench.algorithms.stacked.optimizer import move_target
from offline_bench.algorithms.stacked.transitions import Batch


class TD3PlusBC(ValueLearner):
    """Twin delayed critics, and an actor that maximizes α / mean|Q| · Q while it clones."""

    alpha: Tensor
    gamma: Tensor
    target_smoothing_sigma: Tensor
    target_smoothing_clip: Tensor
    actor_learning_rate: float
    critic_learning_rate: float
    tau: float
    update_actor_interval: int

    def build(self) -> None:
        o, a = self.slab.observation_size, self.slab.action_size
        self.actor = self.network("actor", o, a)
        self.critics = self.critic("critics", o + a, members=2)
        self.target_actor = self.target("target_actor", self.actor)
        self.target_critics = self.target("target_critics", self.critics)
        self.actor_optimizer = self.optimizer("actor_adam", [self.actor], self.actor_learning_rate)
        self.critic_optimizer = self.optimizer("critic_adam", [self.critics], self.critic_learning_rate)

    def plan_draws(self) -> dict[str, Draw]:
        return {"smoothing": Draw("normal", (self.batch_size, self.slab.action_size))}

    def update(self, batch: Batch, step: int) -> dict[str, Tensor]:
        losses = {"critic_loss": self.update_critics(batch)}
        if step % self.update_actor_interval == 0:
            losses["actor_loss"] = self.update_actor(batch)
            move_target(self.target_actor, self.actor, self.tau)
            move_target(self.target_critics, self.critics, self.tau)
        return losses

    def update_critics(self, batch: Batch) -> Tensor:
        """L(Q) = Σ_i mean (Q_i(s, a) - y)²."""
        targets = self.targets(batch)
        critics = self.critics.forward(batch.pairs)
        loss, gradient = squared_error(critics.outputs.squeeze(-1), targets[:, None])
        critics.backward(gradient.unsqueeze(-1))
        self.critic_optimizer.step()
        return loss.sum(dim=-1)

    def targets(self, batch: Batch) -> Tensor:
        """y = r + γ (1-d) min_j Q̄_j(s', clip(π̄(s') + clip(ε, -c, c), -1, 1)), (runs, b)."""
        clip = self.target_smoothing_clip[:, None, None]
        noise = batch.noise["smoothing"] * self.target_smoothing_sigma[:, None, None]
        noise = torch.minimum(torch.maximum(noise, -clip), clip)
        next_actions = self.target_actor.values(batch.next_observations)[:, 0].tanh()
        next_pairs = torch.cat([batch.next_observations, next_actions.add(noise).clamp_(-1.0, 1.0)], dim=-1)
        next_values = self.target_critics.values(next_pairs).squeeze(-1).amin(dim=1)
        return batch.rewards + self.gamma[:, None] * batch.continues * next_values

    def update_actor(self, batch: Batch) -> Tensor:
        """L(π) = -λ mean Q_1(s, π(s)) + mean (π(s) - a)²; λ = α / mean|Q_1(s, π(s))| has no part in the gradient."""
        actor = self.actor.forward(batch.observations)
        actions = actor.outputs[:, 0].tanh()
        critic = self.critics.first.forward(torch.cat([batch.observations, actions], dim=-1))
        values = critic.outputs[:, 0, :, 0]
        weight = self.alpha / values.abs().mean(dim=-1)
        cloning, against_cloning = squared_error(batch.actions, actions, dims=(-1, -2))
        by_values = (-weight / self.batch_size)[:, None, None, None].expand_as(critic.outputs)
        by_actions = critic.by_inputs(by_values, self.slab.observation_size)[:, 0] - against_cloning
        actor.backward(by_tanh(by_actions, actions).unsqueeze(1))
        self.actor_optimizer.step()
        return -weight * values.mean(dim=-1) + cloning

    def act(self, observations: Tensor) -> Tensor:
        return self.actor(observations)[:, 0].tanh()
