"""Records to one frame, a row per run, and the runs of it that count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd

from offline_bench.core.collector import no_collector
from offline_bench.core.errors import RecordError
from offline_bench.data.loaders.cards import Task
from offline_bench.data.loaders.tasks import try_task
from offline_bench.runs.record import RUN_FIELDS, Record, Run
from offline_bench.runs.staleness import find_stale_among

_fields_of = attrgetter(*RUN_FIELDS)

CELL = ["dataset", "curation", "relabeling", "algorithm"]
COLUMNS = {
    "key": "string",
    "dataset": "string",
    "curation": "string",
    "relabeling": "string",
    "algorithm": "string",
    "seed": "int64",
    "steps": "int64",
    "episodes": "int64",
    "status": "string",
    "reason": "string",
    "stale": "string",
    "true_return": "float64",
    "length": "float64",
    "score": "float64",
    "behavior_return": "float64",
    "behavior_score": "float64",
    "best_return": "float64",
    "best_score": "float64",
    "transitions": "float64",
    "data_episodes": "float64",
    "data_length": "float64",
    "in_support": "float64",
    "concentrability": "float64",
    "effective_share": "float64",
}


@no_collector()
def to_frame(records: Sequence[Record]) -> pd.DataFrame:
    """One row per run, in the order of `Run`, with the columns and types of `COLUMNS`.

    true_return, length   means over the evaluation episodes at the last step; NaN unless the run is ok
    score                 true_return on the normalized scale of the dataset's card; NaN where there is no card
    behavior_*            mean true return of the whole episodes the learner's data comes from, and its score
    best_*                the same of the best tenth of these episodes, see `best_mean`; NaN where a record lacks it
    transitions, data_*   size and mean episode length of what the learner was given
    in_support, concentrability, effective_share   how far the policy stays with its data, see `support.Support`
    stale                 why the record no longer means what it did; '' where it still does

    Raises `RecordError` where two records are of one run.
    """
    counts = Counter(record.run for record in records)
    doubled = sorted(run for run, count in counts.items() if count > 1)
    if doubled:
        raise RecordError(
            f"{len(doubled)} runs have two records, the first is {doubled[0]}: read each results folder only once"
        )
    stale = find_stale_among(records)
    find = cache(try_task)
    rows = [
        _row(record, stale.get(record.run, ""), find(record.run.dataset))
        for record in sorted(records, key=lambda record: record.run)
    ]
    return pd.DataFrame({name: _column([row[name] for row in rows], name, len(rows)) for name in COLUMNS})


@no_collector()
def add_missing(frame: pd.DataFrame, expected: Iterable[Run]) -> pd.DataFrame:
    """`frame` with a row of status 'missing', without a key, for each expected run that has no record."""
    known = set(zip(*(frame[name].tolist() for name in RUN_FIELDS), strict=True))
    absent = sorted({*map(_fields_of, expected)} - known)
    if not absent:
        return frame
    told = dict(zip(RUN_FIELDS, zip(*absent, strict=True), strict=True)) | {"status": "missing"}
    # Many runs have few names: each is read as a text once.
    missing = pd.DataFrame({name: _column(told.get(name), name, len(absent)) for name in COLUMNS})
    return pd.concat([frame, missing], ignore_index=True) if len(frame) else missing


def _column(values: Sequence[Any] | str | None, name: str, length: int) -> Any:
    """A column of a frame, `length` long; of nothing, '' or NaN."""
    if COLUMNS[name] != "string":
        return np.full(length, np.nan) if values is None else np.array(values, COLUMNS[name])
    if values is None or isinstance(values, str):
        return pd.array([values or ""], dtype="string").take(np.zeros(length, int))
    places, known = pd.factorize(np.array(values, object))
    return pd.array(known, dtype="string").take(places)


def select_counted(frame: pd.DataFrame) -> pd.DataFrame:
    """The runs that count: ended well and not stale."""
    return frame[(frame["status"] == "ok") & (frame["stale"] == "")]


def keep_longest(frame: pd.DataFrame) -> pd.DataFrame:
    """One run of each cell and seed, that of the longest budget; in the order of cells and seeds."""
    run = [*CELL, "seed"]
    return frame.sort_values([*run, "steps", "episodes"]).drop_duplicates(run, keep="last")


def _row(record: Record, stale: str, task: Task | None) -> dict[str, Any]:
    true_return, length = mean_of(record.returns), mean_of(record.lengths)
    status, reason = record.status, record.reason
    if status == "ok" and not np.isfinite(true_return):
        status, reason = "failed", "it ended, but without a finite return for every evaluation episode"
    if status != "ok":
        true_return = length = np.nan
    behavior_return = _number(record.data.get("mean_return"))
    best_return = _number(record.data.get("best_return"))
    return {
        "key": record.run.key,
        **record.run.to_dict(),
        "status": status,
        "reason": reason,
        "stale": stale,
        "true_return": true_return,
        "length": length,
        "score": _normalize(task, true_return),
        "behavior_return": behavior_return,
        "behavior_score": _normalize(task, behavior_return),
        "best_return": best_return,
        "best_score": _normalize(task, best_return),
        "transitions": _number(record.data.get("transitions")),
        "data_episodes": _number(record.data.get("episodes")),
        "data_length": _number(record.data.get("mean_length")),
        **{name: _number(record.support.get(name)) for name in ("in_support", "concentrability", "effective_share")},
    }


def _normalize(task: Task | None, true_return: float) -> float:
    return float(task.normalize(true_return)) if task else np.nan


def mean_of(values: Sequence[float | None]) -> float:
    """The mean of a record's numbers; NaN where there are none, or where one was not finite."""
    # A record writes NaN as null: one bad episode makes the mean NaN and is never averaged away.
    # As `np.mean` does it, to the bit; of ten numbers, that takes longer to begin than to add them.
    return float(np.add.reduce(np.array(values, float)) / len(values)) if len(values) else np.nan


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
