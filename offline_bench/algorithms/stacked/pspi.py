"""PSPI: ATAC with absolute pessimism, at the states where episodes start.

Source: Xie et al. 2021 (arXiv 2106.06926), in the form Cheng et al. 2022 compare it in.
"""

from __future__ import annotations

import torch
from torch import Tensor

from offline_bench.algorithms.stacked.atac import ATAC
from offline_bench.algorithms.stacked.draws import Draw
from offline_bench.algorithms.stacked.transitions import Batch


class PSPI(ATAC):
    """The critics hold down Q(s0, π(s0)) instead of Q(s, π(s)) - Q(s, a)."""

    def plan_draws(self) -> dict[str, Draw]:
        starts = Draw("index", (self.batch_size,), self.slab.n_starts)
        first_actions = Draw("normal", (self.batch_size, self.slab.action_size))
        return {**super().plan_draws(), "starts": starts, "first_action": first_actions}

    def doubted(self, batch: Batch, actions: Tensor) -> list[Tensor]:
        assert batch.starts is not None
        first_actions = self.policy(batch.starts).sample(batch.noise["first_action"])
        return [torch.cat([batch.starts, first_actions], dim=-1)]

    def pessimism(self, doubted_values: Tensor, data_values: Tensor) -> Tensor:
        """P_i = mean Q_i(s0, π(s0)), (runs, members)."""
        return doubted_values.mean(dim=-1)

    def by_pessimism(self, gradient: Tensor) -> list[Tensor]:
        """From the `gradient` (runs, members, b) for each row of P to those for Q_i(s0, π(s0)) and for Q_i(s,a)."""
        return [gradient, torch.zeros_like(gradient)]
