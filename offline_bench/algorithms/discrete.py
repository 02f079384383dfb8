"""The algorithms for discrete actions by name: tabular ones of our own, and d3rlpy's.

The tabular ones are exact: they take any number of gradient steps, and none of them changes anything.
"""

from __future__ import annotations

from offline_bench.algorithms.learner import Learner, algorithms
from offline_bench.algorithms.tabular.learners import CountingLearner, IteratingLearner
from offline_bench.algorithms.tabular.planning import PlanningLearner
from offline_bench.algorithms.trainers import reference_learner

DISCRETE = ("discrete-bc", "discrete-cql", "dqn", "planning", "tabular-bc", "value-iteration", "vi-lcb")


@algorithms.register("tabular-bc")
def tabular_bc() -> Learner:
    """Behavior cloning by counting: the action taken most often where the data has been."""
    return CountingLearner()


@algorithms.register("vi-lcb")
def vi_lcb(*, gamma: float = 0.95, beta: float = 1.0, delta: float = 0.1) -> Learner:
    """Value iteration with a count-based lower confidence bound. Source: Rashidinejad et al. 2021, Xie et al. 2021."""
    return IteratingLearner(gamma, beta, delta)


@algorithms.register("value-iteration")
def value_iteration(*, gamma: float = 0.95, unseen: float = 0.0) -> Learner:
    """Value iteration on the empirical model: the control without pessimism. An unseen pair has the value `unseen`."""
    return IteratingLearner(gamma, unseen=unseen)


@algorithms.register("planning")
def planning() -> Learner:
    """Backward induction on the true model with the reward it is given: the learner that optimizes just that."""
    return PlanningLearner()


@algorithms.register("discrete-bc")
def discrete_bc(
    *,
    learning_rate: float = 1e-3,
    beta: float = 0.5,
    batch_size: int = 128,
    hidden_units: tuple[int, ...] = (64, 64),
    standardize: bool = False,
) -> Learner:
    """Behavior cloning of discrete actions by likelihood, by d3rlpy: reads no reward."""
    return reference_learner("DiscreteBCConfig", locals())


@algorithms.register("discrete-cql")
def discrete_cql(
    *,
    alpha: float = 1.0,
    learning_rate: float = 1e-3,
    gamma: float = 0.95,
    n_critics: int = 1,
    target_update_interval: int = 100,
    batch_size: int = 128,
    hidden_units: tuple[int, ...] = (64, 64),
    standardize: bool = False,
    reward_scaler: str = "none",
) -> Learner:
    """Conservative Q-learning for discrete actions, on double DQN, by d3rlpy. Source: Kumar et al. 2020."""
    return reference_learner("DiscreteCQLConfig", locals())


@algorithms.register("dqn")
def dqn(
    *,
    learning_rate: float = 1e-3,
    gamma: float = 0.95,
    n_critics: int = 1,
    target_update_interval: int = 100,
    batch_size: int = 128,
    hidden_units: tuple[int, ...] = (64, 64),
    standardize: bool = False,
    reward_scaler: str = "none",
) -> Learner:
    """Deep Q-network, on offline data: the control without pessimism, by d3rlpy. Source: Mnih et al. 2015."""
    return reference_learner("DQNConfig", locals())
