"""Gymnasium, imported late, with this project's own environments in its registry."""

from __future__ import annotations

import contextlib
import io
import warnings
from functools import cache
from typing import Any


def import_gymnasium() -> Any:
    """The gymnasium package. Its version 1.0 looks for no plug-ins itself."""
    import gymnasium

    from offline_bench.environments import register

    register()
    return gymnasium


@cache
def load_packages() -> None:
    """Have the installed packages that bring environments register them; one that cannot is passed over."""
    from importlib.metadata import entry_points

    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        # Some register themselves on import and again when called, or print notes on versions.
        warnings.simplefilter("ignore")
        for entry in entry_points(group="gymnasium.envs"):
            try:
                entry.load()()
            except (ImportError, AttributeError, TypeError):
                continue
