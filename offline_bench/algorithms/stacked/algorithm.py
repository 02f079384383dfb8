"""What a stacked algorithm is: networks and optimizers with a leading axis of runs, and one step of learning."""

from __future__ import annotations

import typing
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from offline_bench.algorithms.learner import Member
from offline_bench.algorithms.stacked.draws import Draw
from offline_bench.algorithms.stacked.network import Network, initialize
from offline_bench.algorithms.stacked.optimizer import Adam
from offline_bench.algorithms.stacked.transitions import Batch, Selection


@dataclass(frozen=True)
class Slab:
    """What the runs of a slab have in common, and what each of them is given.

    parameters      the algorithm's parameters, one dict per run
    weights_rngs    what draws each run's initial weights
    reward_ranges   (runs, 2) least and largest reward of each run
    n_starts        how many episodes the data has
    """

    observation_size: int
    action_size: int
    parameters: Sequence[Mapping[str, Any]]
    weights_rngs: Sequence[np.random.Generator]
    reward_ranges: Tensor
    n_starts: int = 1
    device: str = "cpu"

    @property
    def runs(self) -> int:
        return len(self.parameters)


class StackedAlgorithm(ABC):
    """Base of the stacked algorithms.

    A subclass names its parameters as annotations: one annotated `Tensor` may differ between the runs of a slab and
    is a vector (runs,); any other is the same for all of them. `networks` and `optimizers`, filled by `build`, are
    all the state there is.
    """

    hidden_units: tuple[int, ...]
    batch_size: int

    def __init__(self, slab: Slab) -> None:
        self.slab = slab
        self.runs = slab.runs
        self.networks: dict[str, Network] = {}
        self.optimizers: dict[str, Adam] = {}
        for name, kind in parameter_kinds(type(self)).items():
            values = [parameters[name] for parameters in slab.parameters]
            vector = kind is Tensor
            setattr(self, name, torch.tensor(values, dtype=torch.float32, device=slab.device) if vector else values[0])
        self.build()

    @classmethod
    def select(cls, member: Member) -> Selection | None:
        """Which rows of its data a run learns from; None means all of them."""
        return None

    @abstractmethod
    def build(self) -> None:
        """Make the networks and optimizers."""

    def plan_draws(self) -> dict[str, Draw]:
        """What chance decides in a step, beside the minibatch's rows."""
        return {}

    @abstractmethod
    def update(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """One gradient step, the first being number 0; the losses before it, each (runs,)."""

    @abstractmethod
    def act(self, observations: Tensor) -> Tensor:
        """Scaled observations (runs, e, o) to the greedy actions (runs, e, a) in [-1, 1]."""

    def rows_in_flight(self) -> int:
        """Rows of inputs whose hidden layers are in memory at once, members counted each; for estimates of memory."""
        return 6 * self.batch_size

    def numbers_per_row(self) -> int:
        """Numbers that a run keeps of each transition beside its rewards; for estimates of memory."""
        return 0

    def network(self, name: str, inputs: int, outputs: int) -> Network:
        """A new network under `name`, its initial weights drawn from each run's own generator."""
        sizes = [inputs, *self.hidden_units, outputs]
        self.networks[name] = initialize(sizes, self.slab.weights_rngs, device=self.slab.device)
        return self.networks[name]

    def target(self, name: str, source: Network) -> Network:
        """A copy of `source` under `name`."""
        self.networks[name] = source.copy()
        return self.networks[name]

    def numbers(self, name: str, initial: float | Tensor, size: int = 1) -> Network:
        """`size` trained numbers per run, parameter 0 (runs, 1, size), under `name`; `initial` for all or (runs,)."""
        values = torch.zeros(self.runs, 1, size, device=self.slab.device)
        values += initial.view(-1, 1, 1) if isinstance(initial, Tensor) else initial
        self.networks[name] = Network([values], self.runs).settle()
        return self.networks[name]

    def optimizer(self, name: str, networks: Sequence[Network], learning_rate: float) -> Adam:
        """A new optimizer of `networks` under `name`."""
        self.optimizers[name] = Adam(networks, learning_rate)
        return self.optimizers[name]

    def state(self) -> dict[str, Tensor]:
        """All tensors a checkpoint needs, by name."""
        tensors = {f"{name}.{i}": p for name, net in self.networks.items() for i, p in enumerate(net.parameters)}
        moments = {
            f"{name}.{i}": t for name, optimizer in self.optimizers.items() for i, t in enumerate(optimizer.state())
        }
        return tensors | moments

    def weights_of(self, run: int) -> dict[str, Tensor]:
        """Views of the weights of one run, by name."""
        return {f"{name}.{i}": p for name, net in self.networks.items() for i, p in enumerate(net.of_run(run))}

    def freeze(self, run: int) -> None:
        """End the training of a run that diverged: from NaN no step leads anywhere, and none reaches its neighbors."""
        for tensor in self.weights_of(run).values():
            tensor.fill_(torch.nan)


class ValueLearner(StackedAlgorithm):
    """Base of those that learn values.

    critic_hidden_units  sizes of the layers of critics and of value networks; None: those of the actor
    layer_norm           LayerNorm after each of them
    """

    critic_hidden_units: tuple[int, ...] | None
    layer_norm: bool

    def critic(self, name: str, inputs: int, members: int = 1) -> Network:
        """A new network of values under `name`, `members` to a run."""
        sizes = [inputs, *(self.critic_hidden_units or self.hidden_units), 1]
        slab = self.slab
        self.networks[name] = initialize(sizes, slab.weights_rngs, members, slab.device, self.layer_norm)
        return self.networks[name]


def parameter_kinds(algorithm: type[StackedAlgorithm]) -> dict[str, Any]:
    """The annotated parameters of `algorithm`; `Tensor` marks those that may differ within a slab."""
    return typing.get_type_hints(algorithm)
