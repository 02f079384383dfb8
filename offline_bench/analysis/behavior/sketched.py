"""The runs whose visits can be compared, with their sketches: only those of one environment can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.frame import keep_longest, select_counted
from offline_bench.data.loaders.tasks import try_task

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sketched:
    """Runs whose sketches can be compared, in the order of their cells and seeds.

    name      the dataset's id, or the environment's name where they are of several datasets
    runs      (n) rows of the frame
    sketches  (n, features)
    """

    name: str
    runs: pd.DataFrame
    sketches: Array

    def of_dataset(self, dataset: str) -> Sketched:
        """The runs of one dataset alone."""
        kept = (self.runs["dataset"] == dataset).to_numpy(bool)
        return Sketched(dataset, self.runs[kept].reset_index(drop=True), self.sketches[kept])

    @property
    def datasets(self) -> tuple[str, ...]:
        return tuple(sorted(str(name) for name in set(self.runs["dataset"])))


def gather_sketches(frame: pd.DataFrame, sketches: Mapping[str, Sequence[float] | Array]) -> tuple[Sketched, ...]:
    """The runs of `frame` that count and have a sketch, a group for each environment and scale of visits.

    sketches: key of a run → its sketch; runs without one, or with an empty one, are left out. Where a cell has a seed
    at several budgets, the longest counts. A dataset without a task is a group of its own.
    """
    rows = keep_longest(select_counted(frame))
    known = np.array([len(sketches.get(str(key), ())) > 0 for key in rows["key"]], bool)
    rows = rows[known].reset_index(drop=True)
    places = {str(dataset): _place(str(dataset)) for dataset in rows["dataset"].unique()}
    found = []
    for place in sorted(set(places.values())):
        here = np.array([places[str(dataset)] == place for dataset in rows["dataset"]], bool)
        group = rows[here].reset_index(drop=True)
        name = place[0] if group["dataset"].nunique() > 1 else str(group["dataset"].iloc[0])
        found.append(Sketched(name, group, np.array([sketches[str(key)] for key in group["key"]], float)))
    return tuple(sorted(found, key=lambda one: one.name))


def _place(dataset: str) -> tuple[str, tuple[float, ...], tuple[float, ...]]:
    task = try_task(dataset)
    return (task.environment, task.observation_mean, task.observation_scale) if task else (dataset, (), ())
