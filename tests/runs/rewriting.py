"""Packed records as another hand leaves them."""

from pathlib import Path

import pyarrow
import pyarrow.parquet

from offline_bench.runs.store import PACKED


def rewrite(folder: Path, name: str, row: int, text: str) -> None:
    """Put `text` in a row of a column of the packed records of `folder`."""
    table = pyarrow.parquet.read_table(folder / PACKED)
    values = table.column(name).to_pylist()
    values[row] = text
    pyarrow.parquet.write_table(
        table.set_column(table.column_names.index(name), name, pyarrow.array(values)), folder / PACKED
    )
