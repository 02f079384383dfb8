"""Conservative Q-learning, CQL(H) on soft actor-critic. Source: Kumar et al. 2020."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.draws import Draw
from offline_bench.algorithms.stacked.gaussian import SquashedGaussian
from offline_bench.algorithms.stacked.gradients import squared_error
from offline_bench.algorithms.stacked.network import Pass
from offline_bench.algorithms.stacked.optimizer import move_target
from offline_bench.algorithms.stacked.sac import SoftActorCritic, policy_of
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
        actor = self.actor.forward(batch.observations)
        losses = self.update_critics(batch, policy_of(actor))
        losses |= self.update_actor(batch, actor)
        move_target(self.target_critics, self.critics, self.tau)
        return losses

    def update_critics(self, batch: Batch, policy: SquashedGaussian) -> dict[str, Tensor]:
        """L(Q) = Σ_i mean (Q_i(s, a) - y)² + α w (mean[log Σ_k exp(Q_i(s, a_k) - log p_k) - Q_i(s, a)] - threshold)."""
        next_policy = self.policy(batch.next_observations)
        targets = self.targets(batch, self.least_target_value(batch.next_observations, next_policy.mode()))
        actions, log_probs = self.sample_actions(batch.noise, policy, next_policy)
        critics = self.critics_of(batch, actions)
        values = critics.outputs.view(self.runs, 2, -1, self.batch_size)
        td_loss, by_td = squared_error(values[:, :, 0], targets[:, None])
        exponents = values[:, :, 1:] - log_probs[:, None]
        soft_maximum = exponents.logsumexp(dim=2)
        gap = (soft_maximum - values[:, :, 0]).mean(dim=-1)
        conservative = self.conservative_weight[:, None] * (gap - self.alpha_threshold[:, None])
        alpha = self.update_alpha(conservative)
        by_gap = (alpha * self.conservative_weight[:, None] / self.batch_size)[..., None].expand_as(soft_maximum)
        by_exponents = by_gap[:, :, None] * (exponents - soft_maximum[:, :, None]).exp()
        critics.backward(torch.cat([(by_td - by_gap)[:, :, None], by_exponents], dim=2).view_as(critics.outputs))
        self.critic_optimizer.step()
        conservative_loss = (alpha * conservative).sum(dim=-1)
        loss = td_loss.sum(dim=-1) + conservative_loss
        return {"critic_loss": loss, "conservative_loss": conservative_loss, "alpha": alpha[:, 0]}

    def update_alpha(self, conservative: Tensor) -> Tensor:
        """L(α) = -mean_i α c_i, by log α; α (runs, 1) after it. Beyond its bounds α has no gradient."""
        raw = self.log_alpha.parameters[0]
        if self.alpha_learning_rate > 0:
            alpha = raw[:, 0].exp()
            within = (alpha >= 0.0) & (alpha <= LARGEST_ALPHA)
            by_alpha = -(conservative * (1.0 / conservative.shape[1])).sum(dim=-1, keepdim=True)
            self.log_alpha.gradients[0][:, 0] = torch.where(within, by_alpha, 0.0) * alpha
            self.alpha_optimizer.step()
        return raw[:, 0].exp().clamp(0.0, LARGEST_ALPHA)

    def sample_actions(
        self, noise: dict[str, Tensor], policy: SquashedGaussian, next_policy: SquashedGaussian
    ) -> tuple[Tensor, Tensor]:
        """Actions (runs, 3n, b, a) of the policy at s, of the policy at s' and of chance; their log probabilities."""
        own = policy.repeat().sample_with_log_prob(noise["samples"])
        of_next = next_policy.repeat().sample_with_log_prob(noise["next_samples"])
        random = 2.0 * noise["random"] - 1.0
        density = torch.full(random.shape[:-1], -math.log(2.0) * self.slab.action_size, device=random.device)
        actions = torch.cat([own.actions, of_next.actions, random], dim=1)
        return actions, torch.cat([own.log_probs, of_next.log_probs, density], dim=1)

    def critics_of(self, batch: Batch, actions: Tensor) -> Pass:
        """The critics at s: for those of the data first, then for `actions` (runs, 3n, b, a)."""
        actions = torch.cat([batch.actions[:, None], actions], dim=1)
        observations = batch.observations[:, None].expand(-1, actions.shape[1], -1, -1)
        return self.critics.forward(torch.cat([observations, actions], dim=-1).flatten(1, 2))
