"""What the headline leans on, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.analysis.findings import Estimate, Leaning
from offline_bench.report.tables.table import Column, Rows, Table, tables_of


def leaning_tables(leanings: Sequence[Leaning]) -> tuple[Table, ...]:
    """The headline's shares for parts of the runs: one algorithm alone, or one level left out."""
    rows: Rows = tuple(
        (
            f"{item.kind} {item.factor}",
            item.level,
            item.shares.ratio,
            *(dict(item.shares.shares).get(source, Estimate()) for source in ("coverage", "reward")),
        )
        for item in leanings
    )
    columns = (
        Column("runs", text=True),
        Column("level", text=True),
        Column("coverage / reward", "ratio", digits=2),
        Column("coverage", "share", digits=3),
        Column("reward", "share", digits=3),
    )
    return tables_of("leanings", "What the answer leans on: parts of the runs", columns, rows)
