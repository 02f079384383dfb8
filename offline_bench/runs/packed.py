"""The Parquet file of packed records, read no further than it could honestly hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from offline_bench.core.reading import LARGEST, honest_size, read_start
from offline_bench.runs.briefs import from_brief
from offline_bench.runs.heads import from_head
from offline_bench.runs.record import Record

KEY_BYTES = 8  # a key is a hash of 64 bits, which nothing packs any smaller
COLUMNS = ["key", "record"]
HEAD = "head"  # a column that files from before there were heads lack
BRIEF = "brief"  # likewise
NONE = memoryview(b"")
GROUP = 1000  # rows of a row group: as much is unpacked at a time
BATCH = 1024  # rows: each batch takes up the texts of the file once more


def read_packed(path: Path) -> Iterator[tuple[str, str]]:
    """Where each record of the file stands, for messages, and its text.

    Raises `OSError` or `ValueError` where the file cannot be read, is of another making, or would unpack to more than
    its size can hold; what was yielded before stands.
    """
    for key, text in _read_rows(path, COLUMNS):
        yield _place(path, key), str(text, "utf-8")


def read_packed_heads(path: Path) -> Iterator[tuple[str, Record | str]]:
    """As `read_packed`, but of each record its head; its text where the file has no head of it that fits that text."""
    for key, text, head in _read_rows(path, [*COLUMNS, HEAD]):
        yield _place(path, key), from_head(head, text) or str(text, "utf-8")


def read_packed_briefs(path: Path) -> Iterator[tuple[str, Record | str]]:
    """As `read_packed`, but of each record its brief; its text where the file has none of it that fits that text."""
    for key, text, brief in _read_rows(path, [*COLUMNS, BRIEF]):
        yield _place(path, key), from_brief(brief, text) or str(text, "utf-8")


def _place(path: Path, key: memoryview) -> str:
    return f"{path} (run {str(key, 'utf-8')})"


def _read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[memoryview, ...]]:
    """The texts of each row in `columns`, as UTF-8 where they lie; '' where the file lacks one not of `COLUMNS`.

    They are to be used before the next row is asked for.
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
            known = [name for name in columns if name in COLUMNS or _is_text(file.schema_arrow, name)]
        # Equal texts are kept once, as they are in the file: some bytes can stand for many gigabytes of them.
        with pyarrow.parquet.ParquetFile(path, read_dictionary=known) as file:
            for batch in file.iter_batches(batch_size=BATCH, columns=known):
                _check_lengths(batch)
                texts = (_view_texts(batch, name) if name in known else repeat(NONE, len(batch)) for name in columns)
                for row in zip(*texts, strict=True):
                    left -= sum(map(len, row))
                    if left < 0:
                        raise ValueError("it unpacks to more than a file of its size can honestly hold")
                    yield row
    except pyarrow.ArrowException as error:
        raise ValueError(str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def _view_texts(batch: Any, name: str) -> Iterator[memoryview]:
    """Each text of the column where it lies: equal ones are one in the batch, and would be a thousand as texts."""
    import pyarrow

    column = batch.column(name)
    if column.null_count and name in COLUMNS:
        raise ValueError(f"a text of its column {name} is missing")
    if column.null_count:
        # As after files with and without heads were joined.
        yield from (memoryview((text.as_py() or "").encode()) for text in column)
        return
    texts, indices = column.dictionary, column.indices
    _, offsets, content = texts.buffers()
    width = np.int64 if pyarrow.types.is_large_string(texts.type) else np.int32
    bounds = np.frombuffer(offsets, width)[texts.offset :]
    # Not `to_numpy`, which imports pandas.
    places = np.frombuffer(indices.buffers()[1], indices.type.to_pandas_dtype())[indices.offset :][: len(indices)]
    view = memoryview(content or b"")
    for low, high in zip(bounds[places].tolist(), bounds[places + 1].tolist(), strict=True):
        yield view[low:high]


def _is_text(schema: Any, name: str) -> bool:
    import pyarrow

    kind = schema.field(name).type if name in schema.names else None
    return kind is not None and (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind))


def _check(file: Any, path: Path) -> None:
    """Raise `ValueError` where the columns are not those of packed records, or promise too much."""
    schema, about, size = file.schema_arrow, file.metadata, path.stat().st_size
    for name in COLUMNS:
        if not _is_text(schema, name):
            kind = schema.field(name).type if name in schema.names else "missing"
            raise ValueError(f"its column {name} is {kind} instead of texts")
    groups = [about.row_group(at) for at in range(about.num_row_groups)]
    promised = sum(group.column(at).total_uncompressed_size for group in groups for at in range(group.num_columns))
    if promised > honest_size(path.stat()) or about.num_rows > size // KEY_BYTES:
        raise ValueError(
            f"it would unpack to {about.num_rows:,} records of {promised:,} bytes, more than its {size:,} bytes can "
            "honestly hold"
        )


def _check_lengths(batch: Any) -> None:
    import pyarrow.compute

    for name in batch.schema.names:
        longest = pyarrow.compute.max(pyarrow.compute.binary_length(batch.column(name).dictionary)).as_py()
        if (longest or 0) > LARGEST:
            raise ValueError(f"a text of its column {name} is larger than {LARGEST // 2**20} MiB")
