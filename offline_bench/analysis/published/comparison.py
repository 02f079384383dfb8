"""Our scores beside the published ones: the same places, sign by sign, and how many agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from offline_bench.analysis.published.facts import Published, PublishedRow
from offline_bench.analysis.scores.entries import Cell, DatasetTable, Leaderboard, Row
from offline_bench.core.spec import spec_name

FULL = "full"


@dataclass(frozen=True)
class Verdict:
    """One of our cells and its published counterpart against one reference, behavior or BC. Above is a lift over 0.

    lift, published_lift   score less reference; ours NaN where there is no run or no reference
    firm                   our whole 95 % interval lies on the side of the reference's value on which our score does
    clear                  the published lift is larger than both readings together can be off: twice the reading error
    agrees                 both are above or both are not; None without a lift of ours
    """

    lift: float
    firm: bool
    published_lift: float
    clear: bool
    agrees: bool | None


@dataclass(frozen=True)
class ComparedCell:
    """One dataset under one wrong reward."""

    dataset: str
    relabeling: str
    over_behavior: Verdict
    over_bc: Verdict


@dataclass(frozen=True)
class ComparedDataset:
    """Our numbers of one dataset beside the published ones; `cells` in the order of the published relabelings."""

    published: PublishedRow
    behavior: float
    bc: float
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Agreement:
    """Cells that agree, or that disagree: all, those firm here and clear there, those within the reading error."""

    cells: int
    sure: int
    unclear: int


@dataclass(frozen=True)
class Tally:
    """The verdicts against one reference: of `of` cells, `above` are above it here and `published_above` there.

    by_relabeling   (relabeling, cells that agree, cells), in the published order
    """

    of: int
    above: int
    published_above: int
    agree: Agreement
    disagree: Agreement
    no_verdict: int
    by_relabeling: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Setting:
    """One setting of the published algorithm; its name alone where no dataset has two.

    left_out   datasets on which it is not competent: their numbers are shown, and have no sign
    """

    label: str
    datasets: tuple[ComparedDataset, ...]
    cells: tuple[ComparedCell, ...]
    over_behavior: Tally
    over_bc: Tally
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """All that a page says of one facts file; `unscored` are published datasets that have no normalized score here."""

    published: Published
    settings: tuple[Setting, ...]
    unscored: tuple[str, ...]


def compare_with_published(board: Leaderboard, published: Published) -> Comparison:
    """The uncurated rows of `board` on the published datasets, beside `published`; nothing is computed a second time.

    A dataset or an algorithm that the board does not have gives cells without a verdict or is left out, never an error.
    """
    tables = {table.dataset: table for table in board.tables}
    rows = [row for row in published.rows if row.dataset in tables]
    scored = [row for row in rows if tables[row.dataset].task]
    entrants = find_entrants(shared_tables(board, published), published.algorithm)
    return Comparison(
        published,
        tuple(_setting(entrant, scored, published) for entrant in entrants),
        tuple(row.dataset for row in rows if not tables[row.dataset].task),
    )


def shared_tables(board: Leaderboard, published: Published) -> list[DatasetTable]:
    """The tables of the published datasets that the board has with a normalized score, in the published order."""
    tables = {table.dataset: table for table in board.tables if table.task}
    return [tables[row.dataset] for row in published.rows if row.dataset in tables]


@dataclass(frozen=True)
class Entrant:
    """One algorithm, or one setting of it, with its uncurated row of each dataset."""

    name: str
    label: str
    rows: Mapping[str, Row]


def find_entrants(tables: Sequence[DatasetTable], name: str) -> list[Entrant]:
    """The uncurated rows of the algorithm `name` by dataset; one entrant per setting where a dataset has several."""
    found = [(t.dataset, row) for t in tables for row in t.rows if row.curation == FULL]
    found = [(dataset, row) for dataset, row in found if spec_name(row.algorithm) == name]
    if not found:
        return []
    if max(Counter(dataset for dataset, _ in found).values()) == 1:
        return [Entrant(name, name, dict(found))]
    groups: dict[tuple[str, int, int], dict[str, Row]] = {}
    for dataset, row in found:
        groups.setdefault((row.algorithm, row.steps, row.episodes), {})[dataset] = row
    # A budget is in the label of a row only where its dataset has two.
    return [Entrant(name, max((r.label for r in rows.values()), key=len), rows) for rows in groups.values()]


def _setting(entrant: Entrant, rows: Sequence[PublishedRow], published: Published) -> Setting:
    datasets = [_dataset(entrant.rows[row.dataset], row, published) for row in rows if row.dataset in entrant.rows]
    error = 2.0 * published.reading_error
    left_out = tuple(part.published.dataset for part in datasets if not entrant.rows[part.published.dataset].counts)
    cells = tuple(
        _compare(cell, part.published, error)
        for part in datasets
        if part.published.dataset not in left_out
        for cell in part.cells
        if cell.relabeling in published.wrong_relabelings
    )
    names = [cell.relabeling for cell in cells]
    over_behavior = _tally([cell.over_behavior for cell in cells], names)
    over_bc = _tally([cell.over_bc for cell in cells], names)
    return Setting(entrant.label, tuple(datasets), cells, over_behavior, over_bc, left_out)


def _dataset(row: Row, published: PublishedRow, facts: Published) -> ComparedDataset:
    cells = tuple(find_cell(row, relabeling) for relabeling in facts.relabelings)
    bc = next((value for value in map(_bc_value, cells) if np.isfinite(value)), np.nan)
    return ComparedDataset(published, row.behavior, bc, cells)


def find_cell(row: Row | None, relabeling: str) -> Cell:
    """The cell of `row` under `relabeling`; one without runs where there is none."""
    cells = row.cells if row else ()
    return next((cell for cell in cells if cell.relabeling == relabeling), Cell(relabeling))


def _bc_value(cell: Cell) -> float:
    return cell.value - cell.lift_over_bc


def _compare(cell: Cell, published: PublishedRow, error: float) -> ComparedCell:
    score = published.scores[cell.relabeling]
    over_behavior = _verdict(cell, cell.lift_over_behavior, score - published.behavior, error)
    over_bc = _verdict(cell, cell.lift_over_bc, score - published.bc, error)
    return ComparedCell(published.dataset, cell.relabeling, over_behavior, over_bc)


def _verdict(cell: Cell, lift: float, published_lift: float, error: float) -> Verdict:
    agrees = (lift > 0) == (published_lift > 0) if np.isfinite(lift) else None
    # Published numbers have one decimal; their differences in binary are not exact.
    clear = abs(published_lift) > error + 1e-9
    return Verdict(lift, is_firm(cell, lift), published_lift, bool(clear), agrees)


def is_firm(cell: Cell, lift: float) -> bool:
    """Whether the whole interval of `cell` lies on that side of the lift's reference on which its value does."""
    reference = cell.value - lift
    return bool(cell.low > reference if lift > 0 else cell.high < reference)


def _tally(verdicts: Sequence[Verdict], relabelings: Sequence[str]) -> Tally:
    agreed = Counter(name for name, verdict in zip(relabelings, verdicts, strict=True) if verdict.agrees)
    return Tally(
        of=len(verdicts),
        above=sum(verdict.lift > 0 for verdict in verdicts),
        published_above=sum(verdict.published_lift > 0 for verdict in verdicts),
        agree=_agreement([verdict for verdict in verdicts if verdict.agrees is True]),
        disagree=_agreement([verdict for verdict in verdicts if verdict.agrees is False]),
        no_verdict=sum(verdict.agrees is None for verdict in verdicts),
        by_relabeling=tuple((name, agreed[name], count) for name, count in Counter(relabelings).items()),
    )


def _agreement(verdicts: Sequence[Verdict]) -> Agreement:
    sure = sum(verdict.firm and verdict.clear for verdict in verdicts)
    return Agreement(len(verdicts), sure, sum(not verdict.clear for verdict in verdicts))
