"""What the headline leans on: its number for each algorithm alone, and with each level of the design left out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from offline_bench.analysis.decides.headline import compare_shares
from offline_bench.analysis.decides.shares import overall_shares
from offline_bench.analysis.findings import Leaning, Shares
from offline_bench.analysis.frame import select_counted
from offline_bench.analysis.scores.leaderboard import (
    algorithm_order,
    curation_order,
    label_algorithms,
    relabeling_order,
)

FACTORS = {"algorithm": "algorithm", "reward": "relabeling", "curation": "curation", "dataset": "dataset"}
ORDERS = {"algorithm": algorithm_order, "reward": relabeling_order, "curation": curation_order}


def lean_headline(frame: pd.DataFrame) -> tuple[Leaning, ...]:
    """The headline's shares for every algorithm alone, then without each algorithm, reward, curation and dataset.

    frame: of `to_frame`. A factor with one level has none to leave out. Each is `overall_shares` of the rows that are
    left. Nothing is chosen: all levels are there, so none can be picked for what it shows.
    """
    runs = select_counted(frame)
    labels = label_algorithms(runs["algorithm"])
    found = []
    for kind, factor, level in _parts(runs):
        chosen = runs[FACTORS[factor]] == level
        part = runs[chosen] if kind == "only" else runs[~chosen]
        found.append(Leaning(kind, factor, labels.get(level, level), overall_shares(part)))
    return tuple(found)


def lean_most(overall: Shares, leanings: Sequence[Leaning]) -> str:
    """The caveat: the level whose absence moves the headline's ratio by the largest factor; '' where there is none.

    Said to turn around where what decided less decides more without it, as surely as its interval says.
    """
    moved = [
        (abs(math.log(item.shares.ratio.value / overall.ratio.value)), item)
        for item in leanings
        if item.kind == "without" and _is_told(item.shares) and _is_told(overall)
    ]
    if not moved:
        return ""
    item = max(moved, key=lambda pair: pair[0])[1]
    ratio, was = item.shares.ratio, overall.ratio.value
    sure = not any(of.low <= 1.0 <= of.high for of in (ratio, overall.ratio))
    what = f"the {item.level} reward" if item.factor == "reward" else f"the {item.factor} {item.level}"
    turned = sure and (ratio.value > 1.0) != (was > 1.0)
    opening = f"Without {what} this turns around:" if turned else f"This leans most on {what}. Without it"
    return f"{opening} {compare_shares(item.shares)}."


def _parts(runs: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    levels = {
        factor: sorted({str(text) for text in runs[column]}, key=ORDERS.get(factor))
        for factor, column in FACTORS.items()
    }
    if len(levels["algorithm"]) > 1:
        yield from (("only", "algorithm", level) for level in levels["algorithm"])
    for factor, names in levels.items():
        if len(names) > 1:
            yield from (("without", factor, name) for name in names)


def _is_told(shares: Shares) -> bool:
    return math.isfinite(shares.ratio.value) and shares.ratio.value > 0.0
