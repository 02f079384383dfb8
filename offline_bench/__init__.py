"""offline_bench: did an offline-RL score come from the reward, or from the data?

The public names on one screen. Importing this package loads neither torch nor d3rlpy, mujoco nor pandas.
"""

from offline_bench.algorithms import Learner, Snapshot, algorithms, check_algorithm, hash_weights
from offline_bench.core.errors import DivergedError, EnvironmentMismatchError, OfflineBenchError, SpecError
from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.data.loaders import load
from offline_bench.evaluation.evaluate import evaluate
from offline_bench.evaluation.policy import Policy
from offline_bench.runs.experiment import Job, carry_out
from offline_bench.runs.record import Record, Run
from offline_bench.schemes.checks import check_curation, check_relabeling
from offline_bench.schemes.curate import Selection, curate, curations, select_rows
from offline_bench.schemes.relabel import relabel, relabelings

__version__ = "0.1.0"

__all__ = [  # noqa: RUF022 (grouped: data, schemes, learners, runs)
    # Data
    "ActionSpace",
    "Dataset",
    "load",
    # Schemes
    "Selection",
    "check_curation",
    "check_relabeling",
    "curate",
    "curations",
    "relabel",
    "relabelings",
    "select_rows",
    # Learners
    "DivergedError",
    "Learner",
    "Policy",
    "Snapshot",
    "EnvironmentMismatchError",
    "SpecError",
    "algorithms",
    "check_algorithm",
    "hash_weights",
    # Runs
    "Job",
    "OfflineBenchError",
    "Record",
    "Run",
    "carry_out",
    "evaluate",
    "__version__",
]
