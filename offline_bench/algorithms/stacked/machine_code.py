"""The functions of `layers.c`, compiled here by the machine's own compiler and kept in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from torch import Tensor

SOURCES = tuple(Path(__file__).with_name(name) for name in ("layers.c", "norm.h", "sums.h", "product.h"))
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-shared", "-fPIC")
# Set to anything, it keeps the compiler out.
SWITCH = "OFFLINE_BENCH_NO_COMPILER"


@lru_cache
def load_library() -> ctypes.CDLL | None:
    """The compiled functions; None without a compiler, or where it is kept out."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or os.environ.get(SWITCH):
        return None
    text = b"".join(source.read_bytes() for source in SOURCES)
    name = hashlib.sha256(f"{compiler} {FLAGS} {_processor()}".encode() + text).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "offline-bench"
    path = folder / f"layers-{name}.so"
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                built = Path(scratch) / path.name
                command = [compiler, *FLAGS, str(SOURCES[0]), "-o", str(built)]
                subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603
                built.replace(path)
        return ctypes.CDLL(str(path))
    except (OSError, subprocess.SubprocessError):
        return None


def _processor() -> str:
    """What the compiler's `native` stands for here."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "".join(sorted({line for line in lines if line.startswith(("flags", "model name", "Features"))}))


def pointers(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    """Where each of `tensors` lies."""
    return (ctypes.c_void_p * len(tensors))(*(tensor.data_ptr() for tensor in tensors))


def pairs_of_pointers(tensors: Sequence[Tensor]) -> tuple[ctypes.Array[ctypes.c_void_p] | None, ...]:
    """The first and the second of each pair; nothing where there are none."""
    return (pointers(tensors[::2]), pointers(tensors[1::2])) if tensors else (None, None)


def pointer(tensor: Tensor | None) -> ctypes.c_void_p | None:
    """Where `tensor` lies."""
    return None if tensor is None else ctypes.c_void_p(tensor.data_ptr())
