"""What a trained policy is: something that acts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import DatasetError, EvaluationError
from offline_bench.core.storage import scratch_path

Array = npt.NDArray[Any]

FORMAT = "offline-bench/gaussian-policy/1"


class Policy(Protocol):
    """Anything that maps observations (b, *observation_shape) to actions (b, action_size) or (b,)."""

    def act(self, observations: Array) -> Array: ...


@runtime_checkable
class EpisodicPolicy(Policy, Protocol):
    """A policy with memory: `episodes` (b,) names the episode each row of observations (b, *observation_shape) is from.

    A number not seen before starts a new episode, and one left out of a call is over: no number may come back.
    """

    def act_in(self, episodes: Array, observations: Array) -> Array: ...


@dataclass(frozen=True)
class ToldReturns:
    """The true returns that an external program reports of its policy. They are not evaluated here."""

    returns: tuple[float, ...]

    def act(self, observations: Array) -> Array:
        """Raises `EvaluationError`."""
        raise EvaluationError("an external program sent only returns, so there is no policy that could act here")


@dataclass(frozen=True)
class GaussianPolicy:
    """A ReLU network with a tanh-squashed Gaussian head, as soft actor-critic trains it.

    `layers` are (weight (out, in), bias (out,)) pairs of the trunk; `mean` and `log_std` are such pairs
    for the head. Actions lie in the box [low, high], each (action_size,).
    Source: Haarnoja et al. 2018, appendix C.
    """

    layers: tuple[tuple[Array, Array], ...]
    mean: tuple[Array, Array]
    log_std: tuple[Array, Array]
    low: Array
    high: Array

    def act(self, observations: Array) -> Array:
        """The mode of the policy: tanh of the Gaussian's mean, in the box."""
        return self._to_box(np.tanh(_affine(self._features(observations), self.mean)))

    def sample(self, observations: Array, rng: np.random.Generator, precision: Any = np.float32) -> Array:
        """One draw from the policy per observation (b, *observation_shape), always float32.

        In float64 the draws are the same on any processor: they round differently far below the last bit of a float32.
        """
        features = self._features(observations, precision)
        mean = _affine(features, self.mean)
        deviation = np.exp(np.clip(_affine(features, self.log_std), -20.0, 2.0))
        noise = rng.standard_normal(mean.shape, dtype=precision)
        return self._to_box(np.tanh(mean + deviation * noise))

    def _features(self, observations: Array, precision: Any = np.float32) -> Array:
        hidden = observations.reshape(len(observations), -1).astype(precision)
        for layer in self.layers:
            hidden = np.maximum(_affine(hidden, layer), 0.0)
        return hidden

    def _to_box(self, squashed: Array) -> Array:
        scaled: Array = self.low + 0.5 * (squashed + 1.0) * (self.high - self.low)
        return scaled.astype(np.float32)


def _affine(inputs: Array, layer: tuple[Array, Array]) -> Array:
    weight, bias = layer
    outputs: Array = inputs @ weight.T.astype(inputs.dtype, copy=False) + bias
    return outputs


def save_policy(policy: GaussianPolicy, path: Path, notes: dict[str, str] | None = None) -> None:
    """Write `policy` as safetensors, with `notes` in its header. Raises `StorageError`."""
    from safetensors.numpy import save_file

    tensors = {"low": policy.low, "high": policy.high}
    heads = {"mean": policy.mean, "log_std": policy.log_std}
    named = {f"layer{i}": layer for i, layer in enumerate(policy.layers)} | heads
    for name, (weight, bias) in named.items():
        tensors |= {f"{name}.weight": weight, f"{name}.bias": bias}
    contiguous = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in tensors.items()}
    with scratch_path(path) as scratch:
        save_file(contiguous, scratch, metadata={**(notes or {}), "format": FORMAT})


def load_policy(path: Path) -> GaussianPolicy:
    """Read what `save_policy` wrote. Raises `DatasetError` naming the file where it cannot."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            if (file.metadata() or {}).get("format") != FORMAT:
                raise DatasetError(f"{path} is not a policy of this project: its header lacks format {FORMAT!r}.")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise DatasetError(f"cannot read the policy {path}: {error}") from error
    count = sum(name.startswith("layer") and name.endswith(".weight") for name in tensors)
    pairs = {
        name: (tensors[f"{name}.weight"], tensors[f"{name}.bias"])
        for name in [*(f"layer{i}" for i in range(count)), "mean", "log_std"]
    }
    layers = tuple(pairs[f"layer{i}"] for i in range(count))
    return GaussianPolicy(layers, pairs["mean"], pairs["log_std"], tensors["low"], tensors["high"])
