"""The terms of ATAC and PSPI, each as the paper writes it. Values are (n_critics, b, 1) unless said otherwise.

Source: Cheng, Xie, Jiang, Agarwal 2022, Adversarially Trained Actor Critic for Offline RL (arXiv 2202.02446);
the pessimism of PSPI: Xie, Cheng, Jiang, Mineiro, Agarwal 2021 (arXiv 2106.06926).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

Bounds = tuple[float, float]
UNBOUNDED: Bounds = (-math.inf, math.inf)


def bounded_sum(loss: torch.Tensor, regularizer: torch.Tensor, weight: float | torch.Tensor) -> torch.Tensor:
    """N(L, R; w) = L + wR where w ≤ 1, L/w + R where w > 1: the minimizer of L + wR, no coefficient above 1."""
    return loss + weight * regularizer if weight <= 1 else loss / weight + regularizer


def backup(
    rewards: torch.Tensor,
    next_values: torch.Tensor,
    terminals: torch.Tensor,
    discount: float | torch.Tensor,
    bounds: Bounds = UNBOUNDED,
) -> torch.Tensor:
    """B(q') = clip(r + γ(1−d) q', Vmin, Vmax), shaped as `next_values`; rewards and terminals are (b, 1)."""
    return (rewards + discount * (1 - terminals) * next_values).clamp(*bounds)


def dqra(values: torch.Tensor, targets: torch.Tensor, backed_up: torch.Tensor) -> torch.Tensor:
    """E_i = ½ mean(Q_i(s,a) − y)² + ½ mean(Q_i(s,a) − B(Q_i(s',a')))², one for each critic: (n_critics,).

    targets    y, (b, 1), without gradient
    backed_up  B(Q_i(s',a')), with gradient: the second part is the residual and is differentiated on both sides
    """
    return 0.5 * mean_over_batch((values - targets) ** 2) + 0.5 * mean_over_batch((values - backed_up) ** 2)


def relative_pessimism(policy_values: torch.Tensor, data_values: torch.Tensor) -> torch.Tensor:
    """ATAC: P_i = mean[Q_i(s,ã) − Q_i(s,a)], one for each critic: (n_critics,)."""
    return mean_over_batch(policy_values - data_values)


def initial_pessimism(initial_values: torch.Tensor) -> torch.Tensor:
    """PSPI: P_i = mean Q_i(s0,π(s0)), one for each critic: (n_critics,)."""
    return mean_over_batch(initial_values)


def temperature_loss(log_temperature: torch.Tensor, entropy: torch.Tensor, target: float) -> torch.Tensor:
    """λ(H − H*), a scalar: descending it raises λ where the policy's entropy H is below the target H*."""
    return (log_temperature * (entropy.detach() - target)).sum()


def mean_over_batch(values: torch.Tensor) -> torch.Tensor:
    """(n_critics, b, 1) to (n_critics,)."""
    return values.mean(dim=(1, 2))


@torch.no_grad()
def project(parameters: Iterable[torch.Tensor], norm_bound: float) -> None:
    """Scale every weight matrix, in place, to a Frobenius norm of at most `norm_bound`; vectors (biases) are left."""
    for parameter in parameters:
        if parameter.ndim > 1:
            norm = parameter.norm()
            if norm > norm_bound:
                parameter.mul_(norm_bound / norm)


def value_bounds(reward_range: tuple[float, float], gamma: float) -> Bounds:
    """(Vmin, Vmax) of returns discounted by `gamma` < 1, from the least and the greatest reward learned from.

    Vmax = max(0, r_max/(1−γ)); Vmin = min(0, r_min/(1−γ), Vmax − 1/(1−γ)). Zero is within, an episode may end at once.
    """
    least, greatest = reward_range
    horizon = 1 / (1 - gamma)
    highest = max(0.0, greatest * horizon)
    return min(0.0, least * horizon, highest - horizon), highest
