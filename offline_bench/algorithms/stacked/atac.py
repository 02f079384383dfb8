"""ATAC: a critic as pessimistic about the policy, relative to the data, as Bellman's equation lets it be.

Source: Cheng, Xie, Jiang, Agarwal 2022 (arXiv 2202.02446); `algorithms/native` has the same, one run at a time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.algorithm import ValueLearner
from offline_bench.algorithms.stacked.draws import Draw
from offline_bench.algorithms.stacked.gaussian import Sample, SquashedGaussian
from offline_bench.algorithms.stacked.network import Pass
from offline_bench.algorithms.stacked.optimizer import copy_to_target, move_target
from offline_bench.algorithms.stacked.transitions import Batch


class ATAC(ValueLearner):
    """Two critics; the actor follows one of them. A warm start of cloning comes first."""

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
        self.critics = self.critic("critics", o + a, members=2)
        self.target_critics = self.target("target_critics", self.critics)
        self.log_temperature = self.numbers("log_temp", self.initial_temperature.log())
        self.average = self.target("average_actor", self.actor) if self.actor_average_rate > 0 else None
        self.actor_optimizer = self.optimizer("actor_adam", [self.actor], self.actor_learning_rate)
        self.critic_optimizer = self.optimizer("critic_adam", [self.critics], self.critic_learning_rate)
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
        actor = self.actor.forward(batch.observations)
        policy = SquashedGaussian(actor.outputs[:, 0])
        sample = policy.sample_with_log_prob(batch.noise["action"])
        entropy = -sample.log_probs.mean(dim=-1)
        losses = self.update_critics(batch, None if warm else sample.actions)
        losses["temp_loss"] = self.update_temperature(entropy)
        losses["actor_loss"] = self.update_actor(batch, actor, sample, entropy, warm)
        if self.average is not None:
            move_target(self.average, self.actor, self.actor_average_rate)
        return losses | {"temp": self.temperature(), "entropy": entropy}

    def update_actor(self, batch: Batch, actor: Pass, sample: Sample, entropy: Tensor, warm: bool) -> Tensor:
        """L(π) = N(-G, -H; α), where G is mean Q_1(s, π(s)), or mean log π(a|s) in the warm start."""
        policy = SquashedGaussian(actor.outputs[:, 0])
        of_goal, of_entropy = weights_of_sum(self.temperature())
        by_goal = (-of_goal / self.batch_size)[:, None].expand_as(sample.log_probs)
        by_log_probs = (of_entropy / self.batch_size)[:, None].expand_as(sample.log_probs)
        if warm:
            goal = policy.log_prob(batch.actions)
            by_outputs = policy.by_sample(sample, None, by_log_probs, policy.by_log_prob(batch.actions, by_goal))
        else:
            critic = self.critics.first.forward(torch.cat([batch.observations, sample.actions], dim=-1))
            goal = critic.outputs[:, 0, :, 0]
            by_actions = critic.by_inputs(by_goal[:, None, :, None], self.slab.observation_size)[:, 0]
            by_outputs = policy.by_sample(sample, by_actions, by_log_probs)
        actor.backward(by_outputs.unsqueeze(1))
        self.actor_optimizer.step()
        return bounded_sum(-goal.mean(dim=-1), -entropy, self.temperature())

    def begin_phase(self) -> None:
        """Fresh optimizers and temperature; critics and their targets go on."""
        for optimizer in self.optimizers.values():
            optimizer.reset()
        self.log_temperature.parameters[0].copy_(self.initial_temperature.log()[:, None, None])
        if self.average is not None:
            copy_to_target(self.average, self.actor)

    def update_critics(self, batch: Batch, actions: Tensor | None) -> dict[str, Tensor]:
        """L(Q_i) = N(P_i, E_i; β) for both critics; without `actions` of the policy, in the warm start, E_i alone.

        E_i = ½ mean (Q_i(s, a) - y)² + ½ mean (Q_i(s, a) - B(Q_i(s', a')))², differentiated on both sides.
        """
        next_pairs, targets = self.targets(batch)
        doubted = [] if actions is None else self.doubted(batch, actions)
        critics = self.critics.forward(torch.cat([batch.pairs, next_pairs, *doubted], dim=1))
        data_values, next_values, *doubted_values = torch.split(critics.outputs.squeeze(-1), self.batch_size, dim=-1)
        to_targets, residual = data_values - targets, data_values - self.backup(batch, next_values)
        bellman = 0.5 * to_targets.square().mean(dim=-1) + 0.5 * residual.square().mean(dim=-1)
        no_weight = torch.ones_like(self.beta)
        of_pessimism, of_bellman = (no_weight, no_weight) if actions is None else weights_of_sum(self.beta)
        share = (0.5 * of_bellman / self.batch_size)[:, None, None]
        by_residual = share * (2.0 * residual)
        by_next_values = self.by_backup(batch, next_values, -by_residual)
        by_pessimism, pessimism = [], torch.zeros_like(bellman)
        if actions is not None:
            pessimism = self.pessimism(doubted_values[0], data_values)
            by_pessimism = self.by_pessimism((of_pessimism / self.batch_size)[:, None, None].expand_as(data_values))
            by_residual = by_residual + by_pessimism.pop()
        by_data_values = by_residual + share * (2.0 * to_targets)
        critics.backward(torch.cat([by_data_values, by_next_values, *by_pessimism], dim=-1).unsqueeze(-1))
        self.critic_optimizer.step()
        project(self.critics.weights(), self.norm_bound.repeat_interleave(2))
        move_target(self.target_critics, self.critics, self.tau)
        loss = bellman if actions is None else bounded_sum(pessimism, bellman, self.beta[:, None])
        return {"critic_loss": loss.sum(dim=-1), "bellman": bellman.mean(dim=-1), "pessimism": pessimism.mean(dim=-1)}

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(s', a') with a' ~ π(·|s'), and y = B(min_j Q̄_j(s', a')), (runs, 1, b)."""
        next_actions = self.policy(batch.next_observations).sample(batch.noise["next_action"])
        next_pairs = torch.cat([batch.next_observations, next_actions], dim=-1)
        next_values = self.target_critics.values(next_pairs).squeeze(-1).amin(dim=1, keepdim=True)
        return next_pairs, self.backup(batch, next_values)

    def backup(self, batch: Batch, next_values: Tensor) -> Tensor:
        """B(q') = clip(r + γ(1-d) q', Vmin, Vmax), (runs, members, b)."""
        values = batch.rewards[:, None] + self.discount(batch) * next_values
        if self.bounds is None:
            return values
        low, high = (bound[:, None, None] for bound in self.bounds)
        return torch.minimum(torch.maximum(values, low), high)

    def by_backup(self, batch: Batch, next_values: Tensor, gradient: Tensor) -> Tensor:
        """From the `gradient` for B(q') to that for q': γ(1-d) times it, 0 where B clips."""
        if self.bounds is not None:
            low, high = (bound[:, None, None] for bound in self.bounds)
            values = batch.rewards[:, None] + self.discount(batch) * next_values
            gradient = torch.where((values < low) | (values > high), 0.0, gradient)
        return gradient * self.discount(batch)

    def discount(self, batch: Batch) -> Tensor:
        """γ(1-d), (runs, 1, b)."""
        return (self.gamma[:, None] * batch.continues)[:, None]

    def doubted(self, batch: Batch, actions: Tensor) -> list[Tensor]:
        """The pairs whose value is held down."""
        return [torch.cat([batch.observations, actions], dim=-1)]

    def pessimism(self, doubted_values: Tensor, data_values: Tensor) -> Tensor:
        """P_i = mean[Q_i(s,ã) - Q_i(s,a)], (runs, members)."""
        return (doubted_values - data_values).mean(dim=-1)

    def by_pessimism(self, gradient: Tensor) -> list[Tensor]:
        """From the `gradient` (runs, members, b) for each row of P to those for Q_i(s,ã) and for Q_i(s,a)."""
        return [gradient, -gradient]

    def update_temperature(self, entropy: Tensor) -> Tensor:
        """λ(H - H*), whose gradient is H - H*."""
        excess = entropy + self.slab.action_size
        loss = self.log_temperature.parameters[0][:, 0, 0] * excess
        self.log_temperature.gradients[0].copy_(excess[:, None, None])
        self.temperature_optimizer.step()
        return loss

    def policy(self, observations: Tensor) -> SquashedGaussian:
        return SquashedGaussian(self.actor.values(observations)[:, 0])

    def temperature(self) -> Tensor:
        """(runs,)."""
        return self.log_temperature.parameters[0][:, 0, 0].exp()

    def act(self, observations: Tensor) -> Tensor:
        return SquashedGaussian((self.average or self.actor)(observations)[:, 0]).mode()


def bounded_sum(loss: Tensor, regularizer: Tensor, weight: Tensor) -> Tensor:
    """N(L, R; w) = L + wR where w ≤ 1, L/w + R where w > 1."""
    of_loss, of_regularizer = weights_of_sum(weight)
    return loss * of_loss + of_regularizer * regularizer


def weights_of_sum(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Those of L and of R in N(L, R; w)."""
    return weight.reciprocal().clamp(max=1.0), weight.clamp(max=1.0)


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
