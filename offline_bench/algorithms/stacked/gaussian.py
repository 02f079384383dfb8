"""Policies that are a normal distribution in every action, as d3rlpy has them, the noise given from outside.

PyTorch's softplus, sigmoid and atanh round what does not fill a vector register another way, so that a number would
depend on how many runs stand before it: here they are written with functions that do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.gradients import by_tanh

LEAST_LOG_STD, LARGEST_LOG_STD = -20.0, 2.0
LARGEST_ACTION = 0.999999
LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution: (..., a) means and logarithms of its deviation."""

    mean: Tensor
    log_std: Tensor

    def log_prob(self, actions: Tensor) -> Tensor:
        """How likely `actions` (..., a) are, (...)."""
        return log_density(self._deviations(actions), self.log_std).sum(dim=-1)

    def by_log_prob(self, actions: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """From the `gradient` (runs, b) for log π(a), z = (a - μ) / σ: that for μ, z/σ times it, (runs, b, a); that for
        log σ (runs, 1, a), the sum of z² - 1 times it."""
        gradient = gradient.unsqueeze(-1).expand_as(self.mean)
        inverse = self.log_std.neg().exp()
        by_deviations = -0.5 * gradient * (2.0 * self._deviations(actions))
        by_inverse = (by_deviations * (actions - self.mean)).sum(dim=1, keepdim=True)
        by_log_std = gradient.neg().sum(dim=1, keepdim=True) - by_inverse * inverse
        return -(by_deviations * inverse), by_log_std

    def _deviations(self, actions: Tensor) -> Tensor:
        return (actions - self.mean) * self.log_std.neg().exp()


@dataclass(frozen=True)
class Sample:
    """Actions tanh(x) (..., a) at x = μ + σ ε, with log π(a) (...)."""

    raw: Tensor
    noise: Tensor
    actions: Tensor
    log_probs: Tensor


@dataclass(frozen=True)
class SquashedGaussian:
    """tanh(x) with x normal: (..., a) means of x and logarithms of its deviation, from the `outputs` of an actor."""

    outputs: Tensor

    @property
    def mean(self) -> Tensor:
        return self.outputs.chunk(2, dim=-1)[0]

    @property
    def log_std(self) -> Tensor:
        return self.outputs.chunk(2, dim=-1)[1].clamp(LEAST_LOG_STD, LARGEST_LOG_STD)

    def repeat(self) -> SquashedGaussian:
        """The same for several samples: (runs, b, a) to (runs, 1, b, a)."""
        return SquashedGaussian(self.outputs.unsqueeze(1))

    def sample(self, noise: Tensor) -> Tensor:
        """The actions at standard normal `noise` (..., a)."""
        return torch.addcmul(self.mean, self.log_std.exp(), noise).tanh()

    def sample_with_log_prob(self, noise: Tensor) -> Sample:
        """The actions at standard normal `noise` (..., a), and how likely each of them is."""
        log_std = self.log_std
        raw = torch.addcmul(self.mean, log_std.exp(), noise)
        log_probs = log_density(noise, log_std).sub_(_log_slope(raw)).sum(dim=-1)
        return Sample(raw, noise, raw.tanh(), log_probs)

    def by_sample(
        self, sample: Sample, by_actions: Tensor | None, by_log_probs: Tensor, besides: Tensor | None = None
    ) -> Tensor:
        """From the gradients for a `sample`'s actions (..., a) and log π(a) (...) to that of the outputs (..., 2a).

        dx = (1 - a²) da + 2 a dlogπ,  dμ = dx,  dlogσ = σ ε dx - dlogπ; to which what was found `besides` is added.
        """
        by_log_probs = by_log_probs.unsqueeze(-1).expand_as(sample.raw)
        by_raw = by_log_slope(sample.raw, -by_log_probs)
        if by_actions is not None:
            by_raw = by_raw + by_tanh(by_actions, sample.actions)
        by_log_std, by_mean = -by_log_probs, by_raw
        if besides is not None:
            of_mean, of_log_std = besides.chunk(2, dim=-1)
            by_log_std, by_mean = of_log_std + by_log_std, of_mean + by_mean
        by_log_std = by_log_std + by_raw * sample.noise * self.log_std.exp()
        return torch.cat([by_mean, self._within(by_log_std)], dim=-1)

    def log_prob(self, actions: Tensor) -> Tensor:
        """How likely `actions` (..., a) are, (...)."""
        raw = _before_tanh(actions)
        return log_density((raw - self.mean) * self.log_std.neg().exp(), self.log_std).sub_(_log_slope(raw)).sum(dim=-1)

    def by_log_prob(self, actions: Tensor, gradient: Tensor) -> Tensor:
        """From the `gradient` (...) for log π(a), z = (x - μ) / σ, to that of the outputs (..., 2a).

        dμ = z/σ dlogπ,  dlogσ = (z² - 1) dlogπ.
        """
        gradient = gradient.unsqueeze(-1).expand_as(self.mean)
        error, inverse = _before_tanh(actions) - self.mean, self.log_std.neg().exp()
        by_deviations = -0.5 * gradient * (2.0 * (error * inverse))
        by_log_std = -(by_deviations * error * inverse) - gradient
        return torch.cat([-(by_deviations * inverse), self._within(by_log_std)], dim=-1)

    def mode(self) -> Tensor:
        """The actions of greedy behavior: those of the mean of x."""
        return self.mean.tanh()

    def _within(self, gradient: Tensor) -> Tensor:
        """No gradient where log σ stands at a bound."""
        raw = self.outputs.chunk(2, dim=-1)[1]
        return torch.where((raw >= LEAST_LOG_STD) & (raw <= LARGEST_LOG_STD), gradient, 0.0)


def between(least: float, largest: float, raw: Tensor) -> Tensor:
    """sigmoid(x) stretched from [0, 1] to [least, largest]."""
    return least + 0.5 * (largest - least) * (1.0 + (0.5 * raw).tanh())


def by_between(least: float, largest: float, raw: Tensor, gradient: Tensor, into: Tensor) -> None:
    """From the `gradient` for `between(least, largest, raw)` to that for `raw`."""
    into.copy_(0.5 * by_tanh(0.5 * (largest - least) * gradient, (0.5 * raw).tanh()))


def log_density(deviations: Tensor, log_std: Tensor) -> Tensor:
    """Of a normal distribution at `deviations`, counted in standard deviations from its mean."""
    return -0.5 * deviations.square() - log_std - LOG_ROOT_2PI


def by_log_slope(raw: Tensor, gradient: Tensor) -> Tensor:
    """From the `gradient` for log(d tanh(x) / dx) to that for x: -2 tanh(x) times it."""
    twice = 2.0 * gradient
    buffer = torch.ops.aten.log_sigmoid_forward(2.0 * raw)[1]
    slope: Tensor = torch.ops.aten.log_sigmoid_backward(twice, 2.0 * raw, buffer)
    return slope * 2.0 - twice


def _log_slope(raw: Tensor) -> Tensor:
    """log(d tanh(x) / dx), in the form that does not cancel."""
    return 2.0 * (math.log(2.0) - raw + torch.nn.functional.logsigmoid(2.0 * raw))


def _before_tanh(actions: Tensor) -> Tensor:
    actions = actions.clamp(-LARGEST_ACTION, LARGEST_ACTION)
    return 0.5 * (actions.log1p() - actions.neg().log1p())
