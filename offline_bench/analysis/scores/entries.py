"""What a leaderboard is made of: every number and name a report lays out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offline_bench.analysis.findings import Competence
from offline_bench.data.loaders.cards import Task

FEW_SEEDS = 5


@dataclass(frozen=True)
class Cell:
    """One row under one relabeling; numbers in the unit of its dataset, NaN where there is none.

    value, low, high     IQM over the runs that ended well, and its 95 % interval; no interval from a single run
    n_ok, n_expected     runs that ended well, and all that were tried or expected
    outcomes             what became of the others, as (status, count)
    lift_over_*, gap     value against the data's own mean, against BC, and the true reward's value less this one
    survives             a wrong reward whose both lifts are positive
    """

    relabeling: str
    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n_ok: int = 0
    n_expected: int = 0
    outcomes: tuple[tuple[str, int], ...] = ()
    lift_over_behavior: float = np.nan
    lift_over_bc: float = np.nan
    gap: float = np.nan
    survives: bool = False


@dataclass(frozen=True)
class Row:
    """One algorithm, at one budget, on one curation of one dataset; a cell for each relabeling of the board.

    competence   whether it reads its reward there; None in a suite without a gate
    """

    curation: str
    algorithm: str
    label: str
    steps: int
    episodes: int
    behavior: float
    cells: tuple[Cell, ...]
    n_ok: int
    n_expected: int
    competence: Competence | None = None

    @property
    def counts(self) -> bool:
        """Whether it may stand behind a word on rewards."""
        return self.competence is None or self.competence.counts


@dataclass(frozen=True)
class DataRow:
    """What the learners were given: mean true return of its episodes, its normalized score, mean length in steps."""

    dataset: str
    curation: str
    transitions: float
    episodes: float
    behavior_return: float
    behavior_score: float
    length: float


@dataclass(frozen=True)
class DatasetTable:
    """The rows of one dataset. Numbers are normalized scores where there is a task, true returns where not."""

    dataset: str
    task: Task | None
    rows: tuple[Row, ...]

    @property
    def gated(self) -> bool:
        """Whether it is known of its learners if they read their reward."""
        return any(row.competence is not None for row in self.rows)


@dataclass(frozen=True)
class AlgorithmEntry:
    """What a label in the tables stands for."""

    label: str
    algorithm: str
    steps: tuple[int, ...]
    episodes: tuple[int, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Exclusion:
    """Runs of one cell that are not in the tables, by the reason they share; `status` 'stale' included."""

    run: str
    seeds: tuple[int, ...]
    status: str
    reason: str


@dataclass(frozen=True)
class FewSeeds:
    """How many cells with a value stand on fewer than `FEW_SEEDS` runs, out of how many; their least and most runs."""

    cells: int
    of: int
    least: int
    most: int


@dataclass(frozen=True)
class Leaderboard:
    """All that a report of one results folder lays out; counts and `outcomes` as in `Cell`, over all runs."""

    relabelings: tuple[str, ...]
    tables: tuple[DatasetTable, ...]
    data: tuple[DataRow, ...]
    algorithms: tuple[AlgorithmEntry, ...]
    failures: tuple[Exclusion, ...]
    stale: tuple[Exclusion, ...]
    problems: tuple[str, ...]
    few_seeds: FewSeeds
    n_ok: int
    n_expected: int
    outcomes: tuple[tuple[str, int], ...]
