"""HDF5 files: one opened for reading, and what a broken one is told as."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline_bench.core.errors import DatasetError


@dataclass(frozen=True)
class Source:
    """A file that data is read from, and the sentence on what to do where it is broken."""

    path: Path
    remedy: str

    def broken(self, what: str) -> DatasetError:
        """The error to raise where the file is not whole."""
        return DatasetError(f"{self.path} looks half-downloaded, truncated or corrupt: {what}. {self.remedy}")


@contextmanager
def open_hdf5(source: Source) -> Iterator[Any]:
    """Yield the open `h5py.File` of `source`.

    Raises `DatasetError` that names the file where it, or what the caller reads of it, is no sound HDF5.
    """
    import h5py

    try:
        with h5py.File(source.path, "r") as file:
            yield file
    except (PermissionError, BlockingIOError) as error:
        raise DatasetError(
            f"{source.path} may not be read now ({error}): "
            "give yourself the right to read it, or let the program that writes it finish."
        ) from error
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise source.broken(f"it cannot be read ({error})") from error


def check_stored(source: Source, name: str, stored: Any) -> None:
    """Refuse the `h5py.h5d.DatasetID` of an array whose shape promises more numbers than the file has.

    HDF5 fills what was never written with zeros, as many as the shape says: they would pass for data, or never end.
    """
    shape = stored.shape
    if stored.get_storage_size() >= math.prod(shape) * stored.get_type().get_size():
        return
    properties = stored.get_create_plist()
    if properties.get_nfilters():  # compressed: each of its chunks is to be there
        chunks = math.prod(-(-rows // chunk) for rows, chunk in zip(shape, properties.get_chunk(), strict=True))
        if stored.get_num_chunks() == chunks:
            return
    raise source.broken(f"{name} has shape {shape}, but not all of these numbers are in the file")
