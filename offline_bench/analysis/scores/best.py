"""Which number of a leaderboard may be called the best: where its interval leaves no doubt."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from offline_bench.analysis.scores.entries import Cell, DatasetTable


def find_best(table: DatasetTable) -> frozenset[tuple[int, int]]:
    """Places (row, cell) in `table` of the numbers that are best among the algorithms, by their whole interval.

    Compared are the rows of one curation under one relabeling. The highest number is the best where its 95 % interval
    lies above the interval of every other. Nothing is best that stands alone, or beside a number without an interval:
    that one could lie anywhere. Rows without a run that ended well are not compared.
    """
    curations: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(table.rows):
        curations[row.curation].append(at)
    columns = range(len(table.rows[0].cells)) if table.rows else range(0)
    found = set()
    for rows in curations.values():
        for column in columns:
            best = _find_winner([table.rows[at].cells[column] for at in rows])
            if best is not None:
                found.add((rows[best], column))
    return frozenset(found)


def _find_winner(cells: list[Cell]) -> int | None:
    told = [at for at, cell in enumerate(cells) if cell.n_ok]
    if len(told) < 2:
        return None
    best = max(told, key=lambda at: cells[at].value)
    highs = [cells[at].high for at in told if at != best]
    # A comparison with NaN is false: a number without an interval neither wins nor lets another win.
    return best if bool(np.all(cells[best].low > np.array(highs))) else None
