"""Whether a record still means what it did when it was written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from offline_bench.algorithms import build_learner
from offline_bench.core.errors import OfflineBenchError
from offline_bench.core.spec import spec_name
from offline_bench.runs.code import FAMILIES, FIRST_VERSION, VERSION, trace_code
from offline_bench.runs.contents import judge_contents
from offline_bench.runs.record import SCHEMA, Record, Run


def find_stale_among(records: Sequence[Record], everywhere: bool = False) -> dict[Run, str]:
    """The stale ones of `records`, each with its reason.

    Those that `find_stale` names; and of the rest those whose data had another content than that dataset has here.
    This is looked at where records of one dataset differ in it, and with `everywhere` for all that lies here. Where
    they differ and the dataset is not here, none of them counts: nobody can tell which to leave out.
    """
    stale = {record.run: reason for record in records if (reason := find_stale(record))}
    return stale | judge_contents([record for record in records if record.run not in stale], everywhere)


def find_stale(record: Record) -> str:
    """Why `record` is stale; '' if it is not, or if nobody can tell.

    Its data is not looked at. A plug-in that is not registered here, or was recorded without its source, cannot be
    compared.
    """
    if record.schema < SCHEMA:
        return f"it has schema {record.schema}, older than {SCHEMA}"
    return _find_changed_code(record) or _find_other_trainer(record)


def _find_changed_code(record: Record) -> str:
    then, now = record.fingerprints, trace_code(record.run)
    for family in FAMILIES:
        text = getattr(record.run, family)
        for kind, what in (("source", "the source"), ("files", "the plug-in file")):
            old, new = then.get(f"{family}_{kind}"), now.get(f"{family}_{kind}")
            if old and new and old != new:
                return f"{what} of the {family} {text} changed after the run"
    old, new = then.get(VERSION, FIRST_VERSION), now.get(VERSION, "")
    if then and new and old != new:
        return f"it was trained by version {old} of {spec_name(record.run.algorithm)}, and the version is now {new}"
    return ""


def _find_other_trainer(record: Record) -> str:
    trainer, current = record.provenance.get("trainer"), _trainer_of(record.run.algorithm)
    if trainer and current and trainer != current:
        return f"it was trained by {trainer}, and {record.run.algorithm} now names the {current} trainer"
    return ""


@cache
def _trainer_of(algorithm: str) -> str:
    """Which implementation trains `algorithm` now; '' where nobody here knows it."""
    try:
        return build_learner(algorithm).trainer
    except OfflineBenchError:
        return ""
