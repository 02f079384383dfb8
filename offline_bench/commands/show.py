"""Showing what there is: names, and how far a suite has come."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from offline_bench.algorithms import algorithms, check_algorithm
from offline_bench.commands.records import choose_suite, local_folder
from offline_bench.commands.tell import tell
from offline_bench.core.errors import UnknownNameError
from offline_bench.core.plain import plain_line
from offline_bench.core.registry import Registry, unknown_name
from offline_bench.data.loaders.cards import Card, find_newest, load_cards
from offline_bench.data.loaders.folders import list_folders
from offline_bench.runs.campaign import list_missing, list_stale
from offline_bench.runs.store import read_records
from offline_bench.runs.suites import list_suites, load_suite
from offline_bench.schemes.checks import check_curation, check_relabeling
from offline_bench.schemes.curate import curations
from offline_bench.schemes.relabel import relabelings

REGISTRIES: dict[str, Registry[Callable[..., Any]]] = {
    "relabelings": relabelings,
    "curations": curations,
    "algorithms": algorithms,
}


FAMILIES = {
    "datasets": "what there is to learn from: the built-in sets, and the Minari sets on this machine",
    "relabelings": "which reward each transition carries",
    "curations": "which transitions are there, and where episodes end",
    "algorithms": "which learner trains on them",
    "suites": "which runs make up a study",
}


def show_families() -> None:
    """Print the families of names, how many each has, and how to see them."""
    for family, line in FAMILIES.items():
        tell(f"{family} ({len(name_all(family))})\n    {line}: offline-bench list {family}")


def show_names(family: str) -> None:
    """Print each name of `family` with the first line of what it is. Raises `UnknownNameError`."""
    for name, line in describe_names(family).items():
        tell(f"{name}\n    {line}")


def describe_names(family: str) -> dict[str, str]:
    """Each name of `family`, a scheme's with its parameters, and what it is. Raises `UnknownNameError`."""
    if family in REGISTRIES:
        functions = {name: REGISTRIES[family].function(name) for name in REGISTRIES[family].names()}
        return {_signature(name, function): _first_line(function) for name, function in functions.items()}
    if family == "datasets":
        return {card.id: _describe_card(card) for card in load_cards().values()} | _local_datasets()
    if family == "suites":
        return {name: load_suite(name).title for name in list_suites()}
    raise UnknownNameError(unknown_name("family", family, FAMILIES))


def name_all(family: str) -> list[str]:
    """The names of `family` alone, read without a word of what they are. Raises `UnknownNameError`."""
    if family in REGISTRIES:
        return REGISTRIES[family].names()
    return list_suites() if family == "suites" else list(describe_names(family))


def _describe_card(card: Card) -> str:
    newest = find_newest(card.id, load_cards())
    return card.good_for if newest == card.id else f"{card.good_for}; superseded by {newest}"


def _local_datasets() -> dict[str, str]:
    """The sets on this machine that no card describes, with the folder of each."""
    known = load_cards()
    return {name: f"a Minari set in {folder}" for folder, name in list_folders() if name not in known}


def show_status(name: str | None, folder: Path | None) -> None:
    """Print how many runs of the suite are done, failed, stale and missing, and what could not be read.

    In `folder`, else where `reproduce` writes, and in the suite's own; with `folder` alone, of whatever lies there.
    """
    suite, _ = choose_suite(name, folder)
    folder = folder or local_folder(suite.name)
    runs = suite.runs()
    for place in [folder] if folder.resolve() == suite.folder.resolve() else [folder, suite.folder]:
        reading = read_records(place)
        records = [record for record in reading.records if record.run in runs]
        stale = list_stale(runs, place)
        counts = Counter("stale" if record.run in stale else record.status for record in records)
        told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no records"
        tell(f"{place}: {told}, {len(list_missing(runs, place))} of {len(runs)} to do")
        if len(records) < len(reading.records):
            tell(f"  {len(reading.records) - len(records)} more records, which belong to no run of {suite.name}")
        for record in records:
            if record.status != "ok":
                tell(plain_line(f"  {record.status}: {record.run}: {record.reason}"))
        for reason, count in Counter(stale.values()).items():
            tell(plain_line(f"  stale: {count} of them: {reason}"))
        for problem in reading.problems:
            tell(plain_line(f"  unreadable: {problem}"))


def check_scheme(family: str, spec: str, steps: int | None = None) -> None:
    """Try `spec` against the contract of its family, an algorithm for `steps` steps. Raises what it broke."""
    train = check_algorithm if steps is None else partial(check_algorithm, steps=steps)
    checks = {"relabeling": check_relabeling, "curation": check_curation, "algorithm": train}
    if family not in checks:
        raise UnknownNameError(unknown_name("family", family, checks))
    checks[family](spec)
    tell(f"{family} {spec} keeps its contract")


def _signature(name: str, function: Callable[..., Any]) -> str:
    parameters = inspect.signature(function).parameters.values()
    shown = [
        p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters if p.kind is p.KEYWORD_ONLY
    ]
    return f"{name}({', '.join(shown)})" if shown else name


def _first_line(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]
