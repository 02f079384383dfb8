"""Planning: the learner that really does optimize the reward it is given, in the true environment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.algorithms.learner import Snapshot
from offline_bench.algorithms.tabular.table_policy import PlannedPolicy, draw_best
from offline_bench.core.errors import EnvironmentMismatchError
from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.environments.make import find_model
from offline_bench.environments.model import TabularModel
from offline_bench.evaluation.exact import best_actions
from offline_bench.schemes.relabel import relabel

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class PlanningLearner:
    """Backward induction over the horizon on the true model, with the rewards of the data's relabeling.

    Of the data it takes the environment and the relabeling, which it applies to a census of the model: every possible
    transition once, in an episode of its own. So a relabeling that draws does so once per transition of the model, and
    one that looks at episodes sees episodes of one step. Equals are drawn from.
    """

    trainer: str = field(default="tabular", init=False)

    def check(self) -> None:
        """There is nothing to check."""

    def check_data(self, data: Dataset) -> None:
        """See `fit.ChoosyLearner`."""
        _model_of(data)

    def learn(
        self, data: Dataset, at: Sequence[int], seed: np.random.SeedSequence, progress: Callable[[int], None]
    ) -> Iterator[Snapshot]:
        """See `Learner.learn`; exact, so that every step shows the same policy.

        Raises `EnvironmentMismatchError` where the environment shows no tabular model.
        """
        model = _model_of(data)
        rewards = relabel_model(model, data.relabeling, _relabeling_seed(seed))
        (draws,) = seed.spawn(1)
        actions = draw_best(best_actions(model, rewards), np.random.default_rng(draws))
        digest = hashlib.sha256(rewards.tobytes() + actions.tobytes()).hexdigest()[:16]
        for step in at:
            yield Snapshot(step, PlannedPolicy(model, actions), {}, digest)


def _model_of(data: Dataset) -> TabularModel:
    model = find_model(data.environment) if data.environment else None
    if model is None:
        raise EnvironmentMismatchError(
            f"dataset {data.id!r}: its environment {data.environment or '(none)'} shows no tabular model, "
            "and planning needs one."
        )
    return model


def relabel_model(model: TabularModel, relabeling: str, seed: int) -> Array:
    """The rewards (S, A, K) of `model` under a relabeling; 0 for outcomes that never are."""
    rewards = np.zeros(model.rewards.shape)
    rewards[_possible(model)] = relabel(take_census(model), relabeling, seed).rewards
    return rewards


def take_census(model: TabularModel) -> Dataset:
    """Every possible transition of `model` once, with its true reward, in an episode of its own."""
    states, actions, outcomes = np.nonzero(_possible(model))
    onto = model.successors[states, actions, outcomes]
    ended = model.terminal[onto]
    return Dataset(
        id="census",
        environment="",
        action_space=ActionSpace(np.empty(0, np.float32), np.empty(0, np.float32), model.n_actions),
        observations=model.observations[states],
        actions=actions,
        next_observations=model.observations[onto],
        true_rewards=model.rewards[states, actions, outcomes].astype(np.float32),
        terminals=ended,
        timeouts=~ended,
    )


def _possible(model: TabularModel) -> Array:
    possible: Array = (model.probabilities > 0) & ~model.terminal[:, None, None]
    return possible


def _relabeling_seed(seed: np.random.SeedSequence) -> int:
    # A run's streams all start from its seed, see `seeds`; the census is relabeled as its data was.
    if not isinstance(seed.entropy, int):
        raise TypeError("planning takes its relabeling's seed from a SeedSequence of one number.")
    return seed.entropy
