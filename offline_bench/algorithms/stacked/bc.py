"""Behavior cloning by squared error: no reward appears in this file."""

from __future__ import annotations

from torch import Tensor

from offline_bench.algorithms.stacked.algorithm import StackedAlgorithm
from offline_bench.algorithms.stacked.transitions import Batch


class BC(StackedAlgorithm):
    """A deterministic policy fitted to the actions of the data."""

    learning_rate: float

    def build(self) -> None:
        self.actor = self.network("actor", self.slab.observation_size, self.slab.action_size)
        self.actor_optimizer = self.optimizer("actor_adam", self.actor.parameters, self.learning_rate)

    def update(self, batch: Batch, step: int) -> dict[str, Tensor]:
        loss = (self.act(batch.observations) - batch.actions).square().mean(dim=(-1, -2))
        self.actor_optimizer.minimize(loss)
        return {"loss": loss.detach()}

    def act(self, observations: Tensor) -> Tensor:
        return self.actor(observations)[:, 0].tanh()
