"""The leaderboard as `Table`s: scores of each dataset, and how complete the runs are."""

from __future__ import annotations

from collections import Counter

from offline_bench.analysis.findings import Estimate
from offline_bench.analysis.scores.entries import Cell, DatasetTable, Leaderboard, Row
from offline_bench.analysis.scores.leaderboard import OUTCOMES
from offline_bench.report.figures.figure import name_each
from offline_bench.report.tables.table import NAMES, Column, Rows, Table, tables_of


def leaderboard_tables(board: Leaderboard) -> tuple[Table, ...]:
    """One table per dataset: a row for each curation and algorithm, the score under each relabeling."""
    names = name_each("leaderboard", [part.dataset for part in board.tables])
    return tuple(_scores(board, part, names[part.dataset]) for part in board.tables)


def completeness_tables(board: Leaderboard) -> tuple[Table, ...]:
    """Runs that ended well out of those tried or expected, row by row, and what became of the others."""
    seen = [name for name in OUTCOMES if name in dict(board.outcomes)]
    rows: Rows = tuple(
        (part.dataset, row.curation, row.label, row.n_ok, row.n_expected, *_outcomes(row, seen))
        for part in board.tables
        for row in part.rows
    )
    columns = (
        *NAMES,
        Column("ended well", "runs"),
        Column("expected", "runs"),
        *(Column(name, "outcome") for name in seen),
    )
    return tables_of("completeness", "Completeness", columns, rows)


def _scores(board: Leaderboard, part: DatasetTable, name: str) -> Table:
    shown = [at for at in range(len(board.relabelings)) if any(row.cells[at].n_expected for row in part.rows)]
    unit = "score" if part.task else "true return"
    rows: Rows = tuple(
        (row.curation, row.label, row.behavior, *(_estimate(row.cells[at]) for at in shown), _runs(row))
        for row in part.rows
    )
    columns = (
        *NAMES[1:],
        Column("behavior", "behavior"),
        *(Column(board.relabelings[at], "score") for at in shown),
        Column("runs", "runs"),
    )
    return Table(name, f"{part.dataset}: {unit} (IQM) under each reward", columns, rows)


def _estimate(cell: Cell) -> Estimate:
    return Estimate(cell.value, cell.low, cell.high, cell.n_ok)


def _runs(row: Row) -> str:
    return f"{row.n_ok}/{row.n_expected}"


def _outcomes(row: Row, seen: list[str]) -> list[int]:
    counts: Counter[str] = Counter()
    for cell in row.cells:
        counts.update(dict(cell.outcomes))
    return [counts[name] for name in seen]
