"""What the policies of runs do where that can be computed: exact values by dataset, algorithm and reward."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from offline_bench.analysis.scores.entries import Leaderboard
from offline_bench.evaluation.exact import HERE, PREFIX
from offline_bench.runs.record import Record, Run
from offline_bench.runs.staleness import find_stale_among

# Of a variant, its events alone are shown: its return is that of the same policy in another place.
EVENT = "P("


@dataclass(frozen=True)
class Quantity:
    """What was computed: `what` in the environment, or in its variant `where`; see `exact.exact_outcomes`."""

    where: str
    what: str


@dataclass(frozen=True)
class Spread:
    """Mean, least and greatest over runs; NaN where there is none."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class ExactRow:
    """One algorithm under one reward; `values` in the order of the table's quantities, over `n_ok` runs."""

    label: str
    relabeling: str
    values: tuple[Spread, ...]
    n_ok: int
    n_runs: int


@dataclass(frozen=True)
class ExactTable:
    """The rows of one dataset under one curation."""

    dataset: str
    curation: str
    quantities: tuple[Quantity, ...]
    rows: tuple[ExactRow, ...]


def compare_exact(board: Leaderboard, records: Sequence[Record]) -> tuple[ExactTable, ...]:
    """A table for each dataset whose runs recorded exact values; in the order of `board`, stale records left out."""
    stale = find_stale_among(records)
    current = [record for record in records if record.run not in stale]
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in current:
        groups[record.run.dataset, record.run.curation].append(record)
    return tuple(
        _table(dataset, curation, group, board)
        for (dataset, curation), group in sorted(groups.items())
        if any(_facts(record) for record in group)
    )


def _table(dataset: str, curation: str, records: list[Record], board: Leaderboard) -> ExactTable:
    quantities = _quantities(records)
    rows: dict[Any, list[Record]] = defaultdict(list)
    for record in records:
        rows[_order(record.run, board)].append(record)
    budgets: dict[str, set[int]] = defaultdict(set)
    for record in records:
        budgets[record.run.algorithm].add(record.run.steps)
    made = [
        _row(group, quantities, board, len(budgets[group[0].run.algorithm]) > 1) for _, group in sorted(rows.items())
    ]
    return ExactTable(dataset, curation, quantities, tuple(row for row in made if row.n_ok))


def _row(records: list[Record], quantities: tuple[Quantity, ...], board: Leaderboard, tell_steps: bool) -> ExactRow:
    run = records[0].run
    labels = {entry.algorithm: entry.label for entry in board.algorithms}
    label = labels.get(run.algorithm, run.algorithm) + (f", {run.steps} steps" if tell_steps else "")
    found = [_facts(record) for record in records if record.status == "ok" and _facts(record)]
    values = tuple(_spread([facts.get(quantity, np.nan) for facts in found]) for quantity in quantities)
    return ExactRow(label, run.relabeling, values, len(found), len(records))


def _order(run: Run, board: Leaderboard) -> tuple[int, str, int, int, int]:
    places = {entry.algorithm: place for place, entry in enumerate(board.algorithms)}
    relabelings = list(board.relabelings)
    at = relabelings.index(run.relabeling) if run.relabeling in relabelings else len(relabelings)
    return places.get(run.algorithm, len(places)), run.algorithm, run.steps, run.episodes, at


def _quantities(records: list[Record]) -> tuple[Quantity, ...]:
    """All that was computed of the environment, numbers before events; then the events of its variants."""
    seen = {quantity for record in records for quantity in _facts(record)}
    order = {"return": 0, "short": 1, "differs": 2}
    kept = [quantity for quantity in seen if quantity.where == HERE or quantity.what.startswith(EVENT)]
    return tuple(sorted(kept, key=lambda q: (q.where != HERE, q.where, order.get(q.what, len(order)), q.what)))


def _facts(record: Record) -> dict[Quantity, float]:
    facts = {}
    for name, value in record.provenance.get("learner", {}).items():
        prefix, _, rest = name.partition(".")
        where, _, what = rest.partition(".")
        if prefix == PREFIX and what and value is not None:
            facts[Quantity(where, what)] = float(value)
    return facts


def _spread(values: list[float]) -> Spread:
    if not values:
        return Spread(np.nan, np.nan, np.nan)
    return Spread(float(np.mean(values)), float(np.min(values)), float(np.max(values)))
