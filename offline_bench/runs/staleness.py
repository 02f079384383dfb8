"""Whether a record still means what it did when it was written."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from offline_bench.algorithms import build_learner
from offline_bench.core.errors import OfflineBenchError
from offline_bench.core.registry import Registry, hash_source, spec_name
from offline_bench.runs.record import SCHEMA, Record
from offline_bench.schemes.curate import curations
from offline_bench.schemes.relabel import relabelings


def find_stale(record: Record) -> str:
    """Why `record` no longer means what it did when it was written; '' where it still does or nobody can tell.

    A plug-in that is not registered here, or was recorded without its source, cannot be compared.
    """
    if record.schema < SCHEMA:
        return f"it has schema {record.schema}, older than {SCHEMA}"
    run = record.run
    if _source_changed(relabelings, run.relabeling, record.fingerprints.get("relabeling_source", "")):
        return f"the source of the relabeling {run.relabeling} changed after the run"
    if _source_changed(curations, run.curation, record.fingerprints.get("curation_source", "")):
        return f"the source of the curation {run.curation} changed after the run"
    trainer, current = record.provenance.get("trainer"), _trainer_of(run.algorithm)
    if trainer and current and trainer != current:
        return f"it was trained by {trainer}, and {run.algorithm} now names the {current} trainer"
    return ""


def _source_changed(registry: Registry[Callable[..., Any]], text: str, recorded: str) -> bool:
    name = spec_name(text)
    # By name alone: a parameter that is gone would keep `bind` from finding the function, and is a change too.
    if name not in registry.names():
        return False
    current = _hash_once(registry.function(name))
    return bool(recorded and current and recorded != current)


@cache
def _trainer_of(algorithm: str) -> str:
    """Which implementation trains `algorithm` now; '' where nobody here knows it."""
    try:
        return build_learner(algorithm).trainer
    except OfflineBenchError:
        return ""


@cache
def _hash_once(function: Callable[..., Any]) -> str:
    return hash_source(function)
