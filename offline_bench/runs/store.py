"""A results folder: one JSON file per finished run, or the same records packed into Parquet files.

records.parquet is what was published; records/part-*.parquet are what a campaign has folded, the later the newer.
"""

from __future__ import annotations

import filecmp
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from offline_bench.core.collector import no_collector
from offline_bench.core.errors import RecordError
from offline_bench.core.plain import cut
from offline_bench.core.reading import read_text
from offline_bench.core.storage import scratch_path, write_text
from offline_bench.runs.briefs import brief_of, to_brief
from offline_bench.runs.heads import head_of, to_head
from offline_bench.runs.packed import BRIEF, GROUP, HEAD, read_packed, read_packed_briefs, read_packed_heads
from offline_bench.runs.record import RUN_FIELDS, Record, Run, from_text, to_text

PACKED = "records.parquet"
PART = re.compile(r"part-[0-9]{6,15}-[0-9a-f]{8}\.parquet")
TOLD = 500  # characters of what is wrong with a file: its own words in it may have no end


@dataclass(frozen=True)
class Reading:
    """What a folder held: the records in the order of their runs, and a sentence per file that was refused.

    others  how many records it has beside these: of none of the runs that were asked for
    """

    records: list[Record]
    problems: list[str]
    others: int = 0


def record_path(folder: Path, run: Run) -> Path:
    """Where the record of `run` lies: records/<dataset>/<algorithm>/<key>.json."""
    return folder / "records" / _slug(run.dataset) / _slug(run.algorithm) / f"{run.key}.json"


def save_record(folder: Path, record: Record) -> None:
    """Write `record`; the file exists exactly when it is complete. Raises `StorageError`."""
    write_text(record_path(folder, record.run), to_text(record))


def read_record(folder: Path, run: Run) -> Record | None:
    """The record of `run` in a file of its own; None where there is none that can be read."""
    path = record_path(folder, run)
    try:
        return from_text(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError, RecordError):
        return None


def read_records(folder: Path) -> Reading:
    """All records under `folder`, packed or not.

    A file of one run wins over its packed copies, and of these that of the latest part.
    """
    return _read(folder, read_packed, from_text)


def read_heads(folder: Path) -> Reading:
    """`read_records` without what a run came out with: enough to say which runs are done, count, and took how long.

    Every byte of every record is looked at all the same: one that was damaged is refused here, too.
    """
    return _read(folder, read_packed_heads, lambda text, where: head_of(from_text(text, where)))


def read_briefs(folder: Path) -> Reading:
    """`read_records` with no more than tables of scores are made of, see `briefs`; every byte is looked at as well."""
    return _read(folder, read_packed_briefs, lambda text, where: brief_of(from_text(text, where)))


Packed = Callable[[Path], Iterator[tuple[str, str]]] | Callable[[Path], Iterator[tuple[str, Record | str]]]


def _read(folder: Path, read: Packed, understand: Callable[[str, str], Record]) -> Reading:
    problems: list[str] = []
    with no_collector():
        records = _gather(folder, read, understand, problems)
    return Reading(sorted(records.values(), key=lambda record: record.run), problems)


def _gather(
    folder: Path, read: Packed, understand: Callable[[str, str], Record], problems: list[str]
) -> dict[Run, Record]:
    def understood(texts: Iterable[tuple[str, Record | str]]) -> Iterator[Record]:
        # One after the other: a folder's texts together are larger than its records.
        for where, found in texts:
            try:
                yield understand(found, where) if isinstance(found, str) else found
            except RecordError as error:
                problems.append(cut(str(error), TOLD))

    # Files of one run first: what is folded meanwhile has its part before it loses its file.
    records = {record.run: record for record in understood(_loose_texts(folder, problems))}
    for path in (*find_parts(folder)[::-1], folder / PACKED):
        for record in understood(_packed(path, read, problems)):
            records.setdefault(record.run, record)
    return records


def has_records(folder: Path) -> bool:
    """Whether `folder` is one of results: packed or in files of their own, read or not."""
    return (folder / PACKED).exists() or (folder / "records").is_dir()


def is_copy(folder: Path, other: Path) -> bool:
    """Whether `folder` is `other`, or has its packed records: the same file, or a copy of it to the byte."""
    one, two = folder / PACKED, other / PACKED
    if folder.exists() and other.exists() and folder.samefile(other):
        return True
    return one.is_file() and two.is_file() and filecmp.cmp(one, two, shallow=False)


