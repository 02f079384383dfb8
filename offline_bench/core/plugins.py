"""Plug-ins from outside: files given by path, and entry points of installed packages."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from offline_bench.core.errors import PluginError
from offline_bench.core.near import find_near

GROUP = "offline_bench.plugins"

PREFIX = "offline_bench_plugin_"

_installed: list[bool] = []
_files: dict[str, Path] = {}


def load_plugin(path: Path) -> None:
    """Import the file at `path`, which registers what it brings. It finds the modules that lie beside it.

    Raises `PluginError` with the file's own line where it fails; a registration error names the plug-in itself.
    """
    path = path.resolve()
    if not path.is_file():
        near = find_near(path.name, [other.name for other in path.parent.glob("*.py")])
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise PluginError(f"there is no plug-in file {path}.{hint}")
    name = f"{PREFIX}{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} is not a Python file: the name of a plug-in ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _files[name] = path
    # Last, so that what lies beside a plug-in takes the place of nothing that is installed.
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(name, None)
        raise PluginError(f"plug-in {path}{own_line(error, str(path))}: {type(error).__name__}: {error}") from error


def plugin_files() -> dict[str, Path]:
    """The plug-in files loaded so far, by the names of their modules."""
    return dict(_files)


def make_importable(files: Mapping[str, Path]) -> None:
    """Import plug-in `files` of another process here, but only when something in them is asked for."""
    sys.meta_path.append(_PluginFinder(files))


class _PluginFinder(MetaPathFinder):
    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._files:
            return None
        return importlib.util.spec_from_file_location(fullname, self._files[fullname])


def load_installed() -> None:
    """`load_entry_points`, once: a registry asks for it before it looks a name up. Raises `PluginError`."""
    if _installed:
        return
    # Said first: a plug-in that looks a name up while it is imported comes here again.
    _installed.append(True)
    try:
        load_entry_points()
    except PluginError:
        _installed.clear()
        raise


def load_entry_points() -> None:
    """Import every entry point in the group `offline_bench.plugins`. Raises `PluginError` naming the one that fails."""
    for entry in importlib.metadata.entry_points(group=GROUP):
        try:
            entry.load()
        except Exception as error:
            raise PluginError(f"plug-in {entry.name} ({entry.value}): {type(error).__name__}: {error}") from error


def own_line(error: Exception, path: str | None) -> str:
    """The last line of the file `path` that `error` went through, with its number; '' where it went through none."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return f", line {error.lineno}: {(error.text or '').strip()}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f", line {own[-1].lineno}: {own[-1].line}" if own else ""
