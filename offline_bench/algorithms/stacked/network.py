"""Networks with a leading axis of runs: one batch of matrix products serves every run of a slab."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from offline_bench.algorithms.stacked.compiled import CompiledLayers, compiled_layers
from offline_bench.algorithms.stacked.layers import LibraryLayers
from offline_bench.algorithms.stacked.norm_layers import NormLayers, split_norms

Layers = LibraryLayers | NormLayers | CompiledLayers

# What is done to parameters one by one is done to whole vector registers: a rest would round in another way, and no
# number may depend on how many runs stand before it.
LANES = 16


class Network:
    """`runs` × `members` ReLU networks of one shape, their parameters stacked run by run.

    members      networks a run has of this kind: 2 for twin critics
    parameters   for each layer a weight (runs · members, inputs, outputs) and a bias (runs · members, 1, outputs); with
                 `layer_norm`, then for each hidden layer a scale and a shift (runs · members, 1, outputs)
    flat         the array in which all parameters lie end to end, padded to whole vector registers
    gradients    of each parameter, where an optimizer has the network: a backward pass writes them
    """

    flat: Tensor

    def __init__(self, parameters: Sequence[Tensor], runs: int, members: int = 1, layer_norm: bool = False) -> None:
        self.parameters = list(parameters)
        self.gradients: list[Tensor] = []
        self.runs = runs
        self.members = members
        self.layer_norm = layer_norm

    def __call__(self, inputs: Tensor) -> Tensor:
        """(runs, b, inputs), the same for every member, to (runs, members, b, outputs); for any b, nothing is kept."""
        return self._of_runs(self._library().forward(inputs, self.members, self.parameters)[1])

    def values(self, inputs: Tensor) -> Tensor:
        """As a call, in a minibatch of training."""
        return self._of_runs(self._layers(inputs).forward(inputs, self.members, self.parameters, keep=False)[1])

    def forward(self, inputs: Tensor) -> Pass:
        """As `values`, with what the way back needs."""
        layers = self._layers(inputs)
        hidden, outputs = layers.forward(inputs, self.members, self.parameters)
        return Pass(self, layers, inputs, hidden, self._of_runs(outputs))

    def _layers(self, inputs: Tensor) -> Layers:
        sizes = (inputs.shape[2], *(weight.shape[2] for weight in self.weights()))
        on_processor = inputs.device.type == "cpu"
        layers = compiled_layers(sizes, inputs.shape[1], self.layer_norm) if on_processor else None
        return layers or self._library()

    def _library(self) -> LibraryLayers | NormLayers:
        return NormLayers() if self.layer_norm else LibraryLayers()

    @cached_property
    def first(self) -> Network:
        """The first member of each run, as views."""
        views = [p.view(self.runs, self.members, *p.shape[1:])[:, 0] for p in self.parameters]
        return Network(views, self.runs, layer_norm=self.layer_norm)

    def copy(self) -> Network:
        """A copy: a target network."""
        copies = [parameter.clone() for parameter in self.parameters]
        return Network(copies, self.runs, self.members, self.layer_norm).settle()

    @property
    def room(self) -> int:
        """Numbers that `flat` takes."""
        return -(-sum(p.numel() for p in self.parameters) // LANES) * LANES

    def settle(self, flat: Tensor | None = None) -> Network:
        """Have the parameters lie in `flat` (room,), or in a new array, from now on; returns itself."""
        self.flat = torch.zeros(self.room, device=self.parameters[0].device) if flat is None else flat
        for parameter, part in zip(self.parameters, self.parts(self.flat), strict=True):
            parameter.data = part.copy_(parameter)
        return self

    def parts(self, flat: Tensor) -> list[Tensor]:
        """Views of `flat` (room,) as it holds a tensor for each parameter."""
        sizes = [p.numel() for p in self.parameters]
        parts = torch.split(flat[: sum(sizes)], sizes)
        return [part.view(p.shape) for part, p in zip(parts, self.parameters, strict=True)]

    def weights(self) -> list[Tensor]:
        """The weight matrices, without biases, scales and shifts."""
        return [weight for weight, _ in split_norms(self.parameters)[0]] if self.layer_norm else self.parameters[::2]

    def of_run(self, run: int) -> list[Tensor]:
        """Views of one run's parameters, each (members, ...)."""
        return [p.view(self.runs, self.members, *p.shape[1:])[run] for p in self.parameters]

    def _of_runs(self, outputs: Tensor) -> Tensor:
        return outputs.view(self.runs, self.members, *outputs.shape[1:])


@dataclass(frozen=True)
class Pass:
    """One forward pass of a minibatch: `outputs` (runs, members, b, outputs), and the way back."""

    network: Network
    layers: Layers
    inputs: Tensor
    hidden: list[Tensor]
    outputs: Tensor

    def backward(self, gradient: Tensor) -> None:
        """From the `gradient` of the outputs, shaped as they, to those of the network's parameters, in their places."""
        self._back(gradient, self.network.gradients, None)

    def by_inputs(self, gradient: Tensor, columns: int) -> Tensor:
        """From the `gradient` of the outputs to the inputs' from column `columns` on: (runs, members, b, ...)."""
        found = self._back(gradient, None, columns)
        assert found is not None
        return found.view(self.network.runs, self.network.members, *found.shape[1:])

    def _back(self, gradient: Tensor, into: list[Tensor] | None, columns: int | None) -> Tensor | None:
        # Sums over the minibatch go another way through memory laid otherwise, and would round otherwise.
        of_nets = gradient.reshape(-1, *gradient.shape[2:]).contiguous()
        net = self.network
        return self.layers.backward(self.inputs, net.members, net.parameters, self.hidden, of_nets, into, columns)


def initialize(
    sizes: Sequence[int],
    rngs: Sequence[np.random.Generator],
    members: int = 1,
    device: str = "cpu",
    layer_norm: bool = False,
) -> Network:
    """A network of `sizes` (inputs, hidden ..., outputs) for each run, drawn from the run's own generator.

    Weights and biases are uniform in ±1/√inputs, as `torch.nn.Linear` draws them; scales begin at 1, shifts at 0.
    """
    parameters: list[list[np.ndarray]] = []
    for rng in rngs:
        drawn = []
        for _ in range(members):
            for inputs, outputs in pairwise(sizes):
                bound = 1.0 / math.sqrt(inputs)
                drawn.append(rng.uniform(-bound, bound, (inputs, outputs)).astype(np.float32))
                drawn.append(rng.uniform(-bound, bound, (1, outputs)).astype(np.float32))
        parameters.append(drawn)
    count = 2 * (len(sizes) - 1)
    stacked = [
        np.stack([drawn[member * count + i] for drawn in parameters for member in range(members)]) for i in range(count)
    ]
    for units in sizes[1:-1] if layer_norm else ():
        stacked += [value((*stacked[0].shape[:1], 1, units), np.float32) for value in (np.ones, np.zeros)]
    return Network([torch.from_numpy(p).to(device) for p in stacked], len(rngs), members, layer_norm).settle()
