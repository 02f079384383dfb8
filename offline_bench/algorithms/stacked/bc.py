"""Behavior cloning by squared error: no reward appears in this file."""

from __future__ import annotations

from torch import Tensor

from offline_bench.algorithms.stacked.algorithm import StackedAlgorithm
from offline_bench.algorithms.stacked.gradients import by_tanh, squared_error
from offline_bench.algorithms.stacked.transitions import Batch


class BC(StackedAlgorithm):
    """A deterministic policy fitted to the actions of the data."""

    learning_rate: float

    def build(self) -> None:
        self.actor = self.network("actor", self.slab.observation_size, self.slab.action_size)
        self.actor_optimizer = self.optimizer("actor_adam", [self.actor], self.learning_rate)

    def update(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """L(π) = mean (π(s) - a)²."""
        actor = self.actor.forward(batch.observations)
        actions = actor.outputs[:, 0].tanh()
        loss, gradient = squared_error(actions, batch.actions, dims=(-1, -2))
        actor.backward(by_tanh(gradient, actions).unsqueeze(1))
        self.actor_optimizer.step()
        return {"loss": loss}

    def act(self, observations: Tensor) -> Tensor:
        return self.actor(observations)[:, 0].tanh()
