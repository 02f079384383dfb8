"""The frame as a design: cells of coverage, reward and algorithm, each with one value a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.frame import CELL, keep_longest
from offline_bench.data.loaders.tasks import try_task

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FACTORS = ("coverage", "reward", "algorithm")
TASK = "task"


@dataclass(frozen=True)
class Design:
    """One row per cell that has runs.

    levels   (cells, 3) which level of coverage, reward and algorithm
    names    the levels' texts, in their numbering; coverage is (dataset, curation)
    values   (cells, seeds) NaN where a cell has no run of that seed
    tasks    the task of each level of coverage; () where the task is not told apart from coverage
    """

    levels: Integers
    names: tuple[tuple[tuple[str, ...], ...], ...]
    values: Array
    tasks: tuple[str, ...] = ()

    @property
    def counts(self) -> Integers:
        """(cells,) how many seeds each cell has."""
        return np.asarray(np.isfinite(self.values).sum(axis=1), np.int64)

    @property
    def possible(self) -> int:
        """How many cells there are when every level meets every other."""
        return int(np.prod([len(names) for names in self.names]))

    def keep(self, cells: npt.NDArray[np.bool_]) -> Design:
        """The design of these cells alone; levels and seeds that none of them has are gone."""
        values = self.values[cells]
        values = values[:, np.isfinite(values).any(axis=0)]
        names, columns = [], []
        for at, known in enumerate(self.names):
            used, column = np.unique(self.levels[cells, at], return_inverse=True)
            names.append(tuple(known[i] for i in used))
            columns.append(column.astype(np.int64))
        tasks = tuple(self.tasks[i] for i in np.unique(self.levels[cells, 0])) if self.tasks else ()
        return Design(np.stack(columns, axis=1), tuple(names), values, tasks)

    def tell_tasks(self) -> Design:
        """This design with the task of each dataset told apart from coverage, where there are two tasks or more."""
        found = {dataset: try_task(dataset) for dataset in {name[0] for name in self.names[0]}}
        tasks = tuple(task.name if (task := found[name[0]]) else "" for name in self.names[0])
        return replace(self, tasks=tasks) if len(set(tasks)) > 1 else self

    def split(self) -> dict[str, list[Array]]:
        """`split_space` of the levels, in which `task` stands before `coverage` where it is told apart."""
        found = split_space(self.levels)
        if len(set(self.tasks)) < 2 or FACTORS[0] not in found:
            return found
        task = _indicators(np.unique(self.tasks, return_inverse=True)[1][self.levels[:, :1]])
        parts = [_part(basis, task) for basis in found.pop(FACTORS[0])]
        told = {TASK: [part[0] for part in parts], FACTORS[0]: [part[1] for part in parts]}
        return {source: bases for source, bases in told.items() if any(one.shape[1] for one in bases)} | found


def arrange(frame: pd.DataFrame, measure: str = "score") -> Design:
    """The design of the runs in `frame` that have a finite `measure`; the same for any order of the rows.

    Where a cell has a seed at several budgets, the longest counts.
    """
    frame = frame[np.isfinite(frame[measure].to_numpy(float))]
    frame = keep_longest(frame)
    if not len(frame):
        return Design(np.zeros((0, 3), np.int64), ((), (), ()), np.zeros((0, 0)))
    table = frame.pivot(index=CELL, columns="seed", values=measure)
    cells = [tuple(str(text) for text in key) for key in table.index]
    factors = [[cell[at] for cell in cells] for at in (slice(0, 2), slice(2, 3), slice(3, 4))]
    names = tuple(tuple(sorted(set(texts))) for texts in factors)
    levels = [[known.index(text) for text in texts] for known, texts in zip(names, factors, strict=True)]
    return Design(np.array(levels, np.int64).T, names, table.to_numpy(float))


def split_space(levels: Integers) -> dict[str, list[Array]]:
    """The between-cell space, split among the factors and those of their interactions that it has.

    levels: (cells, factors). Returns for each source a list of bases (cells, rank), orthonormal in their columns: the
    mean over the list of ‖Uᵀμ‖² is the source's sum of squares. In a full grid there is one basis each; where
    cells are missing, factors are entangled, and there is one for every order of entering them (Lindeman, Merenda &
    Gold 1980). Main effects enter before the interactions of two, and those before that of three.
    """
    if len(levels) == np.prod([len(np.unique(column)) for column in levels.T]):
        return _split_full(levels)
    found: dict[str, list[Array]] = {}
    base = np.full((len(levels), 1), 1.0 / np.sqrt(max(len(levels), 1)))
    for size in range(1, levels.shape[1] + 1):
        terms = list(combinations(range(levels.shape[1]), size))
        blocks = [_indicators(levels[:, term]) for term in terms]
        for order in permutations(range(len(terms))):
            reached = base
            for at in order:
                added = _orthogonalize(blocks[at], reached)
                found.setdefault(_name(terms[at]), []).append(added)
                reached = np.concatenate([reached, added], axis=1)
        base = reached
    return {source: bases for source, bases in found.items() if any(basis.shape[1] for basis in bases)}


def _split_full(levels: Integers) -> dict[str, list[Array]]:
    """`split_space` of a full grid: products of each factor's contrasts, which nothing has to be orthogonalized for."""
    places = [np.unique(column, return_inverse=True)[1] for column in levels.T]
    counts = [int(place.max(initial=-1)) + 1 for place in places]
    contrasts = [_contrasts(count)[place] for count, place in zip(counts, places, strict=True)]
    found = {}
    for size in range(1, len(counts) + 1):
        for term in combinations(range(len(counts)), size):
            rest = math.prod(count for at, count in enumerate(counts) if at not in term)
            basis = np.full((len(levels), 1), 1.0 / np.sqrt(max(rest, 1)))
            for at in term:
                basis = (basis[:, :, None] * contrasts[at][:, None]).reshape(len(levels), -1)
            if basis.shape[1]:
                found[_name(term)] = [basis]
    return found


def _contrasts(count: int) -> Array:
    """(count, count - 1) orthonormal columns that each sum to 0. Source: Helmert 1876."""
    columns = np.triu(np.ones((count, max(count - 1, 0))))
    at = np.arange(1, count)
    columns[at, at - 1] = -at
    return np.asarray(columns / np.sqrt(at * (at + 1)))


def _part(basis: Array, block: Array) -> tuple[Array, Array]:
    """The part of the space of `basis` that lies along `block`, and the rest of it, as orthonormal bases."""
    along = _orthogonalize(basis @ (basis.T @ block), np.zeros((len(basis), 0)))
    return along, _orthogonalize(basis, along)


def _name(term: Sequence[int]) -> str:
    return ":".join(FACTORS[at] for at in term)


def _indicators(columns: Integers) -> Array:
    _, group = np.unique(columns, axis=0, return_inverse=True)
    return np.asarray(np.eye(group.max() + 1)[group.ravel()])


def _orthogonalize(block: Array, base: Array) -> Array:
    """An orthonormal basis (cells, rank) of what `block` spans beyond `base`."""
    rest = block - base @ (base.T @ block)
    left, scales, _ = np.linalg.svd(rest, full_matrices=False)
    kept = left[:, scales > 1e-9 * np.sqrt(len(block))]
    # Once more: what rounding left along `base` would make the parts sum to more than the whole.
    kept = kept - base @ (base.T @ kept)
    return np.asarray(np.linalg.qr(kept)[0])
