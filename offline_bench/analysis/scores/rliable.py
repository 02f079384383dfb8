"""Scores in the form that the library rliable takes: a matrix (runs, tasks) for each name, in one order of tasks.

scores, tasks = to_rliable(frame)
rliable.library.get_interval_estimates(scores, lambda x: np.array([rliable.metrics.aggregate_iqm(x)]), reps=2000)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.scores.entrants import score_runs, split_runs, split_tasks
from offline_bench.core.errors import RecordError
from offline_bench.core.storage import scratch_path

Array = npt.NDArray[np.float64]

ALGORITHM = "algorithm"
ALGORITHM_AND_REWARD = "algorithm x relabeling"
TASKS = "tasks"
SCORES = "scores/"


def to_rliable(frame: pd.DataFrame, group: str = ALGORITHM_AND_REWARD) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Name → (runs, tasks), and the names of the tasks; scores over 100, as rliable has 1 for the expert.

    group   'algorithm x relabeling': 'iql, zero', over the tasks (dataset, curation); or 'algorithm': 'iql', where each
            relabeling of a dataset is a task of its own

    Rows are in the order of seeds. Two names may have different numbers of runs, the tasks of one name may not: raises
    `RecordError` naming the cell that is short, or absent, for nothing is padded or cut. Datasets without a score are
    left out.
    """
    if group not in (ALGORITHM, ALGORITHM_AND_REWARD):
        raise RecordError(f"runs are grouped by '{ALGORITHM}' or '{ALGORITHM_AND_REWARD}', not by {group!r}")
    runs = score_runs(frame)
    if group == ALGORITHM:
        runs = runs.assign(name=runs["entrant"], task=runs["task"] + "; " + runs["relabeling"])
    else:
        runs = runs.assign(name=runs["entrant"] + ", " + runs["relabeling"])
    tasks = tuple(task for (task,), _ in split_runs(runs, "task"))
    return {name: _matrix(name, split_tasks(part), tasks) for (name,), part in split_runs(runs, "name")}, tasks


def write_rliable(path: Path, scores: Mapping[str, Array], tasks: Sequence[str]) -> None:
    """Write what `to_rliable` gives to an .npz without pickle: `tasks`, and a `scores/<name>` for each name.

    Raises `StorageError` where the folder or the disk does not take it. The same scores give the same bytes. To read:

        with np.load(path) as file:
            scores = {name.removeprefix("scores/"): file[name] for name in file.files if name != "tasks"}
    """
    arrays = {TASKS: np.array(tasks, str), **{SCORES + name: matrix for name, matrix in scores.items()}}
    with scratch_path(path) as scratch, scratch.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _matrix(name: str, by_task: Mapping[str, Array], tasks: Sequence[str]) -> Array:
    most = max(len(values) for values in by_task.values())
    for task in tasks:
        count = len(by_task.get(task, ()))
        if count < most:
            raise RecordError(
                f"rliable needs equally many runs of every task, but {name} has {count} of {most} runs "
                f"on {task}. Carry out the missing runs, or pass a frame with only those tasks and seeds that every "
                "cell has."
            )
    return np.stack([by_task[task] for task in tasks], axis=1) / 100.0
