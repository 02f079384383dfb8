"""The head of a record: what says whether its run is done and counts, without what came of it."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

from offline_bench.core.errors import SpecError
from offline_bench.runs.content import list_odd
from offline_bench.runs.record import SCHEMA, STATUSES, Record, Run

# Beside the run.
SAID = ("status", "reason", "schema", "fingerprints", "provenance")
# Of the provenance. Nothing of a head grows with what was measured.
TOLD = ("trainer", "seconds")
# The policy has another fingerprint in every record, and nothing is decided by it.
UNTOLD = "policy"
SEAL = 16  # hex digits of the checksum


def head_of(record: Record) -> Record:
    """`record` with its run, status, reason, schema and fingerprints, its trainer and its seconds, and nothing else."""
    return _build(record.run, *(getattr(record, name) for name in SAID))


def to_head(record: Record, text: str) -> str:
    """The head of `record`, whose whole text is `text`, as one line that begins with a checksum of both."""
    return to_sealed(tell_head(record), text)


def from_head(head: memoryview, text: memoryview) -> Record | None:
    """The head that `to_head` made of the record with the whole text `text`, both as UTF-8.

    None where either was altered since, or holds what no record does: then only the text itself can say what it holds.
    """
    content = from_sealed(head, text)
    return build_head(content) if content is not None else None


def tell_head(record: Record) -> dict[str, Any]:
    """What a head says of `record`, as JSON has it."""
    head = head_of(record)
    return {"run": head.run.to_dict()} | {name: getattr(head, name) for name in SAID}


def build_head(content: dict[str, Any], **numbers: Any) -> Record | None:
    """The record that `content`, as of `tell_head`, tells of, with `numbers` of what came of it, not looked at.

    None where something in `content` is of no record.
    """
    if list_odd(content):
        return None
    try:
        record = _build(Run(**content["run"]), *[content[name] for name in SAID], **numbers)
    except (TypeError, KeyError, SpecError):
        return None
    known = record.status in STATUSES and type(record.schema) is int and record.schema <= SCHEMA
    return record if known else None


def to_sealed(content: dict[str, Any], text: str) -> str:
    """`content` as one line of JSON behind a checksum of it and of `text`, which it is said of."""
    told = json.dumps(content, sort_keys=True)
    return f"{_seal(told.encode(), text.encode())} {told}"


def from_sealed(line: memoryview, text: memoryview) -> dict[str, Any] | None:
    """The content of a line of `to_sealed`; None where the line or `text` was altered, or it is no such line.

    Anybody can write a checksum that is right: what the content is made of is still to be looked at.
    """
    told = line[SEAL + 1 :]
    if line[: SEAL + 1] != f"{_seal(told, text)} ".encode():
        return None
    try:
        content = json.loads(str(told, "utf-8"))
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _seal(told: bytes | memoryview, text: bytes | memoryview) -> str:
    digest = hashlib.sha256(told)
    digest.update(text)
    return digest.hexdigest()[:SEAL]


def _build(
    run: Run,
    status: str,
    reason: str,
    schema: int,
    fingerprints: dict[str, str],
    provenance: dict[str, Any],
    **numbers: Any,
) -> Record:
    # Thousands of heads name the same few sources.
    about = {sys.intern(name): sys.intern(value) for name, value in fingerprints.items() if name != UNTOLD}
    told = {name: provenance[name] for name in TOLD if name in provenance}
    return Record(run, status, reason, fingerprints=about, provenance=told, schema=schema, **numbers)
