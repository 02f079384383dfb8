"""ATAC: a critic as pessimistic about the policy, relative to the data, as Bellman's equation lets it be.

Source: Cheng, Xie, Jiang, Agarwal 2022 (arXiv 2202.02446); `algorithms/native` has the same, one run at a time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.algorithm import StackedAlgorithm
from offline_bench.algorithms.stacked.draws import Draw
from offline_bench.algorithms.stacked.gaussian import SquashedGaussian
from offline_bench.algorithms.stacked.optimizer import copy_to_target, move_target
from offline_bench.algorithms.stacked.transitions import Batch


class ATAC(StackedAlgorithm):
    """Two critics, one of which the actor follows; a warm start of cloning comes first."""

    beta: Tensor
    gamma: Tensor
    initial_temperature: Tensor
    norm_bound: Tensor
    actor_learning_rate: float
    warm_start_actor_learning_rate: float
    critic_learning_rate: float
    temp_learning_rate: float
    actor_average_rate: float
    n_warm_start_steps: int
    clip_values: bool
    tau: float

    def build(self) -> None:
        o, a = self.slab.observation_size, self.slab.action_size
        self.actor = self.network("actor", o, 2 * a)
        self.critics = self.network("critics", o + a, 1, members=2)
        self.target_critics = self.target("target_critics", self.critics)
        self.log_temperature = self.numbers("log_temp", self.initial_temperature.log())
        self.average = self.target("average_actor", self.actor) if self.actor_average_rate > 0 else None
        self.actor_optimizer = self.optimizer("actor_adam", self.actor.parameters, self.actor_learning_rate)
        self.critic_optimizer = self.optimizer("critic_adam", self.critics.parameters, self.critic_learning_rate)
        self.temperature_optimizer = self.optimizer("temp_adam", [self.log_temperature], self.temp_learning_rate)
        self.bounds = value_bounds(self.slab.reward_ranges, self.gamma) if self.clip_values else None

    def plan_draws(self) -> dict[str, Draw]:
        actions = Draw("normal", (self.batch_size, self.slab.action_size))
        return {"next_action": actions, "action": actions}

    def update(self, batch: Batch, step: int) -> dict[str, Tensor]:
        warm = step < self.n_warm_start_steps
        if step in (0, self.n_warm_start_steps):
            self.begin_phase()
        self.actor_optimizer.learning_rate = self.warm_start_actor_learning_rate if warm else self.actor_learning_rate
        policy = self.policy(batch.observations)
        actions, log_probs = policy.sample_with_log_prob(batch.noise["action"])
        entropy = -log_probs.mean(dim=-1)

        losses = self.update_critics(batch, None if warm else actions.detach())
        temp_loss = self.update_temperature(entropy.detach())

        goal = policy.log_prob(batch.actions) if warm else self.first_value(batch.observations, actions)
        actor_loss = bounded_sum(-goal.mean(dim=-1), -entropy, self.temperature())
        self.actor_optimizer.minimize(actor_loss)
        if self.average is not None:
            move_target(self.average, self.actor, self.actor_average_rate)
        losses |= {"actor_loss": actor_loss, "temp_loss": temp_loss, "temp": self.temperature(), "entropy": entropy}
        return {name: loss.detach() for name, loss in losses.items()}

    def begin_phase(self) -> None:
        """Fresh optimizers and temperature; critics and their targets go on."""
        for optimizer in self.optimizers.values():
            optimizer.reset()
        with torch.no_grad():
            self.log_temperature.copy_(self.initial_temperature.log()[:, None, None])
        if self.average is not None:
            copy_to_target(self.average, self.actor)

    def update_critics(self, batch: Batch, actions: Tensor | None) -> dict[str, Tensor]:
        """N(P, E; β) for both critics; without `actions` of the policy, in the warm start, E alone."""
        next_pairs, targets = self.targets(batch)
        pairs = (
            [batch.pairs, next_pairs] if actions is None else [batch.pairs, next_pairs, *self.doubted(batch, actions)]
        )
        b = self.batch_size
        values = self.critics(torch.cat(pairs, dim=1)).squeeze(-1)
        data_values, backed_up = values[..., :b], self.backup(batch, values[..., b : 2 * b])
        bellman = 0.5 * (data_values - targets).square().mean(dim=-1)
        bellman = bellman + 0.5 * (data_values - backed_up).square().mean(dim=-1)
        if actions is None:
            loss, pessimism = bellman, torch.zeros_like(bellman)
        else:
            pessimism = self.pessimism(values[..., 2 * b :], data_values)
            loss = bounded_sum(pessimism, bellman, self.beta[:, None])
        self.critic_optimizer.minimize(loss.sum(dim=-1))
        project(self.critics.weights(), self.norm_bound.repeat_interleave(2))
        move_target(self.target_critics, self.critics, self.tau)
        return {"critic_loss": loss.sum(dim=-1), "bellman": bellman.mean(dim=-1), "pessimism": pessimism.mean(dim=-1)}

    @torch.no_grad()
    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(s', a') with a' ~ π(·|s'), and y = B(min_j Q̄_j(s', a')), (runs, 1, b)."""
        next_actions = self.policy(batch.next_observations).sample(batch.noise["next_action"])
        next_pairs = torch.cat([batch.next_observations, next_actions], dim=-1)
        next_values = self.target_critics(next_pairs).squeeze(-1).amin(dim=1, keepdim=True)
        return next_pairs, self.backup(batch, next_values)

    def backup(self, batch: Batch, next_values: Tensor) -> Tensor:
        """B(q') = clip(r + γ(1-d) q', Vmin, Vmax), (runs, members, b)."""
        discount = self.gamma[:, None] * batch.continues
        values = batch.rewards[:, None] + discount[:, None] * next_values
        if self.bounds is None:
            return values
        low, high = (bound[:, None, None] for bound in self.bounds)
        return torch.minimum(torch.maximum(values, low), high)

    def doubted(self, batch: Batch, actions: Tensor) -> list[Tensor]:
        """The pairs whose value is held down."""
        return [torch.cat([batch.observations, actions], dim=-1)]

    def pessimism(self, doubted_values: Tensor, data_values: Tensor) -> Tensor:
        """P_i = mean[Q_i(s,ã) - Q_i(s,a)], (runs, members)."""
        return (doubted_values - data_values).mean(dim=-1)

    def first_value(self, observations: Tensor, actions: Tensor) -> Tensor:
        return self.critics.first()(torch.cat([observations, actions], dim=-1))[:, 0, :, 0]

    def update_temperature(self, entropy: Tensor) -> Tensor:
        """λ(H - H*), whose gradient is H - H*."""
        excess = entropy + self.slab.action_size
        loss = self.log_temperature.detach()[:, 0, 0] * excess
        self.temperature_optimizer.apply([excess[:, None, None]])
        return loss

    def policy(self, observations: Tensor) -> SquashedGaussian:
        return SquashedGaussian.of(self.actor(observations)[:, 0])

    def temperature(self) -> Tensor:
        return self.log_temperature.detach()[:, 0, 0].exp()

    def act(self, observations: Tensor) -> Tensor:
        return SquashedGaussian.of((self.average or self.actor)(observations)[:, 0]).mode()


def bounded_sum(loss: Tensor, regularizer: Tensor, weight: Tensor) -> Tensor:
    """N(L, R; w) = L + wR where w ≤ 1, L/w + R where w > 1."""
    return loss * weight.reciprocal().clamp(max=1.0) + weight.clamp(max=1.0) * regularizer


@torch.no_grad()
def project(weights: list[Tensor], norm_bound: Tensor) -> None:
    """Scale each matrix of `weights`, each (k, inputs, outputs), to a Frobenius norm of at most `norm_bound` (k,)."""
    for weight in weights:
        norms = torch.linalg.vector_norm(weight, dim=(1, 2))
        weight.mul_((norm_bound / norms).clamp_(max=1.0)[:, None, None])


def value_bounds(reward_ranges: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """Vmin, Vmax, each (runs,), from the least and largest reward (runs, 2).

    Vmax = max(0, r_max/(1-γ)); Vmin = min(0, r_min/(1-γ), Vmax - 1/(1-γ)).
    """
    horizon = 1.0 / (1.0 - gamma)
    high = (reward_ranges[:, 1] * horizon).clamp(min=0.0)
    return torch.minimum(reward_ranges[:, 0] * horizon, high - horizon).clamp(max=0.0), high
