"""One step of policy improvement: critics of the behavior, then one policy drawn from them; no value of another policy.

Source: Brandfonbrener, Whitney, Ranganath & Bruna 2021 (arXiv 2106.08909), algorithm 1 with one step, and section 4.
"""

from __future__ import annotations

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.algorithm import ValueLearner
from offline_bench.algorithms.stacked.bounded_gaussian import BoundedGaussian
from offline_bench.algorithms.stacked.draws import Draw
from offline_bench.algorithms.stacked.episode_rows import ReturnsToGo
from offline_bench.algorithms.stacked.gradients import squared_error
from offline_bench.algorithms.stacked.optimizer import copy_to_target, move_target
from offline_bench.algorithms.stacked.transitions import Batch

# What is divided by the critics' own scale is not divided by 0.
SCALE_FLOOR = 1e-8


class OneStep(ValueLearner):
    """For `n_critic_steps`, critics of the behavior and its clone β; then a policy π from these, which are fixed.

    Q_i is the value of the behavior. What π follows is Q = min_i Q_i, in units of

        s = deviation over the minibatch of A = Q(s, a) - Q(s, β(s))     normalize='deviation'
        s = mean |Q(s, a)|                                               normalize='mean-abs'
        s = 1                                                            normalize='none'

    where β(s) is the clone's greedy action. The first leaves π as it is where all rewards are multiplied, or where a
    number is added to Q. Where the reward is 0, Q is the critics' own error, and so is what π follows.
    """

    gamma: Tensor
    temperature: Tensor
    max_weight: Tensor
    alpha: Tensor
    actor_learning_rate: float
    critic_learning_rate: float
    tau: float
    n_critic_steps: int
    critic_target: str
    extraction: str
    normalize: str

    def build(self) -> None:
        o, a = self.slab.observation_size, self.slab.action_size
        self.actor = self.network("actor", o, 2 * a)
        self.critics = self.critic("critics", o + a, members=2)
        self.behavior = self.target("behavior", self.actor)
        self.target_critics = self.target("target_critics", self.critics)
        self.actor_optimizer = self.optimizer("actor_adam", [self.actor], self.actor_learning_rate)
        self.critic_optimizer = self.optimizer("critic_adam", [self.critics], self.critic_learning_rate)
        self.returns: ReturnsToGo | None = None

    def plan_draws(self) -> dict[str, Draw]:
        if self.extraction != "reverse-kl":
            return {}
        return {"action": Draw("normal", (self.batch_size, self.slab.action_size))}

    def numbers_per_row(self) -> int:
        return 2 if self.critic_target == "monte-carlo" else 0

    def update(self, batch: Batch, step: int) -> dict[str, Tensor]:
        if step < self.n_critic_steps:
            return {"critic_loss": self.update_critics(batch), "cloning_loss": self.clone(batch)}
        if step == self.n_critic_steps:
            copy_to_target(self.behavior, self.actor)
            self.actor_optimizer.reset()
        extract = {"reverse-kl": self.follow, "exp-weighted": self.imitate, "ddpg-bc": self.follow_greedily}
        return {"actor_loss": extract[self.extraction](batch)}

    def update_critics(self, batch: Batch) -> Tensor:
        """L(Q) = Σ_i mean (Q_i(s, a) - y_i)²."""
        targets = self.targets(batch)
        critics = self.critics.forward(batch.pairs)
        loss, gradient = squared_error(critics.outputs.squeeze(-1), targets)
        critics.backward(gradient.unsqueeze(-1))
        self.critic_optimizer.step()
        move_target(self.target_critics, self.critics, self.tau)
        return loss.sum(dim=-1)

    def targets(self, batch: Batch) -> Tensor:
        """y_i (runs, 2, b): each critic's own.

        sarsa        y_i = r + γ (1-d) Q̄_i(s', a') at the data's a', or β(s') where the episode was cut before it
        monte-carlo  y_i = Σ_k γ^k r_k to the episode's end; where it was cut, with γ^K Q̄_i(s_K, β(s_K)) of what is left
        """
        source, rows = batch.source, batch.rows
        if self.critic_target == "monte-carlo":
            if self.returns is None:
                self.returns = ReturnsToGo.of(source.data, source.rewards_of_runs(), self.gamma)
            rewards, weights = self.returns.at(rows)
            if not source.episodes.any_cut:
                return rewards[:, None].expand(-1, 2, -1)
            next_observations = source.next_observations_at(source.episodes.last[rows])
            next_actions = self.greedy(next_observations)
        else:
            rewards, weights = batch.rewards, self.gamma[:, None] * batch.continues
            next_observations, next_actions = batch.next_observations, batch.next_actions
            if source.episodes.any_cut:
                cut = source.episodes.cut[rows].unsqueeze(-1)
                next_actions = torch.where(cut, self.greedy(next_observations), next_actions)
        next_values = self.target_critics.values(torch.cat([next_observations, next_actions], dim=-1)).squeeze(-1)
        return rewards[:, None] + weights[:, None] * next_values

    def greedy(self, observations: Tensor) -> Tensor:
        """What the actor does at `observations` (runs, b, o)."""
        return BoundedGaussian(self.actor.values(observations)[:, 0]).mean

    def clone(self, batch: Batch) -> Tensor:
        """L(β) = -mean log β(a|s)."""
        return self.weighted_cloning(batch, torch.ones_like(batch.rewards))

    def weighted_cloning(self, batch: Batch, weights: Tensor) -> Tensor:
        """L(π) = -mean w log π(a|s), with `weights` w (runs, b)."""
        actor = self.actor.forward(batch.observations)
        policy = BoundedGaussian(actor.outputs[:, 0])
        loss = -(weights * policy.log_prob(batch.actions)).mean(dim=-1)
        actor.backward(policy.by_log_prob(batch.actions, weights * (-1.0 / self.batch_size)).unsqueeze(1))
        self.actor_optimizer.step()
        return loss

    def imitate(self, batch: Batch) -> Tensor:
        """L(π) = -mean min(exp(A / s T), w) log π(a|s) at temperature T: exponentially weighted imitation."""
        advantages, scale = self.advantages(batch)
        exponents = advantages / (scale * self.temperature)[:, None]
        return self.weighted_cloning(batch, torch.minimum(exponents.exp(), self.max_weight[:, None]))

    def follow(self, batch: Batch) -> Tensor:
        """L(π) = -mean Q(s, a) / s + T mean KL(π(·|s) || β(·|s)) at a ~ π(·|s): the reverse divergence."""
        _, scale = self.advantages(batch)
        actor, noise = self.actor.forward(batch.observations), batch.noise["action"]
        policy = BoundedGaussian(actor.outputs[:, 0])
        behavior = BoundedGaussian(self.behavior.values(batch.observations)[:, 0])
        values, by_actions = self.value_and_slope(batch.observations, policy.sample(noise), -1.0 / scale)
        divergence = policy.divergence(behavior)
        by_divergence = (self.temperature / self.batch_size)[:, None].expand_as(divergence)
        by_outputs = policy.by_sample(noise, by_actions) + policy.by_divergence(behavior, by_divergence)
        actor.backward(by_outputs.unsqueeze(1))
        self.actor_optimizer.step()
        return -values.mean(dim=-1) / scale + self.temperature * divergence.mean(dim=-1)

    def follow_greedily(self, batch: Batch) -> Tensor:
        """L(π) = -λ mean Q(s, π(s)) + mean (π(s) - a)², λ = α / mean|Q(s, π(s))|: the actor of TD3+BC."""
        actor = self.actor.forward(batch.observations)
        policy = BoundedGaussian(actor.outputs[:, 0])
        actions = policy.mean
        values, by_actions = self.value_and_slope(batch.observations, actions, torch.ones_like(self.alpha))
        weight = self.alpha / (values.abs().mean(dim=-1) + SCALE_FLOOR)
        cloning, by_cloning = squared_error(actions, batch.actions, dims=(-1, -2))
        actor.backward(policy.by_mean(by_cloning - weight[:, None, None] * by_actions).unsqueeze(1))
        self.actor_optimizer.step()
        return -weight * values.mean(dim=-1) + cloning

    def advantages(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """A (runs, b) of the data's actions, and s (runs,)."""
        greedy = BoundedGaussian(self.behavior.values(batch.observations)[:, 0]).mean
        pairs = torch.cat([batch.pairs, torch.cat([batch.observations, greedy], dim=-1)], dim=1)
        values, of_behavior = self.critics.values(pairs).squeeze(-1).amin(dim=1).chunk(2, dim=-1)
        advantages = values - of_behavior
        if self.normalize == "none":
            return advantages, torch.ones_like(self.temperature)
        if self.normalize == "mean-abs":
            return advantages, values.abs().mean(dim=-1) + SCALE_FLOOR
        centered = advantages - advantages.mean(dim=-1, keepdim=True)
        return advantages, centered.square().mean(dim=-1).sqrt() + SCALE_FLOOR

    def value_and_slope(self, observations: Tensor, actions: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Q(s, a) (runs, b), and the gradient of `weight` (runs,) times its mean for the actions, (runs, b, a)."""
        critics = self.critics.forward(torch.cat([observations, actions], dim=-1))
        values, least = critics.outputs.squeeze(-1).min(dim=1)
        share = (weight / self.batch_size)[:, None, None, None].expand(-1, 1, self.batch_size, 1)
        by_values = torch.zeros_like(critics.outputs).scatter_(1, least[:, None, :, None], share)
        # One member has the gradient, the other zeros: their sum is the one.
        return values, critics.by_inputs(by_values, self.slab.observation_size).sum(dim=1)

    def act(self, observations: Tensor) -> Tensor:
        return BoundedGaussian(self.actor(observations)[:, 0]).mean
