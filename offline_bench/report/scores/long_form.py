"""The leaderboard as CSV in long form: one row per dataset, curation, algorithm, budget and relabeling."""

from __future__ import annotations

from collections.abc import Iterator

from offline_bench.analysis.scores.entries import Cell, DatasetTable, Leaderboard, Row
from offline_bench.analysis.scores.leaderboard import OUTCOMES, TRUE_RELABELING
from offline_bench.report.comma import comma_separated

HEADER = (
    "dataset",
    "curation",
    "algorithm",
    "steps",
    "episodes",
    "relabeling",
    "unit",
    "iqm",
    "low",
    "high",
    "behavior",
    "lift_over_behavior",
    "lift_over_bc",
    "gap",
    "survives",
    "n_ok",
    "n_expected",
    *OUTCOMES,
)


def leaderboard_csv(board: Leaderboard) -> str:
    """All numbers of the leaderboard; how they and names are written, `comma_separated` says."""
    return comma_separated(HEADER, (line for part in board.tables for row in part.rows for line in _lines(part, row)))


def _lines(part: DatasetTable, row: Row) -> Iterator[list[str | float]]:
    unit = "normalized_score" if part.task else "true_return"
    for cell in row.cells:
        names: list[str | float] = [
            part.dataset,
            row.curation,
            row.algorithm,
            row.steps,
            row.episodes,
            cell.relabeling,
            unit,
        ]
        values = [cell.value, cell.low, cell.high, row.behavior, cell.lift_over_behavior, cell.lift_over_bc, cell.gap]
        outcomes = dict(cell.outcomes)
        counts = [cell.n_ok, cell.n_expected, *(outcomes.get(name, 0) for name in OUTCOMES)]
        yield [*names, *values, _survives(cell), *counts]


def _survives(cell: Cell) -> str:
    if cell.relabeling == TRUE_RELABELING or not cell.n_ok:
        return ""
    return "yes" if cell.survives else "no"
