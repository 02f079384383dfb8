"""Offline algorithms by name. Importing this package loads neither torch nor d3rlpy."""

from offline_bench.algorithms.learner import Learner, Snapshot, algorithms
from offline_bench.algorithms.specs import REFERENCE_ONLY, build_learner

__all__ = ["REFERENCE_ONLY", "Learner", "Snapshot", "algorithms", "build_learner"]
