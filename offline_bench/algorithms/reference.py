"""The reference trainer: drives any of d3rlpy's Q-learning algorithms, one run at a time."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.algorithms.determinism import held_stream, seeded
from offline_bench.algorithms.device import select_device
from offline_bench.algorithms.learner import Snapshot
from offline_bench.algorithms.library import import_d3rlpy
from offline_bench.algorithms.ranges import check_ranges
from offline_bench.algorithms.reward_scaling import RETURN_RANGE, check_reward_scaler, find_return_scale, tell_scaling
from offline_bench.algorithms.sampler import MinibatchSampler
from offline_bench.core.errors import DatasetError, DivergedError, EnvironmentMismatchError, SpecError
from offline_bench.core.registry import unknown_name
from offline_bench.core.threads import one_thread
from offline_bench.data.action_range import find_action_range
from offline_bench.data.dataset import Dataset

Array = npt.NDArray[Any]

PROGRESS_EVERY = 200


@dataclass(frozen=True)
class ReferenceLearner:
    """One of d3rlpy's algorithms, or of `native`, by the name of its config class, with one setting for every reward.

    hidden_units     sizes of the ReLU layers of every network
    critic_hidden_units, layer_norm  sizes of those of critics and value networks instead, and LayerNorm after each
    standardize      observations to zero mean and unit deviation over the dataset
    reward_scaler    one of `REWARD_SCALERS`, fitted to the rewards learned from
    parameters       further fields of the config, as d3rlpy names them
    """

    config: str
    hidden_units: tuple[int, ...] = (256, 256)
    standardize: bool = True
    reward_scaler: str = "none"
    parameters: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    critic_hidden_units: tuple[int, ...] | None = None
    layer_norm: bool = False
    trainer: str = field(default="d3rlpy", init=False)

    @property
    def reads_rewards(self) -> bool:
        """See `learner.reads_rewards`."""
        return self.config not in ("BCConfig", "DiscreteBCConfig")

    def check(self) -> None:
        """Raise `SpecError` where the config has no such parameter, or does not take its value."""
        select_device(self.device)
        layers = {"hidden_units": self.hidden_units, "critic_hidden_units": self.critic_hidden_units}
        check_ranges(self.config.removesuffix("Config"), {**self.parameters, **layers})
        known = {f.name for f in fields(_config_class(self.config))}
        for name in self.parameters:
            if name not in known:
                raise SpecError(unknown_name(f"parameter of d3rlpy's {self.config}", name, known))
        check_reward_scaler(self.reward_scaler)

    def check_data(self, data: Dataset) -> None:
        """See `fit.ChoosyLearner`."""
        discrete = _takes_discrete(_config_class(self.config))
        if data.action_space.discrete != discrete or data.observations.ndim != 2:
            wrong, right = ("continuous", "discrete") if discrete else ("discrete", "continuous")
            raise EnvironmentMismatchError(
                f"dataset {data.id!r} has {wrong} actions or observations that are not vectors: "
                f"{self.config.removesuffix('Config')} learns {right} actions from vectors."
            )

    def learn(
        self, data: Dataset, at: Sequence[int], seed: np.random.SeedSequence, progress: Callable[[int], None]
    ) -> Iterator[Snapshot]:
        """See `Learner.learn`; one call of d3rlpy's `update` per gradient step, on one thread."""
        weights_seed, minibatch_seed = seed.spawn(2)
        with one_thread(), seeded(weights_seed):
            algorithm = self._create(data)
            sampler = MinibatchSampler(data, algorithm.batch_size, np.random.default_rng(minibatch_seed))
            losses: dict[str, list[float]] = defaultdict(list)
            facts = tell_scaling(data, self.reward_scaler)
            for step in range(1, at[-1] + 1):
                for name, loss in algorithm.update(sampler.sample()).items():
                    if not math.isfinite(loss):
                        raise DivergedError(step, name)
                    losses[name].append(float(loss))
                if step % PROGRESS_EVERY == 0:
                    progress(step)
                if step in at:
                    with held_stream():
                        yield replace(snapshot_of(algorithm, step, losses), facts=facts)
                    losses.clear()

    def _encoders(self, config: Any) -> dict[str, Any]:
        build = import_d3rlpy().models.VectorEncoderFactory
        sizes = self.critic_hidden_units or self.hidden_units
        others = build(hidden_units=list(self.hidden_units))
        values = build(hidden_units=list(sizes), use_layer_norm=self.layer_norm)
        names = [f.name for f in fields(config) if f.name.endswith("encoder_factory")]
        return {name: values if name.startswith(("critic", "value")) else others for name in names}

    def _create(self, data: Dataset) -> Any:
        self.check()
        self.check_data(data)
        config = _config_class(self.config)
        discrete = data.action_space.discrete
        algorithm = config(
            **self._encoders(config),
            observation_scaler=observation_scaler(data) if self.standardize else None,
            action_scaler=None if discrete else action_scaler(data),
            reward_scaler=_reward_scaler(data, self.reward_scaler),
            **self.parameters,
        ).create(device=select_device(self.device))
        algorithm.create_impl(data.observations.shape[1:], data.action_space.n if discrete else data.actions.shape[1])
        if hasattr(algorithm, "observe"):
            rewards = float(data.rewards.min()), float(data.rewards.max())
            algorithm.observe(data.observations[data.episode_starts], rewards)
        return algorithm


