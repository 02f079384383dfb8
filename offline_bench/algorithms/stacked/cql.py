"""Conservative Q-learning, CQL(H) on soft actor-critic. Source: Kumar et al. 2020."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.draws import Draw
from offline_bench.algorithms.stacked.gaussian import SquashedGaussian
from offline_bench.algorithms.stacked.optimizer import move_target
from offline_bench.algorithms.stacked.sac import SoftActorCritic
from offline_bench.algorithms.stacked.transitions import Batch

LARGEST_ALPHA = 1e6


class CQL(SoftActorCritic):
    """SAC whose critics value what the data did above what the policy, or chance, would do; α keeps the gap."""

    conservative_weight: Tensor
    alpha_threshold: Tensor
    alpha_learning_rate: float
    n_action_samples: int

    def build(self) -> None:
        self.build_soft(log_temperature=0.0)
        self.log_alpha = self.numbers("log_alpha", 0.0)
        self.alpha_optimizer = self.optimizer("alpha_adam", [self.log_alpha], self.alpha_learning_rate)

    def plan_draws(self) -> dict[str, Draw]:
        samples = (self.n_action_samples, self.batch_size, self.slab.action_size)
        return {
            "samples": Draw("normal", samples),
            "next_samples": Draw("normal", samples),
            "random": Draw("uniform", samples),
            "action": Draw("normal", samples[1:]),
        }

    def rows_in_flight(self) -> int:
        return 2 * (3 * self.n_action_samples + 1) * self.batch_size

    def update(self, batch: Batch, step: int) -> dict[str, Tensor]:
        policy = self.policy(batch.observations)
        losses = self.update_critics(batch, policy)
        losses |= self.update_actor(batch, policy)
        move_target(self.target_critics, self.critics, self.tau)
        return losses

    def update_critics(self, batch: Batch, policy: SquashedGaussian) -> dict[str, Tensor]:
        with torch.no_grad():
            next_policy = self.policy(batch.next_observations)
            next_values = self.least_target_value(batch.next_observations, next_policy.mode())
            targets = self.targets(batch, next_values)
            actions, log_probs = self.sample_actions(batch.noise, policy, next_policy)
        values, data_values = self.values_of(batch, actions)
        td_loss = (data_values - targets[:, None]).square().mean(dim=-1).sum(dim=-1)
        gap = ((values - log_probs[:, None]).logsumexp(dim=2) - data_values).mean(dim=-1)
        conservative = self.conservative_weight[:, None] * (gap - self.alpha_threshold[:, None])
        if self.alpha_learning_rate > 0:
            self.alpha_optimizer.minimize(-(self.alpha() * conservative.detach()).mean(dim=-1))
        alpha = self.alpha().detach()
        conservative_loss = (alpha * conservative).sum(dim=-1)
        loss = td_loss + conservative_loss
        self.critic_optimizer.minimize(loss)
        return {
            "critic_loss": loss.detach(),
            "conservative_loss": conservative_loss.detach(),
            "alpha": alpha[:, 0],
        }

    def alpha(self) -> Tensor:
        """The weight of the conservative loss, (runs, 1)."""
        return self.log_alpha[:, 0].exp().clamp(0.0, LARGEST_ALPHA)

    def sample_actions(
        self, noise: dict[str, Tensor], policy: SquashedGaussian, next_policy: SquashedGaussian
    ) -> tuple[Tensor, Tensor]:
        """Actions (runs, 3n, b, a) of the policy at s, of the policy at s' and of chance; their log probabilities."""
        of_policy = policy.repeat().sample_with_log_prob(noise["samples"])
        of_next_policy = next_policy.repeat().sample_with_log_prob(noise["next_samples"])
        random = 2.0 * noise["random"] - 1.0
        density = torch.full(random.shape[:-1], -math.log(2.0) * self.slab.action_size, device=random.device)
        actions = torch.cat([of_policy[0], of_next_policy[0], random], dim=1)
        return actions, torch.cat([of_policy[1], of_next_policy[1], density], dim=1)

    def values_of(self, batch: Batch, actions: Tensor) -> tuple[Tensor, Tensor]:
        """The critics at s for `actions` (runs, 2, 3n, b), and for those of the data (runs, 2, b)."""
        actions = torch.cat([batch.actions[:, None], actions], dim=1)
        observations = batch.observations[:, None].expand(-1, actions.shape[1], -1, -1)
        pairs = torch.cat([observations, actions], dim=-1).flatten(1, 2)
        values = self.critics(pairs).view(self.runs, 2, -1, self.batch_size)
        return values[:, :, 1:], values[:, :, 0]
