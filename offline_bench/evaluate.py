"""Evaluation: a policy in the true environment. No parameter here could carry a relabeled reward."""

from __future__ import annotations

from offline_bench.policy import Policy
from offline_bench.rollout import Episode, roll_out
from offline_bench.seeds import evaluation_seeds


def evaluate(policy: Policy, environment: str, episodes: int) -> list[Episode]:
    """`episodes` episodes of the deterministic policy, from the same reset seeds for every run."""
    return roll_out(policy.act, environment, evaluation_seeds(episodes))
