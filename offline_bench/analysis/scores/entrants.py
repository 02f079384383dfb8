"""The runs that count, each with its entrant, an algorithm at one budget, and its task, a dataset under a curation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.frame import select_counted
from offline_bench.analysis.scores.leaderboard import (
    algorithm_order,
    curation_order,
    label_algorithms,
    relabeling_order,
)

Array = npt.NDArray[np.float64]

ENTRANT = ["algorithm", "steps", "episodes"]


def enter_runs(frame: pd.DataFrame) -> pd.DataFrame:
    """The runs of a frame of `to_frame` that count, in the order of reports, with two more columns.

    entrant  label of the algorithm as in the leaderboard; with its budget where the algorithm has two on one task
    task     the dataset, and its curation where it has one

    The same for any order of the rows.
    """
    entrants = _name_entrants(frame)
    labels = _tell_each(frame, ENTRANT, lambda *entrant: entrants[entrant][0])
    frame = frame.assign(entrant=np.array(labels, object), task=name_tasks(frame))
    ranks = {
        "entrant_rank": _rank(_tell_each(frame, ENTRANT, lambda *entrant: entrants[entrant][1])),
        "relabeling_rank": _rank(_tell_each(frame, ["relabeling"], relabeling_order)),
        "task_rank": _rank(_tell_each(frame, ["dataset", "curation"], lambda d, c: (d, *curation_order(c)))),
    }
    return select_counted(frame.assign(**ranks)).sort_values([*ranks, "seed"], ignore_index=True)


def score_runs(frame: pd.DataFrame) -> pd.DataFrame:
    """`enter_runs`, of those alone that have a normalized score."""
    runs = enter_runs(frame)
    return cast("pd.DataFrame", runs[np.isfinite(runs["score"].to_numpy(float))])


def name_tasks(frame: pd.DataFrame) -> pd.Series[str]:
    """The task of each row, as `enter_runs` names it."""
    curation = frame["curation"].astype(str)
    return frame["dataset"].astype(str) + ("; " + curation).where(curation != "full", "")


def split_runs(runs: pd.DataFrame, *columns: str) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """The runs of `enter_runs` by the texts in `columns`, in their order there."""
    for key, group in runs.groupby(list(columns), sort=False):
        yield tuple(str(text) for text in key), group


def split_tasks(runs: pd.DataFrame, column: str = "score") -> dict[str, Array]:
    """Task → (runs,) its numbers of `column`, by seed."""
    return {str(task): values.to_numpy(float) for task, values in runs.groupby("task", sort=False)[column]}


def _name_entrants(frame: pd.DataFrame) -> dict[tuple[Any, ...], tuple[str, tuple[Any, ...]]]:
    """The label of each `ENTRANT`, and a key that sorts it: its budget is in both where the algorithm has two."""
    labels = label_algorithms(frame["algorithm"].unique())
    used = frame.groupby(["dataset", "curation", "algorithm"])[["steps", "episodes"]].nunique()
    most = used.groupby("algorithm").max()
    several = {name: set(most.index[most[name] > 1]) for name in ("steps", "episodes")}
    found = {}
    for algorithm, steps, episodes in _rows(frame, ENTRANT):
        budget = [
            (count, name) for count, name in ((steps, "steps"), (episodes, "episodes")) if algorithm in several[name]
        ]
        label = "".join([labels[algorithm], *(f", {count} {name}" for count, name in budget)])
        found[algorithm, steps, episodes] = label, (*algorithm_order(algorithm), *budget)
    return found


def _tell_each(frame: pd.DataFrame, columns: list[str], tell: Callable[..., Any]) -> list[Any]:
    """`tell` of each row's values in `columns`, asked once for all rows that share them."""
    told = [tell(*row) for row in _rows(frame, columns)]
    return [told[at] for at in frame.groupby(columns, sort=False).ngroup()]


def _rows(frame: pd.DataFrame, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """The values in `columns`, each of them once, in the order of the rows."""
    return frame[columns].drop_duplicates().itertuples(index=False, name=None)


def _rank(keys: Sequence[Any]) -> list[int]:
    ranks = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    return [ranks[key] for key in keys]
