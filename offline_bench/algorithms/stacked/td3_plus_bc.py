"""TD3+BC. Source: Fujimoto & Gu 2021."""

from __future__ import annotations

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.gradients import by_tanh, squared_error
from offline_bench.algorithms.stacked.td3 import TD3
from offline_bench.algorithms.stacked.transitions import Batch


class TD3PlusBC(TD3):
    """Twin delayed critics, and an actor that maximizes α / mean|Q| · Q while it clones."""

    alpha: Tensor

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
