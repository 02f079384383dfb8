"""The head of a record: what says whether its run is done and counts, without what came of it."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

from offline_bench.core.errors import SpecError
from offline_bench.runs.record import STATUSES, Record, Run

# Of the provenance. Nothing of a head grows with what was measured.
TOLD = ("trainer", "seconds")
# The policy has another fingerprint in every record, and nothing is decided by it.
UNTOLD = "policy"
SEAL = 16  # hex digits of the checksum


def head_of(record: Record) -> Record:
    """`record` with its run, status, reason, schema and fingerprints, its trainer and its seconds, and nothing else."""
    return _build(record.run, record.status, record.reason, record.schema, record.fingerprints, record.provenance)


def to_head(record: Record, text: str) -> str:
    """The head of `record`, whose whole text is `text`, as one line that begins with a checksum of both."""
    head = head_of(record)
    content = {
        "run": head.run.to_dict(),
        "status": head.status,
        "reason": head.reason,
        "schema": head.schema,
        "fingerprints": head.fingerprints,
        "provenance": head.provenance,
    }
    told = json.dumps(content, sort_keys=True)
    return f"{_seal(told.encode(), text.encode())} {told}"


def from_head(head: memoryview, text: memoryview) -> Record | None:
    """The head that `to_head` made of the record with the whole text `text`, both as UTF-8.

    None where either was altered since: then only the text itself can say what it holds.
    """
    told = head[SEAL + 1 :]
    if head[: SEAL + 1] != f"{_seal(told, text)} ".encode():
        return None
    try:
        content = json.loads(str(told, "utf-8"))
        known = (content[name] for name in ("status", "reason", "schema", "fingerprints", "provenance"))
        head_record = _build(Run(**content["run"]), *known)
    except (ValueError, TypeError, KeyError, AttributeError, SpecError):
        return None
    return head_record if head_record.status in STATUSES else None


def _seal(told: bytes | memoryview, text: bytes | memoryview) -> str:
    digest = hashlib.sha256(told)
    digest.update(text)
    return digest.hexdigest()[:SEAL]


def _build(
    run: Run, status: str, reason: str, schema: int, fingerprints: dict[str, str], provenance: dict[str, Any]
) -> Record:
    # Thousands of heads name the same few sources.
    about = {sys.intern(name): sys.intern(value) for name, value in fingerprints.items() if name != UNTOLD}
    told = {name: provenance[name] for name in TOLD if name in provenance}
    return Record(run, status, reason, fingerprints=about, provenance=told, schema=schema)