@dataclass(frozen=True)
class ReferencePolicy:
    """The greedy policy of a d3rlpy algorithm, as it stands when asked; discrete actions are (b,) int64."""

    algorithm: Any

    def act(self, observations: Array) -> Array:
        """Observations (b, *observation_shape) to actions (b, action_size), float32."""
        actions: Array = self.algorithm.predict(observations.astype(np.float32, copy=False))
        return actions


def _config_class(name: str) -> Any:
    from offline_bench.algorithms import native

    return getattr(native if name in native.__all__ else import_d3rlpy().algos, name)


def _takes_discrete(config: Any) -> bool:
    discrete: bool = config().create().get_action_type() == import_d3rlpy().ActionSpace.DISCRETE
    return discrete


def snapshot_of(algorithm: Any, step: int, losses: dict[str, list[float]]) -> Snapshot:
    import torch

    digest = hashlib.sha256()
    for name, module in sorted(algorithm.impl.modules.get_torch_modules().items()):
        for key, tensor in module.state_dict().items():
            if not torch.isfinite(tensor).all():
                raise DivergedError(step, f"{name}.{key}")
            digest.update(f"{name}.{key}".encode())
            digest.update(tensor.cpu().numpy().tobytes())
    means = {name: float(np.mean(values)) for name, values in losses.items()}
    return Snapshot(step, ReferencePolicy(algorithm), means, digest.hexdigest()[:16])


def observation_scaler(data: Dataset) -> Any:
    mean = data.observations.mean(axis=0, dtype=np.float64)
    deviation = data.observations.std(axis=0, dtype=np.float64)
    scaler = import_d3rlpy().preprocessing.StandardObservationScaler
    return scaler(mean=mean.astype(np.float32), std=deviation.astype(np.float32))


def action_scaler(data: Dataset) -> Any:
    box = find_action_range(data)
    if box.is_unit:
        return None
    if box.constant.any():
        from offline_bench.algorithms.constant_actions import ConstantActionScaler

        return ConstantActionScaler(minimum=box.low, maximum=box.high)
    return import_d3rlpy().preprocessing.MinMaxActionScaler(minimum=box.low, maximum=box.high)


def _reward_scaler(data: Dataset, kind: str) -> Any:
    scalers, rewards = import_d3rlpy().preprocessing, data.rewards
    if kind == "none":
        return None
    if kind == "return-range":
        spread = RETURN_RANGE / find_return_scale(data)
        return scalers.ReturnBasedRewardScaler(return_max=spread, return_min=0.0, multiplier=RETURN_RANGE)
    if np.ptp(rewards) == 0:
        raise DatasetError(f"reward scaler {kind!r} divides by the spread of the rewards, and these are constant.")
    if kind == "min-max":
        return scalers.MinMaxRewardScaler(minimum=float(rewards.min()), maximum=float(rewards.max()))
    return scalers.StandardRewardScaler(mean=float(rewards.mean()), std=float(rewards.std()))
