"""The frame to a leaderboard: per dataset, curation and algorithm, the score under each relabeling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd

from offline_bench.algorithms import EXTERNAL
from offline_bench.analysis.bounds import Range, measure_range
from offline_bench.analysis.frame import add_missing
from offline_bench.analysis.resampling import Resampling
from offline_bench.analysis.scores.entries import (
    FEW_SEEDS,
    AlgorithmEntry,
    Cell,
    DataRow,
    DatasetTable,
    Exclusion,
    FewSeeds,
    Leaderboard,
    Row,
)
from offline_bench.analysis.statistics import IQM, bootstrap_interval, gap, iqm, lift
from offline_bench.core.spec import spec_name
from offline_bench.data.loaders.tasks import try_task
from offline_bench.runs.record import Run

FIRST_RELABELINGS = ("original", "zero", "random", "negative")
TRUE_RELABELING = "original"
REFERENCE_ALGORITHM = "bc"
BOOTSTRAP_SEED = 20230605
OUTCOMES = ("diverged", "failed", "skipped", "stale", "missing")
ROW_KEY = ["dataset", "curation", "algorithm", "steps", "episodes"]


def build_leaderboard(frame: pd.DataFrame, expected: Iterable[Run] = (), problems: Sequence[str] = ()) -> Leaderboard:
    """The leaderboard of a frame of `to_frame`; the same for any order of its rows.

    expected   the runs of the suite: those without a record are counted as missing
    problems   a sentence per file that was refused, from `Reading.problems`
    """
    frame = add_missing(frame, expected)
    frame = frame.assign(outcome=frame["status"].mask(frame["stale"] != "", "stale"))
    frame = _sort(frame, [*ROW_KEY, "relabeling", "seed"])
    relabelings = tuple(sorted(set(frame["relabeling"].unique()), key=relabeling_order))
    labels = label_algorithms(frame["algorithm"].unique())
    datasets = sorted(frame["dataset"].unique())
    tables = tuple(_table(name, frame[frame["dataset"] == name], relabelings, labels) for name in datasets)
    excluded = _exclusions(frame)
    return Leaderboard(
        relabelings=relabelings,
        tables=tables,
        data=_data_rows(frame),
        algorithms=_algorithm_entries(frame, labels),
        failures=tuple(item for item in excluded if item.status != "stale"),
        stale=tuple(item for item in excluded if item.status == "stale"),
        problems=tuple(problems),
        few_seeds=_few_seeds([cell for table in tables for row in table.rows for cell in row.cells]),
        n_ok=int((frame["outcome"] == "ok").sum()),
        n_expected=len(frame),
        outcomes=_count_outcomes(frame["outcome"]),
    )


def label_algorithms(algorithms: Iterable[str]) -> dict[str, str]:
    """Canonical text → the name alone where it is the only text with that name, else the text itself.

    Results that were imported keep their whole text, `external(of=...)`: beside others it says what they are.
    """
    names = {text: spec_name(text) for text in algorithms}
    taken = [*names.values(), EXTERNAL, EXTERNAL]
    return {text: name if taken.count(name) == 1 else text for text, name in sorted(names.items())}


def _table(dataset: str, frame: pd.DataFrame, relabelings: tuple[str, ...], labels: dict[str, str]) -> DatasetTable:
    # Where every run failed, its scale may be what was wrong.
    task = None if (frame["outcome"] == "failed").all() else try_task(dataset)
    unit = "score" if task else "return"
    within = measure_range(dataset, "score" if task else "true_return")
    frame = frame.assign(value=frame["score" if task else "true_return"])
    current = frame[frame["stale"] == ""]
    behavior = current.groupby("curation")[f"behavior_{unit}"].mean().to_dict()
    budgets = frame.groupby(["curation", "algorithm"])[["steps", "episodes"]].nunique()
    rows = []
    for key, group in _groups(frame, ROW_KEY):
        _, curation, algorithm, steps, episodes = key
        cells = tuple(_cells(group, relabelings, within))
        several = budgets.loc[(curation, algorithm)] > 1
        label = labels[algorithm] + (f", {steps} steps" if several["steps"] else "")
        label += f", {episodes} episodes" if several["episodes"] else ""
        n_ok = sum(cell.n_ok for cell in cells)
        known = float(behavior.get(curation, np.nan))
        rows.append(Row(curation, algorithm, label, steps, episodes, known, cells, n_ok, len(group)))
    compared = [_compare(row, _find_reference(row, rows)) for row in rows]
    return DatasetTable(dataset, task, tuple(sorted(compared, key=_row_order)))


def _cells(group: pd.DataFrame, relabelings: Sequence[str], within: Range) -> Iterator[Cell]:
    """The cells of the runs in `group`, which are in the order of their relabelings and seeds.

    Every cell resamples alike: equal runs have equal intervals.
    """
    draws = Resampling(BOOTSTRAP_SEED)
    values, outcomes = group["value"].to_numpy(float), group["outcome"].to_numpy(object)
    places, known = pd.factorize(group["relabeling"])
    ends = np.searchsorted(places, range(len(known) + 1))
    slices = {name: slice(*ends[at : at + 2]) for at, name in enumerate(known)}
    for name in relabelings:
        at = slices.get(name, slice(0))
        mine, ok = outcomes[at], values[at][outcomes[at] == "ok"]
        low, high = bootstrap_interval([ok], IQM, draws, ranges=[within])
        yield Cell(name, float(iqm(ok)), low, high, len(ok), len(mine), _count_outcomes(mine))


def _count_outcomes(outcomes: Iterable[str]) -> tuple[tuple[str, int], ...]:
    counts = Counter(outcomes)
    return tuple((name, counts[name]) for name in OUTCOMES if counts[name])


def _find_reference(row: Row, rows: Sequence[Row]) -> Row | None:
    """BC on the same curation: at the same budget where there is one, with its own defaults where there are several."""
    candidates = [r for r in rows if r.curation == row.curation and spec_name(r.algorithm) == REFERENCE_ALGORITHM]
    candidates = [r for r in candidates if r.n_ok]
    budget = (row.steps, row.episodes)
    return min(candidates, key=lambda r: reference_order(r.algorithm, r.steps, r.episodes, budget), default=None)


def _compare(row: Row, reference: Row | None) -> Row:
    true_value = next((cell.value for cell in row.cells if cell.relabeling == TRUE_RELABELING), np.nan)
    cells = []
    for at, cell in enumerate(row.cells):
        over_behavior = lift(cell.value, row.behavior)
        over_bc = lift(cell.value, _reference_value(reference, at))
        survives = cell.relabeling != TRUE_RELABELING and over_behavior > 0 and over_bc > 0
        lost = gap(true_value, cell.value)
        cells.append(
            replace(cell, lift_over_behavior=over_behavior, lift_over_bc=over_bc, gap=lost, survives=bool(survives))
        )
    return replace(row, cells=tuple(cells))


def _reference_value(reference: Row | None, at: int) -> float:
    """BC under the same relabeling; it reads no reward, so where that is absent, under the one with most runs."""
    if reference is None:
        return np.nan
    same = reference.cells[at]
    return same.value if same.n_ok else max(reference.cells, key=lambda cell: cell.n_ok).value


def _data_rows(frame: pd.DataFrame) -> tuple[DataRow, ...]:
    columns = ["transitions", "data_episodes", "behavior_return", "behavior_score", "data_length"]
    # A stale record may tell of other data: it keeps its row, but not its numbers.
    numbers = frame[columns].where(frame["stale"] == "")
    means = numbers.groupby([frame["dataset"], frame["curation"]]).mean().reset_index()
    rows = [DataRow(*values) for values in means.itertuples(index=False, name=None)]
    return tuple(sorted(rows, key=lambda row: (row.dataset, curation_order(row.curation))))


def _algorithm_entries(frame: pd.DataFrame, labels: dict[str, str]) -> tuple[AlgorithmEntry, ...]:
    entries = []
    for algorithm, group in frame.groupby("algorithm"):
        used = [tuple(sorted(map(int, group[name].unique()))) for name in ("steps", "episodes", "seed")]
        entries.append(AlgorithmEntry(labels[str(algorithm)], str(algorithm), *used))
    return tuple(sorted(entries, key=lambda entry: algorithm_order(entry.algorithm)))


def _exclusions(frame: pd.DataFrame) -> tuple[Exclusion, ...]:
    left_out = frame[~frame["outcome"].isin(["ok", "missing"])]
    why = left_out["reason"].mask(left_out["outcome"] == "stale", left_out["stale"])
    items = []
    for key, group in _groups(left_out.assign(why=why), [*ROW_KEY, "relabeling", "outcome", "why"]):
        dataset, curation, algorithm, _, _, relabeling, outcome, reason = key
        names = [dataset, curation, relabeling, algorithm]
        run = " · ".join(name for name in names if name != "full")
        items.append(Exclusion(run, tuple(int(seed) for seed in group["seed"]), outcome, reason))
    return tuple(items)


def _few_seeds(cells: list[Cell]) -> FewSeeds:
    counts = [cell.n_ok for cell in cells if cell.n_ok]
    few = [count for count in counts if count < FEW_SEEDS]
    return FewSeeds(len(few), len(counts), min(few, default=0), max(few, default=0))


def _sort(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """`frame` in the order of these columns; texts by the places of their few values, which is faster."""
    keys = [pd.factorize(frame[name], sort=True)[0] for name in by]
    return frame.take(np.lexsort(keys[::-1])).reset_index(drop=True)


def _groups(frame: pd.DataFrame, by: list[str]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    for key, group in frame.groupby(by, sort=True):
        yield cast("tuple[Any, ...]", key), group


def relabeling_order(text: str) -> tuple[int, str]:
    """Sorts relabelings: the true one and its three usual rivals first."""
    return (FIRST_RELABELINGS.index(text) if text in FIRST_RELABELINGS else len(FIRST_RELABELINGS), text)


def curation_order(text: str) -> tuple[bool, str]:
    """Sorts curations: the whole dataset first."""
    return (text != "full", text)


def algorithm_order(text: str) -> tuple[bool, str]:
    """Sorts algorithms: the reference first."""
    return (spec_name(text) != REFERENCE_ALGORITHM, text)


def reference_order(algorithm: str, steps: int, episodes: int, budget: tuple[int, int]) -> tuple[Any, ...]:
    """Sorts cloning's settings by how well they stand beside a row of `budget`, its steps and episodes: best first."""
    return ((steps, episodes) != budget, algorithm != REFERENCE_ALGORITHM, algorithm, -steps)


def _row_order(row: Row) -> tuple[Any, ...]:
    return (curation_order(row.curation), algorithm_order(row.algorithm), row.steps, row.episodes)
