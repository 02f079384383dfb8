"""The Parquet file of packed records, read no further than it could honestly hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from offline_bench.core.reading import LARGEST, honest_size, read_start

KEY_BYTES = 8  # a key is a hash of 64 bits, which nothing packs any smaller
COLUMNS = ["key", "record"]
BATCH = 64  # rows


def read_packed(path: Path) -> Iterator[tuple[str, str]]:
    """Where each record of the file stands, for messages, and its text.

    Raises `OSError` or `ValueError` where the file cannot be read, is of another making, or would unpack to more than
    its size can hold; what was yielded before stands.
    """
    import pyarrow
    import pyarrow.parquet

    read_start(path, len(b"PAR1"))  # for what is no regular file
    left = honest_size(path.stat())
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            if not file.metadata.num_rows:
                return
            _check(file, path)
        # Equal texts are kept once, as they are in the file: some bytes can stand for many gigabytes of them.
        with pyarrow.parquet.ParquetFile(path, read_dictionary=COLUMNS) as file:
            for batch in file.iter_batches(batch_size=BATCH, columns=COLUMNS):
                _check_lengths(batch)
                for row in batch.to_pylist():
                    left -= len(str(row["record"]))
                    if left < 0:
                        raise ValueError("it unpacks to more than a file of its size can honestly hold")
                    yield f"{path} (run {row['key']})", str(row["record"])
    except pyarrow.ArrowException as error:
        raise ValueError(str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def _check(file: Any, path: Path) -> None:
    """Raise `ValueError` where the columns are not those of packed records, or promise too much."""
    import pyarrow

    schema, about, size = file.schema_arrow, file.metadata, path.stat().st_size
    for name in COLUMNS:
        kind = schema.field(name).type if name in schema.names else None
        if kind is None or not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
            raise ValueError(f"its column {name} is {kind or 'missing'} instead of texts")
    groups = [about.row_group(at) for at in range(about.num_row_groups)]
    promised = sum(group.column(at).total_uncompressed_size for group in groups for at in range(group.num_columns))
    if promised > honest_size(path.stat()) or about.num_rows > size // KEY_BYTES:
        raise ValueError(
            f"it would unpack to {about.num_rows:,} records of {promised:,} bytes, more than its {size:,} bytes can "
            "honestly hold"
        )


def _check_lengths(batch: Any) -> None:
    import pyarrow.compute

    for name in COLUMNS:
        longest = pyarrow.compute.max(pyarrow.compute.binary_length(batch.column(name).dictionary)).as_py()
        if (longest or 0) > LARGEST:
            raise ValueError(f"a text of its column {name} is larger than {LARGEST // 2**20} MiB")
