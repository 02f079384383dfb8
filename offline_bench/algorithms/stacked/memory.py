"""How much memory a slab takes, estimated before it is built."""

from __future__ import annotations

import numpy as np

from offline_bench.algorithms.learner import Member
from offline_bench.algorithms.stacked.learner import StackedLearner
from offline_bench.data.dataset import Dataset
from offline_bench.evaluation.rollout import SIDE_BY_SIDE

FLOAT = 4
# Before anything is trained torch and the libraries below it, and the stepper with its own; afterwards scikit-learn,
# which tells how far a policy stays with the data.
LIBRARIES = 530 * 2**20
# In the stepper, each.
ENVIRONMENT = 1.1 * 2**20
# The dataset as loaded, another one from before, as curated, and as scaled; the last has copies while it is made.
COPIES_OF_DATA = 6


def estimate_bytes(learner: StackedLearner, data: Dataset, episodes: int, runs: int) -> int:
    """Bytes a process and its stepper need for `runs` runs of `learner` on `data`, evaluated in `episodes` episodes.

    Counted: weights, targets and moments (of one run, built for it), twice more while a checkpoint is written;
    gradients; what a forward pass keeps for the backward one; noise; rewards; the rows learned from, where these are
    not all; the transitions; and of an evaluation the environments and the episodes, these at their longest.
    """
    from offline_bench.algorithms.stacked.algorithm import ValueLearner
    from offline_bench.algorithms.stacked.draws import NUMBERS_PER_BLOCK
    from offline_bench.algorithms.stacked.slab import Setting, SlabTraining

    member = Member(learner.parameters, data, np.random.SeedSequence(0))
    training = SlabTraining(Setting(learner.algorithm(), learner.standardize, learner.reward_scaler), [member])
    algorithm = training.algorithm
    state = sum(tensor.numel() for tensor in algorithm.state().values())
    gradients = max(sum(p.numel() for p in net.parameters) for net in algorithm.networks.values())
    wide = data.observations.shape[1] + data.actions.shape[1]
    hidden = algorithm.hidden_units
    if isinstance(algorithm, ValueLearner):
        hidden = max(hidden, algorithm.critic_hidden_units or hidden, key=sum)
    # The widest may be held three times: twice for the way back, and once normalized.
    units = sum(hidden) + 3 * max(hidden)
    kept = algorithm.rows_in_flight() * (units + 3 * wide)
    drawn = 2 * min(NUMBERS_PER_BLOCK, training.draws.numbers * training.draws.block)
    counts = training.transitions.counts
    selected = 0 if isinstance(counts, int) else sum(counts)
    evaluated = 3 * episodes * int(data.lengths.max()) * wide
    rows = 2 * data.n + algorithm.numbers_per_row() * data.n + 2 * selected
    per_run: int = FLOAT * (3 * state + 2 * gradients + kept + drawn + rows + evaluated)
    per_run += int(ENVIRONMENT * min(episodes, SIDE_BY_SIDE))
    shared: int = LIBRARIES + FLOAT * COPIES_OF_DATA * data.n * 2 * wide
    return shared + runs * per_run
