"""HDF5 files: how they are opened, the errors of broken ones, and the limits for hostile ones.

HDF5 lets a file hold its numbers in other files, anywhere on the machine, and promise more numbers than it has. Here
a file is read alone, and no further than it could honestly hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offline_bench.core.errors import DatasetError
from offline_bench.core.reading import honest_size
from offline_bench.data.loaders.capacity import check_memory
from offline_bench.data.loaders.signature import describe_file


@dataclass(frozen=True)
class Source:
    """A file that data is read from.

    remedy    the sentence on what to do where it is broken
    way_out   the sentence on what to do where it is whole, but holds what is not taken as it stands
    """

    path: Path
    remedy: str = ""
    way_out: str = ""

    def broken(self, what: str) -> DatasetError:
        """The error to raise where the file is not whole."""
        return DatasetError(f"{self.path} looks half-downloaded, truncated or corrupt: {what}. {self.remedy}".rstrip())

    def odd(self, what: str) -> DatasetError:
        """The error to raise where the file is whole and `what` was found in it."""
        return DatasetError(f"{self.path}: {what}. {self.way_out}".rstrip())


@dataclass
class StoredFile:
    """An open file: its `h5py.File`, and how many bytes its arrays may still unpack to."""

    source: Source
    file: Any
    left: float
    _groups: dict[str, Any] = field(default_factory=dict)

    def names(self) -> list[str]:
        """What lies at the top of the file."""
        return list(self.file)

    def holds(self, path: str) -> bool:
        """Whether there is a link at `path`; one out of the file is never followed."""
        place, name = path.rpartition("/")[::2]
        group = self._find_group(place)
        return group is not None and group.links.exists(name.encode())

    def open(self, path: str) -> Any:
        """The `h5py.h5d.DatasetID` of the array at `path`: h5py's upper layer would take longer than the reading.

        Raises `KeyError` where there is none, `DatasetError` for an array whose numbers are not in this file.
        """
        from h5py import h5d

        place, name = path.rpartition("/")[::2]
        group = self._find_group(place)
        if group is None or not self._is_hard(group, name, path):
            raise KeyError(path)
        try:
            stored = h5d.open(group, name.encode())
        except (TypeError, ValueError) as error:  # a group, or a named type
            raise KeyError(path) from error
        return stored

    def check(self, name: str, stored: Any) -> None:
        """Refuse the array `stored` where its numbers are elsewhere, were never written, or are too many for the file.

        HDF5 fills what was never written with zeros, as many as the shape says: they would pass for data, or never end.
        """
        from h5py import h5d

        properties, shape = stored.get_create_plist(), stored.shape
        if properties.get_layout() == h5d.VIRTUAL or properties.get_external_count():
            raise self.source.odd(f"{name} keeps its numbers in other files, which are not read: a set is one file")
        if shape is None:
            return
        held = wanted = math.prod(shape) * stored.get_type().get_size()
        if properties.get_layout() == h5d.CHUNKED:
            chunks = math.prod(-(-rows // chunk) for rows, chunk in zip(shape, properties.get_chunk(), strict=True))
            wanted = chunks * math.prod(properties.get_chunk()) * stored.get_type().get_size()
            complete = properties.get_nfilters() and stored.get_num_chunks() == chunks
        else:
            complete = False
        self.spend(name, max(held, wanted))
        if stored.get_storage_size() < held and not complete:
            raise self.source.broken(f"{name} has shape {shape}, but not all of these numbers are in the file")

    def spend(self, name: str, size: int) -> None:
        """Count `size` bytes that `name` unpacks to. Raises `DatasetError` where the file cannot honestly hold them."""
        self.left -= size
        if self.left < 0:
            raise self.source.odd(
                f"{name} would unpack to {size:,} bytes, which is more than a file of this size can honestly hold; "
                "nothing of it was read"
            )
        check_memory(size, f"{self.source.path}: {name}")

    def _find_group(self, path: str) -> Any:
        """The `h5py.h5g.GroupID` at `path`; None where there is none."""
        from h5py import h5g

        if path not in self._groups:
            place, name = path.rpartition("/")[::2]
            if not path:
                self._groups[path] = h5g.open(self.file.id, b"/")
            else:
                group = self._find_group(place)
                try:
                    hard = group is not None and self._is_hard(group, name, path)
                    self._groups[path] = h5g.open(group, name.encode()) if hard else None
                except (KeyError, TypeError, ValueError):  # an array, where a group is looked for
                    self._groups[path] = None
        return self._groups[path]

    def _is_hard(self, group: Any, name: str, path: str) -> bool:
        """Whether `name` is in `group` itself. Raises `DatasetError` for a link that leads elsewhere."""
        from h5py import h5l

        if not name or not group.links.exists(name.encode()):
            return False
        if group.links.get_info(name.encode()).type != h5l.TYPE_HARD:
            raise self.source.odd(f"{path} is a link to another place, and links are not followed: a set is one file")
        return True


def _check_kind(path: Path) -> None:
    try:
        found = describe_file(path)
    except PermissionError:
        raise
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}.") from error
    if found:
        raise DatasetError(f"{path} is {found}")


@contextmanager
def open_hdf5(source: Source) -> Iterator[StoredFile]:
    """Yield the open file of `source`.

    Raises `DatasetError` that names the file where it is no HDF5, or it, or what the caller reads of it, is not sound.
    """
    import h5py

    try:
        _check_kind(source.path)
        with h5py.File(source.path, "r") as file:
            yield StoredFile(source, file, honest_size(source.path.stat()))
    except (PermissionError, BlockingIOError) as error:
        raise DatasetError(
            f"{source.path} cannot be opened now ({error}). Give yourself the right to read it, or wait until the "
            "program that writes it has finished."
        ) from error
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise source.broken(f"it cannot be read ({error})") from error
