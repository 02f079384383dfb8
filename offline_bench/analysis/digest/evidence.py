"""What the runs show beside the headline: the few sentences that the page opens with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from offline_bench.analysis.digest.words import count, listed
from offline_bench.analysis.findings import Verdict
from offline_bench.analysis.scores.best_reward import BestRewards
from offline_bench.analysis.scores.entries import Cell, Leaderboard
from offline_bench.analysis.scores.leaderboard import REFERENCE_ALGORITHM, TRUE_RELABELING
from offline_bench.core.spec import spec_name

MOST = 3


def pick_findings(board: Leaderboard, best: BestRewards, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """At most three sentences, those first that bear on the question; each is left out where there is nothing to tell.

    What is said is decided by the kind of runs alone, never by how they came out.
    """
    told = (best_reward_sentence(best), survival_sentence(board), prediction_sentence(verdicts), harm_sentence(board))
    return tuple(filter(None, told))[:MOST]


def best_reward_sentence(best: BestRewards) -> str:
    """In how many places each reward is best; '' where there is no place."""
    if not best.places:
        return ""
    counts = dict(best.counts)
    true = counts.pop(TRUE_RELABELING, None)
    others = [f"{name} in {number}" for name, number in sorted(counts.items(), key=lambda item: -item[1]) if number]
    tied = f" In {best.tied} two rewards are best alike." if best.tied else ""
    pairs = count(best.places, "dataset-learner pair")
    if true is None:
        return f"Of {pairs}, the highest score is under {listed(others)}.{tied}"
    if not true:
        first, *more = others or [""]
        rest = f" The best reward is {listed([f'{first} of {pairs}', *more])}." if first else ""
        return f"The true reward is never best.{rest}{tied}"
    rest = f" Elsewhere it is under {listed(others)}." if others else ""
    return f"In {true} of {pairs} the true reward gives the highest score.{rest}{tied}"


def survival_sentence(board: Leaderboard) -> str:
    """In how many cells a wrong reward ends above both the data and cloning; '' where none can be told."""
    told, above = _survival(board)
    if not sum(told.values()):
        return ""
    by_reward = [f"{name} in {above[name]} of {told[name]}" for name in board.relabelings if told[name]]
    return (
        f"A learner under a wrong reward scores above both the data and cloning in {sum(above.values())} of "
        f"{count(sum(told.values()), 'cell')}: {listed(by_reward)}."
    )


def _survival(board: Leaderboard) -> tuple[Counter[str], Counter[str]]:
    told: Counter[str] = Counter()
    above: Counter[str] = Counter()
    for cell in wrong_cells(board):
        if np.isfinite(cell.lift_over_behavior) and np.isfinite(cell.lift_over_bc):
            told[cell.relabeling] += 1
            above[cell.relabeling] += cell.survives
    return told, above


def prediction_sentence(verdicts: Sequence[Verdict]) -> str:
    """How many predictions hold, fail and stay open; '' without any."""
    if not verdicts:
        return ""
    seen = Counter(item.verdict for item in verdicts)
    parts = [f"{seen[name]} {one if seen[name] == 1 else many}" for name, one, many in VERDICTS]
    return f"Of {count(len(verdicts), 'prediction')} written before the runs, {listed(parts)}."


VERDICTS = (("holds", "holds", "hold"), ("fails", "fails", "fail"), ("open", "is open", "are open"))


def harm_sentence(board: Leaderboard) -> str:
    """In how many cells a wrong reward ends below the data by its whole interval; '' where none can be told."""
    cells = [cell for cell in wrong_cells(board) if np.isfinite(cell.lift_over_behavior) and np.isfinite(cell.high)]
    if not cells:
        return ""
    below = sum(cell.high < cell.value - cell.lift_over_behavior for cell in cells)
    return f"A wrong reward ends below the data by its whole interval in {below} of {count(len(cells), 'cell')}."


def wrong_cells(board: Leaderboard) -> Iterator[Cell]:
    """The cells of wrong rewards that have runs, of every learner but cloning."""
    for part in board.tables:
        for row in part.rows:
            if spec_name(row.algorithm) != REFERENCE_ALGORITHM:
                yield from (cell for cell in row.cells if cell.n_ok and cell.relabeling != TRUE_RELABELING)
