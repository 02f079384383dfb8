"""Decision Transformer: the learner that is handed reward as an input, and its policy with a memory."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.algorithms.determinism import held_stream, seeded
from offline_bench.algorithms.device import select_device
from offline_bench.algorithms.learner import Snapshot
from offline_bench.algorithms.library import import_d3rlpy
from offline_bench.algorithms.reference import PROGRESS_EVERY, action_scaler, observation_scaler, snapshot_of
from offline_bench.algorithms.trajectories import ReturnSchedule, TrajectorySampler, schedule_returns
from offline_bench.core.errors import DivergedError, EnvironmentMismatchError, SpecError
from offline_bench.core.threads import one_thread
from offline_bench.data.dataset import Dataset

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TransformerLearner:
    """d3rlpy's Decision Transformer: clones actions given the last steps and the return still to come.

    It learns from no reward but through the return-to-go it is conditioned on; see `ReturnSchedule` for what it is
    conditioned on when it acts. The paper has 128 hidden units, 3 layers and a context of 20, trained for 100,000
    steps of which the learning rate rises over the first 10,000. Source: Chen et al. 2021.

    context_size     K, the steps it looks back on
    hidden_size      width of every token; `num_heads` divides it
    max_timestep     time steps above it share its embedding, as do those above the data's longest episode
    return_scale     divides returns-to-go; by default the largest absolute one of the data
    target_return    the return it is asked for; by default the `target_quantile` of the episodes' returns
    spend            whether the target falls as an episode goes on
    standardize      observations to zero mean and unit deviation over the dataset
    """

    context_size: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    hidden_size: int = 64
    num_heads: int = 1
    num_layers: int = 2
    dropout: float = 0.1
    weight_decay: float = 1e-4
    clip_gradient: float = 0.25
    warmup_steps: int = 500
    max_timestep: int = 1000
    target_quantile: float = 0.9
    target_return: float | None = None
    return_scale: float | None = None
    spend: bool = True
    standardize: bool = True
    device: str = "cpu"
    trainer: str = field(default="d3rlpy", init=False)

    def check(self) -> None:
        """Raise `SpecError` where a parameter is out of range."""
        select_device(self.device)
        for name in ("context_size", "batch_size", "hidden_size", "num_heads", "num_layers", "max_timestep"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 1:
                raise SpecError(f"{name} is a positive whole number, not {getattr(self, name)!r}")
        if self.hidden_size % self.num_heads:
            raise SpecError(f"num_heads must divide hidden_size ({self.hidden_size}), and {self.num_heads} does not")
        for name in ("target_quantile", "dropout"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise SpecError(f"{name} must be in [0, 1], not {getattr(self, name)!r}")
        if self.target_return is not None and not math.isfinite(self.target_return):
            raise SpecError(f"target_return is a finite number, not {self.target_return!r}")
        if self.return_scale is not None and not 0.0 < self.return_scale < math.inf:
            raise SpecError(f"return_scale is a positive number, not {self.return_scale!r}")

    def check_data(self, data: Dataset) -> None:
        """See `fit.ChoosyLearner`."""
        if data.action_space.discrete or data.observations.ndim != 2:
            raise EnvironmentMismatchError(
                f"dataset {data.id!r} has discrete actions or observations that are not vectors: "
                "DecisionTransformer learns continuous actions from vectors."
            )

    def learn(
        self, data: Dataset, at: Sequence[int], seed: np.random.SeedSequence, progress: Callable[[int], None]
    ) -> Iterator[Snapshot]:
        """See `Learner.learn`; the facts are the schedule of returns and the last time step told apart."""
        weights_seed, minibatch_seed = seed.spawn(2)
        schedule = schedule_returns(data, self.target_quantile, self.target_return, self.return_scale, self.spend)
        with one_thread(), seeded(weights_seed):
            algorithm = self._create(data)
            last = algorithm.config.max_timestep
            rng = np.random.default_rng(minibatch_seed)
            sampler = TrajectorySampler(data, self.context_size, self.batch_size, rng, schedule.scale, last)
            losses: dict[str, list[float]] = defaultdict(list)
            for step in range(1, at[-1] + 1):
                for name, loss in algorithm.update(sampler.sample()).items():
                    if not math.isfinite(loss):
                        raise DivergedError(step, name)
                    losses[name].append(float(loss))
                if step % PROGRESS_EVERY == 0:
                    progress(step)
                if step in at:
                    seen, policy = snapshot_of(algorithm, step, losses), TransformerPolicy(algorithm, schedule)
                    with held_stream():
                        yield replace(seen, policy=policy, facts=_facts(schedule, last))
                    losses.clear()

    def _create(self, data: Dataset) -> Any:
        self.check()
        self.check_data(data)
        d3rlpy = import_d3rlpy()
        warmup = d3rlpy.optimizers.WarmupSchedulerFactory(self.warmup_steps) if self.warmup_steps else None
        algorithm = d3rlpy.algos.DecisionTransformerConfig(
            context_size=self.context_size,
            max_timestep=min(self.max_timestep, int(data.lengths.max())),
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            encoder_factory=d3rlpy.models.VectorEncoderFactory([self.hidden_size], exclude_last_activation=True),
            optim_factory=d3rlpy.optimizers.AdamWFactory(
                weight_decay=self.weight_decay, clip_grad_norm=self.clip_gradient, lr_scheduler_factory=warmup
            ),
            num_heads=self.num_heads,
            num_layers=self.num_layers,
            attn_dropout=self.dropout,
            resid_dropout=self.dropout,
            embed_dropout=self.dropout,
            observation_scaler=observation_scaler(data) if self.standardize else None,
            action_scaler=action_scaler(data),
        ).create(device=select_device(self.device))
        algorithm.create_impl(data.observations.shape[1:], data.actions.shape[1])
        return algorithm


def _facts(schedule: ReturnSchedule, max_timestep: int) -> dict[str, float]:
    return {
        "target_return": schedule.target,
        "spending_rate": schedule.spending_rate,
        "return_scale": schedule.scale,
        "max_timestep": float(max_timestep),
    }


@dataclass(frozen=True)
class Context:
    """The last K steps of b episodes, the latest in the last place; zeros stand before an episode's first.

    observations (b, K, observation_size), actions (b, K, action_size), steps (b,) each episode has had.
    """

    observations: Array
    actions: Array
    steps: Array

    def recall(self, rows: Sequence[int | None]) -> Context:
        """The context with these of its rows; None starts an episode."""
        new = np.array([place for place, row in enumerate(rows) if row is not None], dtype=np.intp)
        old = np.array([row for row in rows if row is not None], dtype=np.intp)
        arrays = []
        for array in (self.observations, self.actions, self.steps):
            arrays.append(np.zeros((len(rows), *array.shape[1:]), array.dtype))
            arrays[-1][new] = array[old]
        return Context(*arrays)

    def move_on(self, observations: Array) -> Context:
        """The context one step later, with `observations` (b, observation_size) and no action yet in the last place."""
        seen = np.concatenate([self.observations[:, 1:], observations[:, None]], axis=1)
        done = np.concatenate([self.actions[:, 1:], np.zeros_like(self.actions[:, :1])], axis=1)
        return Context(seen, done, self.steps + 1)


class TransformerPolicy:
    """Decision Transformer's action given the last K steps and what is left of the target return; see `EpisodicPolicy`.

    It remembers the episodes of its latest call alone.
    """

    def __init__(self, algorithm: Any, schedule: ReturnSchedule) -> None:
        (size,), actions = algorithm.impl.observation_shape, algorithm.impl.action_size
        k = algorithm.config.context_size
        self._algorithm = algorithm
        self._schedule = schedule
        self._nothing = Context(
            np.zeros((0, k, size), np.float32), np.zeros((0, k, actions), np.float32), np.zeros(0, np.int64)
        )
        self._context = self._nothing
        self._row_of: dict[int, int] = {}

    def act(self, observations: Array) -> Array:
        """Observations (b, observation_size), each the first of an episode, to actions (b, action_size), float32."""
        context = self._nothing.recall([None] * len(observations))
        return self._decide(context.move_on(observations.astype(np.float32, copy=False)))

    def act_in(self, episodes: Array, observations: Array) -> Array:
        """Observations (b, observation_size), each the next of its episode, to actions (b, action_size), float32."""
        context = self._context.recall([self._row_of.get(int(episode)) for episode in episodes])
        self._context = context.move_on(observations.astype(np.float32, copy=False))
        self._row_of = {int(episode): row for row, episode in enumerate(episodes)}
        actions = self._decide(self._context)
        self._context.actions[:, -1] = actions
        return actions

    def _decide(self, context: Context) -> Array:
        import torch

        # No row has had more steps than `width`: what stands before is padding, which the masks hide anyway.
        width = min(context.observations.shape[1], int(context.steps.max(initial=1)))
        timesteps = context.steps[:, None] + np.arange(1 - width, 1)
        padding = (timesteps < 1).astype(np.float32)
        to_go = self._schedule.returns_to_go(timesteps - 1) * (1.0 - padding)
        observations = torch.from_numpy(context.observations[:, -width:])
        actions = torch.from_numpy(context.actions[:, -width:])
        impl, config = self._algorithm.impl, self._algorithm.config
        if config.observation_scaler:
            observations = config.observation_scaler.transform(observations)
        if config.action_scaler:
            actions = config.action_scaler.transform(actions)
        impl.modules.set_eval()
        with torch.no_grad():
            chosen = impl.modules.transformer(
                observations.contiguous(),
                actions,
                torch.from_numpy(to_go)[..., None],
                torch.from_numpy(np.clip(timesteps, 0, config.max_timestep)),
                torch.from_numpy(padding),
            )[:, -1]
            if config.action_scaler:
                chosen = config.action_scaler.reverse_transform(chosen)
        decided: Array = chosen.numpy()
        return decided
