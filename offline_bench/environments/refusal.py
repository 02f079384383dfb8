"""Why an environment cannot be made here, as a sentence for the user who named it."""

from __future__ import annotations

import re
from typing import Any

from offline_bench.core.errors import OfflineBenchError
from offline_bench.core.registry import unknown_name
from offline_bench.environments.gymnasium_library import import_gymnasium

ID = re.compile(r"(?P<name>.+?)(?:-v(?P<version>\d+))?")


def explain_refusal(environment: str, error: Exception) -> str:
    """What kept the environment called `environment` from being made, and what to name instead."""
    if isinstance(error, OfflineBenchError):
        return str(error)
    gymnasium = import_gymnasium()
    name = environment.partition("(")[0].rpartition(":")[2]
    newest = _list_newest(gymnasium.registry)
    if isinstance(error, gymnasium.error.UnregisteredEnv):
        origin = " For an environment of another package, write module:id, with the module that registers it."
        return unknown_name("environment", environment.partition("(")[0], newest.values()) + (
            "" if ":" in environment else origin
        )
    # Gymnasium raises some of its errors with several sentences.
    sentence = " ".join(str(part) for part in error.args).rstrip(".") or type(error).__name__
    said = f"environment {environment!r} cannot be made here: {sentence}."
    other = newest.get(_split(name)[0], name)
    return said if other == name else f"{said} Use its newest version here, {other}. The two may differ in detail."


def _list_newest(registry: Any) -> dict[str, str]:
    """The id of the newest version of each environment, by its name without the version."""
    ordered = sorted(registry, key=lambda known: _split(known)[1])
    return {_split(known)[0]: known for known in ordered}


def _split(name: str) -> tuple[str, int]:
    match = ID.fullmatch(name)
    return (match["name"], int(match["version"] or -1)) if match else (name, -1)
