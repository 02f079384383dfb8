"""How much memory a slab takes, estimated before it is built."""

from __future__ import annotations

import numpy as np

from offline_bench.algorithms.learner import Member
from offline_bench.algorithms.stacked.learner import StackedLearner
from offline_bench.dataset import Dataset

FLOAT = 4
# torch and the libraries below it, before anything is trained.
LIBRARIES = 400 * 2**20


def estimate_bytes(learner: StackedLearner, data: Dataset, episodes: int, runs: int) -> int:
    """Bytes a process needs to train and evaluate `runs` runs of `learner` on `data`, `episodes` episodes each.

    Counted: weights, targets and moments (of one run, built for it), gradients, what a forward pass keeps for the
    backward one, noise, rewards, the transitions twice (as loaded, and scaled on the device), and the episodes of an
    evaluation at the longest they can be.
    """
    from offline_bench.algorithms.stacked.draws import NUMBERS_PER_BLOCK
    from offline_bench.algorithms.stacked.slab import Setting, SlabTraining

    member = Member(learner.parameters, data, np.random.SeedSequence(0))
    training = SlabTraining(Setting(learner.algorithm(), learner.standardize, learner.reward_scaler), [member])
    algorithm = training.algorithm
    state = sum(tensor.numel() for tensor in algorithm.state().values())
    gradients = max(sum(p.numel() for p in net.parameters) for net in algorithm.networks.values())
    units = sum(algorithm.hidden_units)
    kept = algorithm.rows_in_flight() * (
        units + 4 * max(algorithm.hidden_units) + training.transitions.observation_size
    )
    drawn = 2 * min(NUMBERS_PER_BLOCK, training.draws.numbers * training.draws.block)
    wide = data.observations.shape[1] + data.actions.shape[1]
    evaluated = 3 * episodes * data.lengths.max() * wide
    per_run = FLOAT * (state + gradients + kept + drawn + data.n + evaluated)
    return int(LIBRARIES + FLOAT * 4 * data.n * (2 * wide) + runs * per_run)
