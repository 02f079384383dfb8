"""Where a result was made: versions and machine, for the record."""

from __future__ import annotations

import hashlib
import os
import platform
import resource
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("offline-bench", "d3rlpy", "gymnasium", "minari", "mujoco", "numpy", "torch")


@cache
def read_versions() -> dict[str, str]:
    """The version of Python and of each package a result depends on."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return versions


@cache
def hash_package() -> str:
    """Sixteen hex digits over the files of this package's own code: one version number is of many states of it."""
    digest, root = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def read_machine() -> str:
    """Processor, number of cores and system, such as 'AMD EPYC family 26 model 2, 2 cores, Linux x86_64'."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    told = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    name = told.get("model name") or platform.processor() or "unknown processor"
    # The name alone is often shared by generations that differ twofold in speed.
    kind = [f"{word} {told[field]}" for word, field in (("family", "cpu family"), ("model", "model")) if field in told]
    return " ".join([name, *kind])


def read_peak_memory() -> int:
    """The most bytes that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():
        # `ru_maxrss` of Linux counts what the parent held when this process was started.
        lines = status.read_text(encoding="utf-8").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
