"""A normal distribution in every action, of bounded mean and deviation that both depend on the state.

Source: Brandfonbrener et al. 2021, whose code bounds the mean by tanh and log σ to [-5, 0], and truncates the
distribution to the box. Here what is drawn is clipped to the box instead: so the divergence of two policies has a
closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.gaussian import between, by_between, log_density
from offline_bench.algorithms.stacked.gradients import by_tanh

LEAST_LOG_STD, LARGEST_LOG_STD = -5.0, 0.0


@dataclass(frozen=True)
class BoundedGaussian:
    """From the `outputs` (runs, b, 2a) of an actor: μ = tanh of the first half, log σ between its bounds."""

    outputs: Tensor

    @property
    def mean(self) -> Tensor:
        """μ (runs, b, a): also the greedy action."""
        return self.outputs.chunk(2, dim=-1)[0].tanh()

    @property
    def log_std(self) -> Tensor:
        return between(LEAST_LOG_STD, LARGEST_LOG_STD, self.outputs.chunk(2, dim=-1)[1])

    def log_prob(self, actions: Tensor) -> Tensor:
        """How likely `actions` (runs, b, a) are, (runs, b)."""
        log_std = self.log_std
        return log_density((actions - self.mean) * log_std.neg().exp(), log_std).sum(dim=-1)

    def by_log_prob(self, actions: Tensor, gradient: Tensor) -> Tensor:
        """From the `gradient` (runs, b) for log π(a), z = (a - μ) / σ, to that of the outputs.

        dμ = z/σ dlogπ,  dlogσ = (z² - 1) dlogπ.
        """
        inverse, gradient = self.log_std.neg().exp(), gradient.unsqueeze(-1)
        deviations = (actions - self.mean) * inverse
        return self._by_outputs(deviations * inverse * gradient, (deviations.square() - 1.0) * gradient)

    def sample(self, noise: Tensor) -> Tensor:
        """The actions clip(μ + σ ε, -1, 1) at standard normal `noise` ε (runs, b, a)."""
        return self._raw(noise).clamp(-1.0, 1.0)

    def by_sample(self, noise: Tensor, gradient: Tensor) -> Tensor:
        """From the `gradient` (runs, b, a) for the actions at `noise` to that of the outputs; 0 where they are clipped.

        dμ = da,  dlogσ = σ ε da.
        """
        gradient = torch.where(self._raw(noise).abs() <= 1.0, gradient, 0.0)
        return self._by_outputs(gradient, self.log_std.exp() * noise * gradient)

    def divergence(self, other: BoundedGaussian) -> Tensor:
        """KL(π || π') = Σ_a [log σ'/σ + (σ² + (μ - μ')²) / 2σ'² - ½], (runs, b), before actions are clipped."""
        log_ratio, shift = self._compare(other)
        return (0.5 * ((2.0 * log_ratio).exp() + shift.square() - 1.0) - log_ratio).sum(dim=-1)

    def by_divergence(self, other: BoundedGaussian, gradient: Tensor) -> Tensor:
        """From the `gradient` (runs, b) for KL(π || π') to that of π's outputs.

        dμ = (μ - μ') / σ'² dKL,  dlogσ = (σ²/σ'² - 1) dKL.
        """
        log_ratio, shift = self._compare(other)
        gradient = gradient.unsqueeze(-1)
        by_mean = shift * other.log_std.neg().exp() * gradient
        return self._by_outputs(by_mean, ((2.0 * log_ratio).exp() - 1.0) * gradient)

    def by_mean(self, gradient: Tensor) -> Tensor:
        """From the `gradient` (runs, b, a) for μ to that of the outputs."""
        return self._by_outputs(gradient, torch.zeros_like(gradient))

    def _compare(self, other: BoundedGaussian) -> tuple[Tensor, Tensor]:
        """log σ/σ' and (μ - μ') / σ'."""
        return self.log_std - other.log_std, (self.mean - other.mean) * other.log_std.neg().exp()

    def _raw(self, noise: Tensor) -> Tensor:
        return torch.addcmul(self.mean, self.log_std.exp(), noise)

    def _by_outputs(self, by_mean: Tensor, by_log_std: Tensor) -> Tensor:
        by_outputs = torch.empty_like(self.outputs)
        of_mean, of_log_std = by_outputs.chunk(2, dim=-1)
        of_mean.copy_(by_tanh(by_mean, self.mean))
        by_between(LEAST_LOG_STD, LARGEST_LOG_STD, self.outputs.chunk(2, dim=-1)[1], by_log_std, into=of_log_std)
        return by_outputs
