"""Visit distances by source, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.analysis.findings import Partition
from offline_bench.report.tables.table import ALL, Column, Rows, Table, tables_of


def partition_tables(partitions: Sequence[Partition]) -> tuple[Table, ...]:
    """Visit distances by source, per dataset."""
    rows: Rows = tuple(
        (item.dataset or ALL, item.source, item.pseudo_f, item.r2, item.p, item.permutations) for item in partitions
    )
    columns = (
        Column("dataset", text=True),
        Column("source", text=True),
        Column("pseudo-F", "pseudo-f"),
        Column("R²", "r2", digits=3),
        Column("p", "p", digits=4),
        Column("permutations", "p"),
    )
    return tables_of("visit-distances", "Visit distances by source (PERMANOVA)", columns, rows)
