"""How long the episodes of each policy are and what it scores, beside the data it learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from offline_bench.analysis.frame import select_counted
from offline_bench.analysis.scores.leaderboard import algorithm_order, curation_order, relabeling_order
from offline_bench.data.loaders.tasks import try_task


@dataclass(frozen=True)
class RunPoint:
    """One run: mean length of its evaluation episodes in steps, and its score (true return without a card)."""

    relabeling: str
    algorithm: str
    seed: int
    length: float
    value: float


@dataclass(frozen=True)
class LengthTable:
    """The runs on one curation of one dataset, and the same two numbers of the episodes they learned from."""

    dataset: str
    curation: str
    scored: bool
    data_length: float
    data_value: float
    points: tuple[RunPoint, ...]


def run_lengths(frame: pd.DataFrame) -> tuple[LengthTable, ...]:
    """A table for each dataset and curation of a frame of `to_frame`, of the runs that ended well and are not stale."""
    groups = [
        (str(key[0]), str(key[1]), group) for key, group in select_counted(frame).groupby(["dataset", "curation"])
    ]
    groups.sort(key=lambda item: (item[0], curation_order(item[1])))
    return tuple(_table(*item) for item in groups)


def _table(dataset: str, curation: str, group: pd.DataFrame) -> LengthTable:
    scored = try_task(dataset) is not None
    value, behavior = ("score", "behavior_score") if scored else ("true_return", "behavior_return")
    columns = ["relabeling", "algorithm", "seed", "length", value]
    points = [RunPoint(*row) for row in group[columns].itertuples(index=False, name=None)]
    points = [point for point in points if np.isfinite(point.length) and np.isfinite(point.value)]
    points.sort(key=_order)
    means = group[["data_length", behavior]].mean()
    return LengthTable(dataset, curation, scored, float(means.iloc[0]), float(means.iloc[1]), tuple(points))


def _order(point: RunPoint) -> tuple[Any, ...]:
    return (relabeling_order(point.relabeling), algorithm_order(point.algorithm), point.seed, point.length, point.value)
