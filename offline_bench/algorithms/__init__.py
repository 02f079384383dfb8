"""Learners: the offline algorithms by name. Importing this package loads neither torch nor d3rlpy.

What is in `__all__` may be imported; `native` is for whoever trains with d3rlpy. It imports the rooms from `core` to
`evaluation`. Read `learner.py` first: it says what a learner is; then `specs.py`, where each has its name.
"""

import offline_bench.algorithms.specs  # noqa: F401 - most names are registered there
from offline_bench.algorithms.command import PROGRAMS
from offline_bench.algorithms.contract import check_algorithm
from offline_bench.algorithms.device import describe_machine, memory_of
from offline_bench.algorithms.discrete import DISCRETE
from offline_bench.algorithms.external import EXTERNAL
from offline_bench.algorithms.fit import check_fit
from offline_bench.algorithms.learner import (
    Learner,
    Member,
    SlabSnapshot,
    Snapshot,
    algorithms,
    hash_weights,
    reads_rewards,
)
from offline_bench.algorithms.reference_only import REFERENCE_ONLY
from offline_bench.algorithms.shown import look_through
from offline_bench.algorithms.stacked.learner import (
    StackedLearner,
    open_checkpoint,
    parameters_of,
    read_checkpoint_name,
)
from offline_bench.algorithms.stacked.memory import estimate_bytes
from offline_bench.algorithms.trainers import build_learner

__all__ = [
    "DISCRETE",
    "EXTERNAL",
    "PROGRAMS",
    "REFERENCE_ONLY",
    "Learner",
    "Member",
    "SlabSnapshot",
    "Snapshot",
    "StackedLearner",
    "algorithms",
    "build_learner",
    "check_algorithm",
    "check_fit",
    "describe_machine",
    "estimate_bytes",
    "hash_weights",
    "look_through",
    "memory_of",
    "open_checkpoint",
    "parameters_of",
    "read_checkpoint_name",
    "reads_rewards",
]
