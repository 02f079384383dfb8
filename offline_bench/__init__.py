"""offline_bench: did an offline-RL score come from the reward, or from the data?"""

from offline_bench.algorithms import algorithms
from offline_bench.core.errors import OfflineBenchError
from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.data.loaders import load
from offline_bench.evaluation.evaluate import evaluate
from offline_bench.runs.experiment import Job, carry_out
from offline_bench.runs.record import Record, Run
from offline_bench.schemes.checks import check_curation, check_relabeling
from offline_bench.schemes.curate import Selection, curate, curations, select_rows
from offline_bench.schemes.relabel import relabel, relabelings

__all__ = [
    "ActionSpace",
    "Dataset",
    "Job",
    "OfflineBenchError",
    "Record",
    "Run",
    "Selection",
    "algorithms",
    "carry_out",
    "check_curation",
    "check_relabeling",
    "curate",
    "curations",
    "evaluate",
    "load",
    "relabel",
    "relabelings",
    "select_rows",
]