def find_own(folder: Path, other: Path, runs: Iterable[Run]) -> set[Run]:
    """Those of `runs` whose record in `folder` lies beside its packed ones, in no file that `other` has."""
    if folder.exists() and other.exists() and folder.samefile(other):
        return set()
    # A part of the same name is a copy: names are drawn.
    copies = {part.name for part in find_parts(other)}
    parts = [part for part in find_parts(folder) if part.name not in copies]
    return {
        run for run in runs if find_in_parts(parts, run) or _is_own(record_path(folder, run), record_path(other, run))
    }


def _is_own(path: Path, known: Path) -> bool:
    return path.is_file() and not (known.is_file() and path.samefile(known))


def pack_records(folder: Path, records: list[Record]) -> Path:
    """Write `records` to one Parquet file under `folder` and return its path. Raises `StorageError`.

    One row per run: its key, its fields and its status to browse by, its head and its brief, and the record's whole
    text.
    """
    path = folder / PACKED
    write_rows(path, map(row_of, records))
    return path


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write `rows`, each what `row_of` gives, to one Parquet file at `path`. Raises `StorageError`."""
    import pyarrow
    import pyarrow.parquet

    ordered = sorted(rows, key=lambda row: [row[name] for name in RUN_FIELDS])
    columns = ["key", *RUN_FIELDS, "status", HEAD, BRIEF, "record"]
    with scratch_path(path) as scratch:
        pyarrow.parquet.write_table(
            pyarrow.table({name: [row[name] for row in ordered] for name in columns}),
            scratch,
            compression="zstd",
            row_group_size=GROUP,
        )


def find_loose(folder: Path) -> list[Path]:
    """The files of one run each in `folder`."""
    return sorted((folder / "records").rglob("*.json"))


def find_parts(folder: Path) -> list[Path]:
    """The packed parts of `folder`, the latest last."""
    found = (path for path in (folder / "records").glob("part-*.parquet") if PART.fullmatch(path.name))
    return sorted(found, key=lambda path: (number_of(path), path.name))


def number_of(part: Path) -> int:
    """Which part it is, from its name."""
    return int(part.name.split("-")[1])


def find_in_parts(parts: Iterable[Path], run: Run) -> Record | None:
    """The head of the record of `run` in the first of `parts` that has it: give the latest first."""
    return next((heads[run] for heads in map(_heads_of, parts) if run in heads), None)


@lru_cache(maxsize=256)
def _heads_of(part: Path) -> dict[Run, Record]:
    """What a part has: none is ever written twice. One that cannot be read has nothing."""
    found: dict[Run, Record] = {}
    with suppress(OSError, ValueError, RecordError):
        for where, told in read_packed_heads(part):
            head = from_text(told, where) if isinstance(told, str) else told
            found[head.run] = head
    return found


def row_of(record: Record) -> dict[str, Any]:
    """The row of `record` in a packed file."""
    run, text = record.run, to_text(record)
    told = {"key": run.key, **run.to_dict(), "status": record.status}
    return {**told, HEAD: to_head(record, text), BRIEF: to_brief(record, text), "record": text}


def copy_packed(source: Path, folder: Path, over: bool = False) -> bool:
    """Have `folder` begin with the packed records of `source`, where it has none and `source` has. Says if it did.

    With `over`, whatever packed records it has.
    """
    if ((folder / PACKED).exists() and not over) or not (source / PACKED).is_file():
        return False
    with scratch_path(folder / PACKED) as scratch:
        scratch.write_bytes((source / PACKED).read_bytes())
    return True


def _loose_texts(folder: Path, problems: list[str]) -> Iterator[tuple[str, str]]:
    for path in find_loose(folder):
        try:
            yield str(path), read_text(path)
        except FileNotFoundError as error:
            # Folded since it was listed.
            if path.is_symlink():
                problems.append(f"{path} cannot be read ({error}). Delete it to redo its run.")
        except (OSError, ValueError) as error:
            problems.append(f"{path} cannot be read ({error}). Delete it to redo its run.")


def _packed(path: Path, read: Packed, problems: list[str]) -> Iterator[tuple[str, Record | str]]:
    if not (path.exists() or path.is_symlink()):
        return
    try:
        yield from read(path)
    except (OSError, ValueError) as error:
        problems.append(f"{path} cannot be read ({error}). Fetch it again, or delete it to redo its runs.")


def _slug(text: str) -> str:
    # Cut, as an algorithm with all its parameters spelt out is longer than a file system takes.
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)[:80].strip("_.") or "_"
