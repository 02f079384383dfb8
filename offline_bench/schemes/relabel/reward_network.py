"""A small network that tells a reward from (s, a, s′, ended): what the learned relabelings fit."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.threads import one_thread
from offline_bench.data.dataset import Dataset

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[Any]
Predict = Callable[["torch.Tensor"], "torch.Tensor"]

CHUNK = 65_536


def inputs_of(data: Dataset) -> Array:
    """(n, d) float32: observation, action, next observation, each column standardized, and whether the task ended."""
    actions = np.eye(data.action_space.n)[data.actions] if data.action_space.discrete else data.actions
    columns = np.concatenate(
        [data.observations.reshape(data.n, -1), actions, data.next_observations.reshape(data.n, -1)], axis=1
    ).astype(np.float64)
    deviation = columns.std(axis=0)
    columns = (columns - columns.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return np.concatenate([columns, data.terminals[:, None]], axis=1).astype(np.float32)


def fit_network(
    inputs: Array,
    hidden_units: tuple[int, ...],
    loss_of: Callable[[Predict, np.random.Generator], torch.Tensor],
    rng: np.random.Generator,
    updates: int = 2_000,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-4,
) -> Array:
    """(n,) float64: what an MLP with ReLU says of `inputs` (n, d) after `updates` steps of Adam on `loss_of`.

    `loss_of(predict, rng)` draws a minibatch and returns its loss; `predict` maps inputs (..., d) to rewards (...,).
    Weights are drawn from `rng`, uniformly within 1/√inputs of a layer; the same rng gives the same bits.
    Source: Kingma & Ba 2015 (Adam); decay of weights as in Loshchilov & Hutter 2019.
    """
    import torch

    with one_thread():
        layers = _draw_layers([inputs.shape[1], *hidden_units, 1], rng)
        optimizer = torch.optim.AdamW([p for layer in layers for p in layer], learning_rate, weight_decay=weight_decay)

        def predict(rows: torch.Tensor) -> torch.Tensor:
            for weights, biases in layers[:-1]:
                rows = torch.relu(rows @ weights + biases)
            weights, biases = layers[-1]
            return (rows @ weights + biases).squeeze(-1)

        for _ in range(updates):
            optimizer.zero_grad()
            loss_of(predict, rng).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            said = [predict(torch.from_numpy(inputs[at : at + CHUNK])) for at in range(0, len(inputs), CHUNK)]
            return np.asarray(torch.cat(said).numpy(), np.float64)


def _draw_layers(sizes: list[int], rng: np.random.Generator) -> list[tuple[torch.Tensor, torch.Tensor]]:
    import torch

    layers = []
    for size, following in pairwise(sizes):
        bound = 1.0 / np.sqrt(size)
        drawn = rng.uniform(-bound, bound, (size + 1, following)).astype(np.float32)
        weights, biases = torch.from_numpy(drawn[:-1].copy()), torch.from_numpy(drawn[-1].copy())
        layers.append((weights.requires_grad_(), biases.requires_grad_()))
    return layers


# What a scheme that fits a network rests on.
PARTS = (inputs_of, fit_network, _draw_layers)
