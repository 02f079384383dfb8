"""Offline algorithms by name. Importing this package loads neither torch nor d3rlpy."""

from offline_bench.algorithms.device import memory_of
from offline_bench.algorithms.discrete import DISCRETE
from offline_bench.algorithms.learner import Learner, Member, SlabSnapshot, Snapshot, algorithms
from offline_bench.algorithms.specs import REFERENCE_ONLY, build_learner
from offline_bench.algorithms.stacked.learner import (
    StackedLearner,
    open_checkpoint,
    parameters_of,
    read_checkpoint_name,
)
from offline_bench.algorithms.stacked.memory import estimate_bytes

__all__ = [
    "DISCRETE",
    "REFERENCE_ONLY",
    "Learner",
    "Member",
    "SlabSnapshot",
    "Snapshot",
    "StackedLearner",
    "algorithms",
    "build_learner",
    "estimate_bytes",
    "memory_of",
    "open_checkpoint",
    "parameters_of",
    "read_checkpoint_name",
]
