"""What each reward cost, and how far the policies stay with the data, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.analysis.findings import CellFacts
from offline_bench.analysis.scores.leaderboard import label_algorithms
from offline_bench.report.tables.table import NAMES, Column, Rows, Table, tables_of


def cell_tables(cells: Sequence[CellFacts]) -> tuple[Table, ...]:
    """Per dataset, curation, algorithm and reward: what the reward cost, and how the policies stay with the data."""
    labels = label_algorithms(item.algorithm for item in cells)
    rows: Rows = tuple(
        (
            item.dataset,
            item.curation,
            labels[item.algorithm],
            item.relabeling,
            *(item.score, item.gap, item.retention, item.in_support),
            *(item.concentrability, item.effective_share, item.length),
        )
        for item in cells
    )
    columns = (
        *NAMES,
        Column("reward", text=True),
        Column("score", "score"),
        Column("gap", "gap", sign=True),
        Column("retention", "retention", digits=2),
        Column("in support", "in-support", digits=3),
        Column("concentrability", "concentrability"),
        Column("effective share", "effective-share", digits=3),
        Column("length", "length", digits=0),
    )
    return tables_of("cells", "Each reward's cost, and how the policies stay with the data", columns, rows)
