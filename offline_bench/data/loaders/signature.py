"""What a file is, by its first bytes, so that a message can name its format."""

from __future__ import annotations

import zipfile
from pathlib import Path

from offline_bench.core.reading import read_start

HDF5 = b"\x89HDF\r\n\x1a\n"
SUPERBLOCKS = (0, 512, 1024, 2048, 4096, 8192)  # where the signature may stand; beyond, nobody puts it
_WRITE = "Write its arrays into an HDF5 file with h5py, under the names of D4RL"
_ARRAYS = "observations, actions, rewards, terminals and, where there are some, timeouts"
_OTHERS = (
    (b"\x93NUMPY", f"a NumPy .npy array, not HDF5. {_WRITE}: {_ARRAYS}."),
    (b"\x1f\x8b", "packed with gzip, not HDF5 as it is. Unpack it with gunzip first."),
    (b"\x28\xb5\x2f\xfd", "packed with zstd, not HDF5 as it is. Unpack it first."),
    (b"BZh", "packed with bzip2, not HDF5 as it is. Unpack it first."),
    (b"\xfd7zXZ", "packed with xz, not HDF5 as it is. Unpack it first."),
    (b"PAR1", f"a Parquet file, not HDF5. {_WRITE}: {_ARRAYS}."),
    (b"MATLAB", f"a MATLAB file older than version 7.3, not HDF5. {_WRITE}: {_ARRAYS}."),
    (b"version https://git-lfs", "a pointer to a file in Git LFS, not HDF5. Run `git lfs pull`."),
)
_WEB = (b"<!doctype", b"<html", b"<?xml")


def describe_file(path: Path) -> str:
    """What the file at `path` is if it is not HDF5, as the end of a sentence, with advice; '' if it may be HDF5.

    An empty file, or one that begins as HDF5 does, may be HDF5 that was cut. Raises `OSError` as `read_start`.
    """
    head = read_start(path, max(SUPERBLOCKS) + len(HDF5))
    if not head or head.startswith(HDF5[: min(4, len(head))]) or any(head[at : at + 8] == HDF5 for at in SUPERBLOCKS):
        return ""
    return _recognize(head, path)


def _recognize(head: bytes, path: Path) -> str:
    for start, found in _OTHERS:
        if head.startswith(start):
            return found
    if head.startswith(b"PK"):
        return _describe_zip(path)
    if head[0] == 0x80 and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return (
            "a Python pickle, not HDF5. No pickle is loaded here, because loading one runs the code in it. "
            f"If you trust it, load it yourself. {_WRITE}: {_ARRAYS}."
        )
    if head[:64].lstrip().lower().startswith(_WEB):
        return "a web page, not HDF5: the server sent a page instead of the file."
    return f"not HDF5: it begins with {head[:8]!r}. {_WRITE}: {_ARRAYS}."


def _describe_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        names = []
    if names and all(name.endswith(".npy") for name in names):
        return f"a NumPy .npz archive, not HDF5. {_WRITE}: {_ARRAYS}."
    if any(name.endswith("data.pkl") for name in names):
        return f"a file of PyTorch, a pickle, not HDF5. No pickle is loaded here. {_WRITE}: {_ARRAYS}."
    return "a zip archive, not HDF5. Unpack it first."
