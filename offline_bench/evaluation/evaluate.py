"""Evaluation: a policy in the true environment. No parameter here could carry a relabeled reward."""

from __future__ import annotations

from contextlib import nullcontext

from offline_bench.core.errors import EnvironmentMismatchError
from offline_bench.core.seeds import evaluation_seeds
from offline_bench.data.episode import Episode
from offline_bench.environments.make import find_step_limit
from offline_bench.environments.steppers import Steppers
from offline_bench.evaluation.policy import EpisodicPolicy, Policy
from offline_bench.evaluation.rollout import SlabPolicy, roll_out, roll_out_episodic, roll_out_slab


def evaluate(policy: Policy, environment: str, episodes: int) -> list[Episode]:
    """`episodes` episodes of the deterministic policy, from the same reset seeds for every run.

    A policy with memory is told which episode each observation is from.
    """
    seeds = evaluation_seeds(episodes)
    if isinstance(policy, EpisodicPolicy):
        return roll_out_episodic(policy.act_in, environment, seeds)
    return roll_out(policy.act, environment, seeds)


def evaluate_slab(
    policies: SlabPolicy, runs: int, environment: str, episodes: int, steppers: int | Steppers = 1
) -> list[list[Episode]]:
    """For each of `runs` runs what `evaluate` gives for it alone, with all policies asked at once.

    `steppers` is how many processes step the environment; or such as are up already, which stay up.
    Raises `EnvironmentMismatchError` where those step another one or it has no time limit, and `OfflineBenchError`
    where one of them fails.
    """
    find_step_limit(environment)
    if isinstance(steppers, Steppers) and steppers.environment != environment:
        raise EnvironmentMismatchError(f"asked to evaluate in {environment!r} on steppers of {steppers.environment!r}.")
    with Steppers(environment, steppers) if isinstance(steppers, int) else nullcontext(steppers) as crew:
        return roll_out_slab(policies.act, runs, crew, evaluation_seeds(episodes))
