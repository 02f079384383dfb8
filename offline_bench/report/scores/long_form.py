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
# Of a suite with a gate: whether the learner reads its reward there, and on what ground that is said.
GATE = ("competence", "ground")


def leaderboard_csv(board: Leaderboard) -> str:
    """All numbers of the leaderboard; how they and names are written, `comma_separated` says."""
    gated = any(part.gated for part in board.tables)
    header = (*HEADER, *GATE) if gated else HEADER
    return comma_separated(
        header, (line for part in board.tables for row in part.rows for line in _lines(part, row, gated))
    )


def _lines(part: DatasetTable, row: Row, gated: bool) -> Iterator[list[str | float]]:
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
        yield [*names, *values, _survives(cell), *counts, *(_gate(row) if gated else [])]


def _gate(row: Row) -> list[str | float]:
    judged = row.competence
    return [judged.word, judged.ground] if judged else ["", ""]


def _survives(cell: Cell) -> str:
    if cell.relabeling == TRUE_RELABELING or not cell.n_ok:
        return ""
    return "yes" if cell.survives else "no"
