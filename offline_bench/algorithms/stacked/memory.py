"""How much memory a slab takes, estimated before it is built."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from offline_bench.algorithms.learner import Member
from offline_bench.algorithms.stacked.learner import StackedLearner
from offline_bench.data.extent import Extent
from offline_bench.evaluation.rollout import SIDE_BY_SIDE

FLOAT = 4
# Before anything is trained torch and the libraries below it, and the stepper with its own; afterwards scikit-learn,
# which tells how far a policy stays with the data.
LIBRARIES = 530 * 2**20
# In the stepper, each.
ENVIRONMENT = 1.1 * 2**20
# The dataset as loaded, another one from before, as curated, and as scaled; the last has copies while it is made.
COPIES_OF_DATA = 6


@dataclass(frozen=True)
class _Counts:
    """How many numbers one run has: `fixed`, however long the data is, and so many `per_row` of it."""

    fixed: int
    per_row: int


def estimate_bytes(learner: StackedLearner, extent: Extent, episodes: int, runs: int) -> int:
    """Bytes a process and its stepper need for `runs` runs of `learner` on data of that `extent`.

    They are evaluated in `episodes` episodes. Counted: weights, targets and moments, twice more while a checkpoint is
    written; gradients; what a forward pass keeps for the backward one; noise; rewards; the rows learned from, as if all
    were, where a learner chooses some; the transitions; and of an evaluation the environments and the episodes, these
    at their longest.
    """
    wide = sum(extent.observation_shape) + len(extent.least)
    counts = _count_once(learner, extent)
    evaluated = 3 * episodes * extent.longest * wide
    per_run = FLOAT * (counts.fixed + counts.per_row * extent.n + evaluated)
    per_run += int(ENVIRONMENT * min(episodes, SIDE_BY_SIDE))
    return LIBRARIES + FLOAT * COPIES_OF_DATA * extent.n * 2 * wide + runs * per_run


_known: dict[Hashable, _Counts] = {}


def _count_once(learner: StackedLearner, extent: Extent) -> _Counts:
    """`_count`, built once for all data of the same sizes."""
    sizes = (extent.observation_shape, extent.discrete, len(extent.least))
    what = (learner.name, repr(sorted(learner.parameters.items())), learner.standardize, sizes)
    if what not in _known:
        _known[what] = _count(learner, extent)
    return _known[what]


def _count(learner: StackedLearner, extent: Extent) -> _Counts:
    """What a run of `learner` has, built for two transitions of the same sizes."""
    from offline_bench.algorithms.stacked.algorithm import ValueLearner
    from offline_bench.algorithms.stacked.draws import NUMBERS_PER_BLOCK
    from offline_bench.algorithms.stacked.slab import Setting, SlabTraining

    data = extent.stand_in()
    member = Member(learner.parameters, data, np.random.SeedSequence(0))
    # Scaled rewards take no more room, and constant ones cannot be scaled.
    training = SlabTraining(Setting(learner.algorithm(), learner.standardize, "none"), [member])
    algorithm = training.algorithm
    state = sum(tensor.numel() for tensor in algorithm.state().values())
    gradients = max(sum(p.numel() for p in net.parameters) for net in algorithm.networks.values())
    hidden = algorithm.hidden_units
    if isinstance(algorithm, ValueLearner):
        hidden = max(hidden, algorithm.critic_hidden_units or hidden, key=sum)
    # The widest may be held three times: twice for the way back, and once normalized.
    units = sum(hidden) + 3 * max(hidden)
    kept = algorithm.rows_in_flight() * (units + 3 * (data.observations.shape[1] + data.actions.shape[1]))
    drawn = 2 * min(NUMBERS_PER_BLOCK, training.draws.numbers * training.draws.block)
    selected = 0 if isinstance(training.transitions.counts, int) else 2
    return _Counts(3 * state + 2 * gradients + kept + drawn, 2 + algorithm.numbers_per_row() + selected)
