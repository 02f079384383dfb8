"""ReBRAC. Source: Tarasov, Kurenkov, Nikulin & Kolesnikov 2023 (arXiv 2305.09836), equations 3 and 4."""

from __future__ import annotations

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.gradients import by_tanh
from offline_bench.algorithms.stacked.td3 import TD3
from offline_bench.algorithms.stacked.transitions import Batch


class ReBRAC(TD3):
    """TD3 whose actor and whose critics are each held to the data's actions, with a weight of their own."""

    actor_beta: Tensor
    critic_beta: Tensor

    def next_values(self, batch: Batch, next_actions: Tensor) -> Tensor:
        """V̄(s') = min_j Q̄_j(s', a') - β_c |a' - a'_data|², (runs, b)."""
        penalty = (next_actions - batch.next_actions).square().sum(dim=-1)
        return super().next_values(batch, next_actions) - self.critic_beta[:, None] * penalty

    def update_actor(self, batch: Batch) -> Tensor:
        """L(π) = mean(-λ min_j Q_j(s, π(s)) + β_a |π(s) - a|²); λ = 1 / mean|min_j Q_j| has no part in the gradient."""
        actor = self.actor.forward(batch.observations)
        actions = actor.outputs[:, 0].tanh()
        critics = self.critics.forward(torch.cat([batch.observations, actions], dim=-1))
        values, least = critics.outputs.squeeze(-1).min(dim=1, keepdim=True)
        weight = 1.0 / values.abs().mean(dim=(1, 2))
        error = actions - batch.actions
        by_least = (-weight / self.batch_size)[:, None, None].expand_as(values)
        by_values = torch.zeros_like(critics.outputs.squeeze(-1)).scatter_(1, least, by_least)
        by_critics = critics.by_inputs(by_values.unsqueeze(-1), self.slab.observation_size)
        of_cloning = (2.0 * self.actor_beta / self.batch_size)[:, None, None]
        by_actions = by_critics[:, 0] + by_critics[:, 1] + of_cloning * error
        actor.backward(by_tanh(by_actions, actions).unsqueeze(1))
        self.actor_optimizer.step()
        cloning = error.square().sum(dim=-1).mean(dim=-1)
        return -weight * values.mean(dim=(1, 2)) + self.actor_beta * cloning
