"""The leaderboard as CSV in long form: one row per dataset, curation, algorithm, budget and relabeling."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator

from offline_bench.analysis.board import Cell, DatasetTable, Leaderboard, Row
from offline_bench.analysis.leaderboard import OUTCOMES, TRUE_RELABELING

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
    """All numbers of the leaderboard, four decimals, lines end in LF; empty where there is no number."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    for part in board.tables:
        for row in part.rows:
            writer.writerows(_lines(part, row))
    return buffer.getvalue()


def _lines(part: DatasetTable, row: Row) -> Iterator[list[str | int]]:
    unit = "normalized_score" if part.task else "true_return"
    for cell in row.cells:
        names: list[str | int] = [
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
        yield [*names, *map(_decimal, values), _survives(cell), *counts]


def _survives(cell: Cell) -> str:
    if cell.relabeling == TRUE_RELABELING or not cell.n_ok:
        return ""
    return "yes" if cell.survives else "no"


def _decimal(value: float) -> str:
    text = f"{value:.4f}" if math.isfinite(value) else ""
    return "0.0000" if text == "-0.0000" else text
