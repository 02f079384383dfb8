"""The code that a run rests on: of its relabeling, its curation and its algorithm, as a record keeps it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offline_bench.algorithms import algorithms
from offline_bench.core.registry import Registry
from offline_bench.core.spec import ARROW, stage_names
from offline_bench.runs.record import Run
from offline_bench.schemes.curate import curations
from offline_bench.schemes.relabel import relabelings

FAMILIES: dict[str, Registry[Callable[..., Any]]] = {
    "relabeling": relabelings,
    "curation": curations,
    "algorithm": algorithms,
}
VERSION = "algorithm_version"
FIRST_VERSION = "1"


def trace_code(run: Run) -> dict[str, str]:
    """What says which code `run` would be carried out by now, of those components that are registered here.

    *_source           hash of the function's own text: of relabelings and curations, and of a plug-in's algorithm
    *_files            hash of the files of a plug-in, see `hash_files`; records from before it was taken have none
    algorithm_version  as declared where the algorithm is registered; records from before there was one count as 1

    Of a chain, the hashes of its stages in their order.
    """
    found = {}
    for family, registry in FAMILIES.items():
        # By name alone: a parameter that is gone would keep `bind` from finding the function, and is a change too.
        names = stage_names(getattr(run, family))
        if not set(names) <= set(registry.names()):
            continue
        origins = [registry.origin(name) for name in names]
        if family == "algorithm":
            found[VERSION] = str(origins[0].version)
        if family != "algorithm" or origins[0].plugin:
            found[f"{family}_source"] = _join([origin.source for origin in origins])
        if any(origin.files for origin in origins):
            found[f"{family}_files"] = ARROW.join(origin.files for origin in origins)
    return found


def _join(sources: list[str]) -> str:
    """The sources of all stages; '' where one of them is not known, as then nobody can tell of the whole."""
    return ARROW.join(sources) if all(sources) else ""
