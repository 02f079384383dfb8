"""TD3+BC. Source: Fujimoto & Gu 2021; TD3: Fujimoto et al. 2018."""

from __future__ import annotations

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.algorithm import StackedAlgorithm
from offline_bench.algorithms.stacked.draws import Draw
from offline_bench.algorithms.stacked.optimizer import move_target
from offline_bench.algorithms.stacked.transitions import Batch


class TD3PlusBC(StackedAlgorithm):
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
        self.critics = self.network("critics", o + a, 1, members=2)
        self.target_actor = self.target("target_actor", self.actor)
        self.target_critics = self.target("target_critics", self.critics)
        self.actor_optimizer = self.optimizer("actor_adam", self.actor.parameters, self.actor_learning_rate)
        self.critic_optimizer = self.optimizer("critic_adam", self.critics.parameters, self.critic_learning_rate)

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
        with torch.no_grad():
            clip = self.target_smoothing_clip[:, None, None]
            noise = batch.noise["smoothing"] * self.target_smoothing_sigma[:, None, None]
            noise = torch.minimum(torch.maximum(noise, -clip), clip)
            next_actions = (self.target_actor(batch.next_observations)[:, 0].tanh() + noise).clamp_(-1.0, 1.0)
            next_pairs = torch.cat([batch.next_observations, next_actions], dim=-1)
            next_values = self.target_critics(next_pairs).squeeze(-1).amin(dim=1)
            targets = batch.rewards + self.gamma[:, None] * batch.continues * next_values
        values = self.critics(batch.pairs).squeeze(-1)
        loss = (values - targets[:, None]).square().mean(dim=-1).sum(dim=-1)
        self.critic_optimizer.minimize(loss)
        return loss.detach()

    def update_actor(self, batch: Batch) -> Tensor:
        actions = self.actor(batch.observations)[:, 0].tanh()
        values = self.critics.first()(torch.cat([batch.observations, actions], dim=-1))[:, 0, :, 0]
        weight = self.alpha / values.detach().abs().mean(dim=-1)
        cloning = (batch.actions - actions).square().mean(dim=(-1, -2))
        loss = -weight * values.mean(dim=-1) + cloning
        self.actor_optimizer.minimize(loss)
        return loss.detach()

    def act(self, observations: Tensor) -> Tensor:
        return self.actor(observations)[:, 0].tanh()
