"""What TD3 has and its offline kin keep. Source: Fujimoto, van Hoof & Meger 2018."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.algorithm import ValueLearner
from offline_bench.algorithms.stacked.draws import Draw
from offline_bench.algorithms.stacked.gradients import squared_error
from offline_bench.algorithms.stacked.optimizer import move_target
from offline_bench.algorithms.stacked.transitions import Batch


class TD3(ValueLearner):
    """Twin critics, an actor that is updated less often than they, and targets at smoothed actions."""

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
        """y = r + γ (1-d) V̄(s'), (runs, b)."""
        return batch.rewards + self.gamma[:, None] * batch.continues * self.next_values(batch, self.next_actions(batch))

    def next_actions(self, batch: Batch) -> Tensor:
        """clip(π̄(s') + clip(ε, -c, c), -1, 1), (runs, b, a)."""
        clip = self.target_smoothing_clip[:, None, None]
        noise = batch.noise["smoothing"] * self.target_smoothing_sigma[:, None, None]
        noise = torch.minimum(torch.maximum(noise, -clip), clip)
        return self.target_actor.values(batch.next_observations)[:, 0].tanh().add(noise).clamp_(-1.0, 1.0)

    def next_values(self, batch: Batch, next_actions: Tensor) -> Tensor:
        """V̄(s') = min_j Q̄_j(s', a'), (runs, b)."""
        next_pairs = torch.cat([batch.next_observations, next_actions], dim=-1)
        return self.target_critics.values(next_pairs).squeeze(-1).amin(dim=1)

    @abstractmethod
    def update_actor(self, batch: Batch) -> Tensor:
        """One step of the actor; its loss before it, (runs,)."""

    def act(self, observations: Tensor) -> Tensor:
        return self.actor(observations)[:, 0].tanh()
