"""Which packages may be imported for their environments: those that the user has named, not those that a file names.

Named are: what `--env` was given, once and for all; what a plug-in or the program itself has imported; and the
installed packages that bring environments or plug-ins by an entry point.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path

from offline_bench.core.errors import EnvironmentMismatchError
from offline_bench.core.paths import cache_folder
from offline_bench.core.storage import write_text

OWN = ("gymnasium", "offline_bench")
GROUPS = ("gymnasium.envs", "offline_bench.plugins")


def named_file() -> Path:
    """Where the packages lie that `--env` was given, one a line."""
    return cache_folder() / "named-packages.txt"


def name_package(environment: str) -> None:
    """Remember the package of `environment`, which the user gave as `module:id`; nothing where it has no module.

    Raises `StorageError` where it cannot be remembered.
    """
    package = package_of(environment)
    if package and not _is_named(package):
        write_text(named_file(), "".join(f"{name}\n" for name in sorted({*_read_named(), package})))


def package_of(environment: str) -> str:
    """The package of the module that a name has before its id; '' for none."""
    return _top(environment.partition("(")[0].rpartition(":")[0])


def check_named(module: str, environment: str) -> None:
    """Raise `EnvironmentMismatchError` unless `module`, which `environment` is of, may be imported."""
    if module in sys.modules or _is_named(_top(module)):
        return
    raise EnvironmentMismatchError(
        f"environment {environment} belongs to the package {_top(module)}. You have not named this package, so it is "
        f"not imported. If you trust it, name it once: `offline-bench datasets set-env ID --env '{environment}'` with "
        "the ID of the dataset. Or load a plug-in that imports it."
    )


def _is_named(package: str) -> bool:
    return package in OWN or package in _read_named() or package in _installed()


def _installed() -> set[str]:
    return {_top(entry.module) for group in GROUPS for entry in entry_points(group=group)}


def _read_named() -> list[str]:
    try:
        return named_file().read_text(encoding="utf-8").split()
    except (OSError, ValueError):  # none yet, or nothing that can be trusted
        return []


def _top(module: str) -> str:
    return module.partition(".")[0]
