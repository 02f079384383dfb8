"""Predictions and what came of them, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.analysis.findings import Verdict
from offline_bench.report.tables.table import Column, Table, tables_of


def verdict_tables(verdicts: Sequence[Verdict]) -> tuple[Table, ...]:
    """Predictions written before the suite ran, and what came of them."""
    rows = tuple((item.name, item.text, item.verdict, item.figures) for item in verdicts)
    columns = (
        Column("prediction", text=True),
        Column("says", text=True, wide=True),
        Column("verdict", "verdict", text=True),
        Column("figures", text=True, wide=True),
    )
    cases = tuple((item.name, *case) for item in verdicts for case in item.cases)
    case_columns = (
        Column("prediction", text=True),
        Column("case", text=True),
        Column("verdict", "verdict", text=True),
        Column("figures", text=True, wide=True),
    )
    return (
        *tables_of("predictions", "Predictions and what came of them", columns, rows),
        *tables_of("prediction-cases", "Predictions for several cases, one by one", case_columns, cases),
    )
