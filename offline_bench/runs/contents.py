"""Which content of a dataset a record is of, and which of the two counts where there are two under one id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache

from offline_bench.core.errors import OfflineBenchError
from offline_bench.data.loaders import is_here
from offline_bench.data.loaders.fingerprints import find_fingerprint
from offline_bench.runs.experiment import WHOLE, curate_once
from offline_bench.runs.record import Record, Run
from offline_bench.schemes.curate import needed_datasets

FULL = "full"


def judge_contents(records: Sequence[Record], everywhere: bool) -> dict[Run, str]:
    """Those of `records` whose data had another content than the dataset of that id has here, each with its reason.

    Only what lies here is read, and that only where records differ, or with `everywhere`. Where they differ and the
    dataset is not here, all of them are named.
    """
    datasets = defaultdict(list)
    for record in records:
        if record.fingerprints.get("dataset"):
            datasets[record.run.dataset].append(record)
    found: dict[Run, str] = {}
    look, needs_others = cache(find_content), cache(_needs_others)
    for group in datasets.values():
        contents = _find_several(group)
        if contents or everywhere:
            found |= {
                record.run: reason for record in group if (reason := _judge(record, contents, look, needs_others))
            }
    return found


def _judge(
    record: Record,
    contents: Sequence[str],
    look: Callable[[str, str], str],
    needs_others: Callable[[str], bool],
) -> str:
    whole, dataset, curation = _whole_of(record), record.run.dataset, record.run.curation
    if whole and not needs_others(curation):
        then, now = whole, look(dataset, FULL)
    else:
        then, now = record.fingerprints["dataset"], look(dataset, curation)
    if now:
        return "" if then == now else f"its data had another content ({then}) than {dataset} has here ({now})"
    if contents:
        return (
            f"records of {dataset} are of several contents ({', '.join(contents)}), "
            "and without the dataset here nobody can say which of them count"
        )
    return ""


def find_content(dataset: str, curation: str) -> str:
    """The fingerprint of what `curation` leaves of `dataset` here; '' where that is not here, or cannot be read."""
    try:
        if not all(is_here(name) for name in (dataset, *needed_datasets(curation))):
            return ""
        return find_fingerprint(dataset) if curation == FULL else curate_once(dataset, curation).fingerprint
    except OfflineBenchError:
        return ""


def _find_several(records: Sequence[Record]) -> list[str]:
    """Fingerprints where `records` of one dataset have several of what should be the same; else none."""
    seen = defaultdict(set)
    for record in records:
        seen[record.run.curation].add(record.fingerprints["dataset"])
        seen[FULL].add(_whole_of(record))
    return next((sorted(several - {""}) for several in seen.values() if len(several - {""}) > 1), [])


def _whole_of(record: Record) -> str:
    """The fingerprint of the whole dataset the record's data was cut from; '' where an older record does not tell."""
    return record.fingerprints.get(WHOLE) or (record.fingerprints["dataset"] if record.run.curation == FULL else "")


def _needs_others(curation: str) -> bool:
    try:
        return bool(needed_datasets(curation))
    except OfflineBenchError:
        return True
