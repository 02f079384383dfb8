"""Policies that are a normal distribution in every action, as d3rlpy has them, the noise given from outside.

PyTorch's softplus, sigmoid and atanh round what does not fill a vector register another way, so that a number would
depend on how many runs stand before it: here they are written with functions that do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

LEAST_LOG_STD, LARGEST_LOG_STD = -20.0, 2.0
LARGEST_ACTION = 0.999999
LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class SquashedGaussian:
    """tanh(x) with x normal: (..., a) means of x and logarithms of its deviation."""

    mean: Tensor
    log_std: Tensor

    @staticmethod
    def of(outputs: Tensor) -> SquashedGaussian:
        """From the (..., 2a) outputs of an actor: means first."""
        mean, log_std = outputs.chunk(2, dim=-1)
        return SquashedGaussian(mean, log_std.clamp(LEAST_LOG_STD, LARGEST_LOG_STD))

    def repeat(self) -> SquashedGaussian:
        """The same for several samples: (runs, b, a) to (runs, 1, b, a), without a gradient."""
        return SquashedGaussian(self.mean.detach().unsqueeze(1), self.log_std.detach().unsqueeze(1))

    def sample(self, noise: Tensor) -> Tensor:
        """The actions at standard normal `noise` (..., a)."""
        return torch.addcmul(self.mean, self.log_std.exp(), noise).tanh()

    def sample_with_log_prob(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The actions at standard normal `noise` (..., a), and how likely each of them is, (...)."""
        raw = torch.addcmul(self.mean, self.log_std.exp(), noise)
        return raw.tanh(), _log_density(noise, self.log_std).sub_(_log_slope(raw)).sum(dim=-1)

    def log_prob(self, actions: Tensor) -> Tensor:
        """How likely `actions` (..., a) are, (...)."""
        actions = actions.clamp(-LARGEST_ACTION, LARGEST_ACTION)
        raw = 0.5 * (actions.log1p() - actions.neg().log1p())
        deviations = (raw - self.mean) * self.log_std.neg().exp()
        return _log_density(deviations, self.log_std).sub_(_log_slope(raw)).sum(dim=-1)

    def mode(self) -> Tensor:
        """The actions of greedy behavior: those of the mean of x."""
        return self.mean.tanh()


def between(least: float, largest: float, raw: Tensor) -> Tensor:
    """sigmoid(x) stretched from [0, 1] to [least, largest]."""
    return least + 0.5 * (largest - least) * (1.0 + (0.5 * raw).tanh())


def gaussian_log_prob(actions: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """How likely `actions` (..., a) are under a normal distribution, (...)."""
    return _log_density((actions - mean) * log_std.neg().exp(), log_std).sum(dim=-1)


def _log_density(deviations: Tensor, log_std: Tensor) -> Tensor:
    """Of a normal distribution at `deviations`, counted in standard deviations from its mean."""
    return -0.5 * deviations.square() - log_std - LOG_ROOT_2PI


def _log_slope(raw: Tensor) -> Tensor:
    """log(d tanh(x) / dx), in the form that does not cancel."""
    return 2.0 * (math.log(2.0) - raw + logsigmoid(2.0 * raw))
