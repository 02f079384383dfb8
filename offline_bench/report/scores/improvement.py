"""Whether one reward's runs outscore another's, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.analysis.findings import Improvement
from offline_bench.analysis.scores.leaderboard import label_algorithms
from offline_bench.report.tables.table import Column, Rows, Table, tables_of


def improvement_tables(improvements: Sequence[Improvement]) -> tuple[Table, ...]:
    """Whether one reward's runs outscore another's, per algorithm."""
    labels = label_algorithms(item.algorithm for item in improvements)
    rows: Rows = tuple(
        (labels[item.algorithm], item.first, item.second, item.probability, item.tasks) for item in improvements
    )
    columns = (
        Column("algorithm", text=True),
        Column("first", text=True),
        Column("second", text=True),
        Column("P(first > second)", "improvement", digits=2),
        Column("tasks", "task"),
    )
    return tables_of("improvement", "Probability that a run under the first reward is the better", columns, rows)
