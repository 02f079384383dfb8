"""What a curation changes: score and episode length of an algorithm under several curations of one dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from offline_bench.analysis.scores.entries import Cell, DatasetTable, Leaderboard, Row
from offline_bench.core.spec import spec_name
from offline_bench.schemes.curate import curations

Lengths = dict[tuple[str, str, str, int, int, str], float]


@dataclass(frozen=True)
class CuratedCell:
    """IQM as in the leaderboard, and mean episode length in steps over the same runs; NaN where there is none."""

    value: float
    length: float
    n_ok: int
    n_expected: int


@dataclass(frozen=True)
class CuratedRow:
    """One algorithm on one curation; behavior and its length are those of what the learner was given."""

    label: str
    curation: str
    behavior: CuratedCell
    cells: tuple[CuratedCell, ...]


@dataclass(frozen=True)
class CuratedTable:
    """The rows of one dataset; their cells are in the order of `relabelings`."""

    dataset: str
    scored: bool
    relabelings: tuple[str, ...]
    rows: tuple[CuratedRow, ...]


@dataclass(frozen=True)
class Curated:
    """One table per dataset that has several curations, and what each curation does, by its own description."""

    tables: tuple[CuratedTable, ...]
    descriptions: tuple[tuple[str, str], ...]


def compare_curations(board: Leaderboard, frame: pd.DataFrame) -> Curated:
    """The rows of `board` of each algorithm with several curations of one dataset; lengths from a frame of `to_frame`.

    Where its budgets differ, the label says so: rows of different budgets differ by more than their curation.
    """
    # Runs that did not end well have no length.
    current = frame[frame["stale"] == ""]
    by = ["dataset", "curation", "algorithm", "steps", "episodes", "relabeling"]
    lengths = cast("Lengths", current.groupby(by)["length"].mean().to_dict())
    tables = tuple(_table(part, board, lengths) for part in board.tables)
    tables = tuple(part for part in tables if part.rows)
    return Curated(tables, _describe(row.curation for part in tables for row in part.rows))


def _table(part: DatasetTable, board: Leaderboard, lengths: Lengths) -> CuratedTable:
    labels = {entry.algorithm: entry.label for entry in board.algorithms}
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in part.rows:
        groups[row.algorithm].append(row)
    groups = {name: rows for name, rows in groups.items() if len({row.curation for row in rows}) > 1}
    chosen = [(labels[name] + _budget(row, rows), row) for name, rows in groups.items() for row in rows]
    shown = [at for at in range(len(board.relabelings)) if any(row.cells[at].n_expected for _, row in chosen)]
    data = {row.curation: row.length for row in board.data if row.dataset == part.dataset}
    made = []
    for label, row in chosen:
        key = (part.dataset, row.curation, row.algorithm, row.steps, row.episodes)
        cells = tuple(_cell(row.cells[at], lengths.get((*key, board.relabelings[at]), np.nan)) for at in shown)
        behavior = CuratedCell(row.behavior, data.get(row.curation, np.nan), 1, 1)
        made.append(CuratedRow(label, row.curation, behavior, cells))
    return CuratedTable(part.dataset, part.task is not None, tuple(board.relabelings[at] for at in shown), tuple(made))


def _cell(cell: Cell, length: float) -> CuratedCell:
    return CuratedCell(cell.value, length, cell.n_ok, cell.n_expected)


def _budget(row: Row, rows: list[Row]) -> str:
    steps = f", {row.steps} steps" if len({other.steps for other in rows}) > 1 else ""
    return steps + (f", {row.episodes} episodes" if len({other.episodes for other in rows}) > 1 else "")


def _describe(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """First paragraph of each curation's docstring; '' for one that is not registered here."""
    known = curations.names()
    texts = {
        name: (curations.function(spec_name(name)).__doc__ or "") if spec_name(name) in known else "" for name in names
    }
    return tuple((name, " ".join(text.split("\n\n")[0].split())) for name, text in texts.items())
