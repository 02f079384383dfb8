"""Who ends above behavior under wrong rewards: the control without pessimism beside the pessimistic algorithms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from offline_bench.analysis.published.comparison import Entrant, find_cell, find_entrants, is_firm, shared_tables
from offline_bench.analysis.published.facts import Published
from offline_bench.analysis.scores.entries import Leaderboard
from offline_bench.analysis.scores.leaderboard import REFERENCE_ALGORITHM
from offline_bench.core.spec import spec_name


@dataclass(frozen=True)
class Share:
    """`count` cells out of the `of` that have the numbers to tell."""

    count: int
    of: int


@dataclass(frozen=True)
class Mark:
    """One cell against behavior: its lift, NaN where there is none, and whether its interval is on one side."""

    lift: float
    firm: bool


@dataclass(frozen=True)
class Survivor:
    """One algorithm under the wrong rewards; `role` is control, pessimistic or neither (''). `marks` as `Survival.at`.

    above_behavior_under   one for each of the relabelings of `Survival`
    keeps_half             cells with at least half of behavior's score; told only where that is positive
    left_out               datasets on which it is not competent, so that nothing is told of it; the control and
                           cloning are there to be held against, and always told of
    """

    label: str
    role: str
    marks: tuple[Mark, ...]
    above_behavior: Share
    above_behavior_under: tuple[Share, ...]
    above_bc: Share
    above_both: Share
    keeps_half: Share
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Control:
    """One control against the pessimistic algorithms, on the cells where it is not above behavior and where it is.

    fails, survives        its own cells, and *_firm those of them whose interval lies on one side of behavior
    others_*               the cells of the pessimistic algorithms on the same places.
    """

    label: str
    fails: int
    fails_firm: int
    survives: int
    survives_firm: int
    untold: int
    others_where_it_fails: Share
    others_where_it_survives: Share


@dataclass(frozen=True)
class Survival:
    """Who ends above behavior under the wrong `relabelings`. `at` names the places: (dataset, relabeling)."""

    relabelings: tuple[str, ...]
    at: tuple[tuple[str, str], ...]
    survivors: tuple[Survivor, ...]
    controls: tuple[Control, ...]


def compare_survival(board: Leaderboard, published: Published) -> Survival:
    """The uncurated rows of `board` on the published datasets, under the wrong rewards, against behavior and BC.

    First the control, then the pessimistic algorithms as the facts file lists them, then the others.
    """
    tables = shared_tables(board, published)
    names = [published.control, *published.pessimistic]
    names += [spec_name(row.algorithm) for table in tables for row in table.rows]
    entrants = [entrant for name in dict.fromkeys(names) for entrant in find_entrants(tables, name)]
    at = tuple((table.dataset, name) for table in tables for name in published.wrong_relabelings)
    survivors = tuple(_survivor(entrant, at, published) for entrant in entrants)
    pessimistic = [survivor for survivor in survivors if survivor.role == "pessimistic"]
    controls = tuple(_control(s, pessimistic) for s in survivors if s.role == "control")
    return Survival(published.wrong_relabelings, at, survivors, controls)


def _survivor(entrant: Entrant, at: Sequence[tuple[str, str]], published: Published) -> Survivor:
    always = entrant.name in (published.control, REFERENCE_ALGORITHM)
    rows = {dataset: row for dataset, row in entrant.rows.items() if always or row.counts}
    cells = [find_cell(rows.get(dataset), relabeling) for dataset, relabeling in at]
    over_behavior = [cell.lift_over_behavior for cell in cells]
    # Against itself BC is neither above nor below.
    itself = entrant.name == REFERENCE_ALGORITHM
    over_bc = [np.nan if itself else cell.lift_over_bc for cell in cells]
    behavior = [cell.value - lift for cell, lift in zip(cells, over_behavior, strict=True)]
    spare = [cell.value - 0.5 * b if b > 0 else np.nan for cell, b in zip(cells, behavior, strict=True)]
    roles = dict.fromkeys(published.pessimistic, "pessimistic") | {published.control: "control"}
    return Survivor(
        label=entrant.label,
        role=roles.get(entrant.name, ""),
        marks=tuple(Mark(lift, is_firm(cell, lift)) for cell, lift in zip(cells, over_behavior, strict=True)),
        above_behavior=_share(lift > 0 for lift in over_behavior if np.isfinite(lift)),
        above_behavior_under=tuple(
            _share(
                lift > 0
                for (_, relabeling), lift in zip(at, over_behavior, strict=True)
                if relabeling == name and np.isfinite(lift)
            )
            for name in published.wrong_relabelings
        ),
        above_bc=_share(lift > 0 for lift in over_bc if np.isfinite(lift)),
        above_both=_share(
            min(pair) > 0 for pair in zip(over_behavior, over_bc, strict=True) if np.isfinite(pair).all()
        ),
        keeps_half=_share(rest >= 0 for rest in spare if np.isfinite(rest)),
        left_out=tuple(sorted(set(entrant.rows) - set(rows))),
    )


def _control(control: Survivor, others: Sequence[Survivor]) -> Control:
    fails = [at for at, mark in enumerate(control.marks) if mark.lift <= 0]
    survives = [at for at, mark in enumerate(control.marks) if mark.lift > 0]
    shares = [
        _share(other.marks[i].lift > 0 for other in others for i in where if np.isfinite(other.marks[i].lift))
        for where in (fails, survives)
    ]
    firm = [sum(control.marks[i].firm for i in where) for where in (fails, survives)]
    untold = len(control.marks) - len(fails) - len(survives)
    return Control(control.label, len(fails), firm[0], len(survives), firm[1], untold, *shares)


def _share(flags: Iterable[bool | np.bool_]) -> Share:
    found = [bool(flag) for flag in flags]
    return Share(sum(found), len(found))
