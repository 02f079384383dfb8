"""What each section of the page found, in a sentence that stands on it while it is folded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pandas as pd

from offline_bench.analysis.behavior.exact_values import ExactTable
from offline_bench.analysis.behavior.lengths import LengthTable
from offline_bench.analysis.behavior.walks import WalkTable
from offline_bench.analysis.digest.evidence import survival_sentence
from offline_bench.analysis.digest.words import count, listed, percent, short_ids, spread
from offline_bench.analysis.findings import CellFacts, Partition, PositiveBias, Shares
from offline_bench.analysis.origin import Provenance
from offline_bench.analysis.scores.best_reward import find_blind
from offline_bench.analysis.scores.entrants import enter_runs, split_runs
from offline_bench.analysis.scores.entries import Leaderboard
from offline_bench.analysis.scores.leaderboard import TRUE_RELABELING, relabeling_order
from offline_bench.analysis.scores.learning_curves import Curve
from offline_bench.evaluation.exact import HERE

SHARES_TOLD = ("task", "coverage", "reward", "algorithm")
CURVE = 3  # evaluations: fewer are points, and no curve


def leaderboard_line(board: Leaderboard) -> str:
    """How many runs ended well, and how many wrong rewards survive."""
    ended = f"{board.n_ok:,} of {count(board.n_expected, 'run')} ended well."
    return " ".join(filter(None, (ended, survival_sentence(board))))


def heat_map_line(board: Leaderboard) -> str:
    """How far scores lie apart from data to data, and from reward to reward."""
    across, down = [], []
    for entry in board.algorithms:
        rows = [row for part in board.tables if part.task for row in part.rows if row.algorithm == entry.algorithm]
        values = np.array([[cell.value for cell in row.cells] for row in rows], float)
        if values.size:
            down += [_range(column) for column in values.T]
            across += [_range(row) for row in values]
    by_data, by_reward = _mean(down), _mean(across)
    if math.isnan(by_data) or math.isnan(by_reward):
        return ""
    return (
        f"The best and the worst data differ by {by_data:.1f} points of score, the best and the worst reward by "
        f"{by_reward:.1f} (means)."
    )


def length_line(tables: Sequence[LengthTable]) -> str:
    """How closely length and score go together, dataset by dataset."""
    together, fixed = [], []
    short = short_ids({table.dataset for table in tables})
    for dataset in dict.fromkeys(table.dataset for table in tables):
        points = [point for table in tables if table.dataset == dataset for point in table.points]
        lengths = pd.Series([point.length for point in points], dtype=float)
        if lengths.nunique() > 1:
            rank = lengths.corr(pd.Series([point.value for point in points], dtype=float), method="spearman")
            together.append(f"{rank:.2f} on {short[dataset]}")
        elif points:
            fixed.append(short[dataset])
    parts = [f"The rank correlation of length and score is {listed(together)}." if together else ""]
    parts.append(f"On {listed(fixed)} all episodes are equally long." if fixed else "")
    return " ".join(filter(None, parts))


def walk_line(tables: Sequence[WalkTable]) -> str:
    """In how many panels of each learner a wrong reward leaves the path as it is under the true one."""
    told: Counter[str] = Counter()
    same: Counter[str] = Counter()
    for table in tables:
        true = {(one.where, one.label): one.walk for one in table.panels if one.relabeling == TRUE_RELABELING}
        for panel in table.panels:
            known = true.get((panel.where, panel.label))
            if known is not None and panel.relabeling != TRUE_RELABELING:
                told[panel.label] += 1
                same[panel.label] += panel.walk == known
    if not told:
        return ""
    by_learner = listed(f"{name} in {same[name]} of {number}" for name, number in told.items())
    return f"Panels in which a wrong reward keeps the path of the true one: {by_learner}."


def exact_line(tables: Sequence[ExactTable]) -> str:
    """How far returns fall short of the highest, under the true reward and under wrong ones."""
    short: dict[bool, list[float]] = {True: [], False: []}
    for table in tables:
        places = [at for at, of in enumerate(table.quantities) if (of.where, of.what) == (HERE, "short")]
        for row in table.rows:
            short[row.relabeling == TRUE_RELABELING] += [row.values[at].mean for at in places]
    names = {True: "under the true reward", False: "under wrong rewards"}
    told = listed(f"by {spread(values, 2)} {names[true]}" for true, values in short.items() if values)
    return f"The return falls short of the highest {told}." if told else ""


def bias_line(biases: Sequence[PositiveBias], frame: pd.DataFrame) -> str:
    """The biases of learners that read rewards beside those of blind ones."""
    blind = find_blind(frame)
    told = [item for item in biases if not math.isnan(item.bias.value)]
    kinds = {
        "Learners that read rewards have": [item.bias.value for item in told if item.algorithm not in blind],
        "Cloning (bc) is blind to them and has": [item.bias.value for item in told if item.algorithm in blind],
    }
    parts = [f"{name} {spread(values)}." for name, values in kinds.items() if values]
    return " ".join(["At 1, the floor, nothing of the score stays.", *parts]) if parts else ""


def share_line(overall: Shares) -> str:
    """The shares of the task where it is told apart, of coverage, reward, algorithm and the rest."""
    known = {name: share for name, share in overall.shares if math.isfinite(share.value)}
    told = [f"{name} {percent(known[name].value)}" for name in SHARES_TOLD if name in known]
    if not told:
        return ""
    rest = f"; {percent(known['rest'].value)} is chance that no source explains" if "rest" in known else ""
    return f"Of the variance of the {overall.unit}: {listed(told)}{rest}."


def visit_line(partitions: Sequence[Partition]) -> str:
    """Which of coverage and reward divides the visits more, in how many groups of policies."""
    found: dict[str, dict[str, float]] = {}
    for item in partitions:
        found.setdefault(item.dataset, {})[item.source] = item.r2.value
    both = [of for of in found.values() if {"coverage", "reward"} <= set(of)]
    if not both:
        return ""
    more = sum(of["reward"] > of["coverage"] for of in both)
    where = f"{more} of {count(len(both), 'environment')}"
    return f"Reward divides the visits of policies more than coverage does in {where}."


def support_line(cells: Sequence[CellFacts]) -> str:
    """How much of the visits stays with the data, reward by reward."""
    by_reward: dict[str, list[float]] = {}
    for cell in cells:
        if math.isfinite(cell.in_support.value):
            by_reward.setdefault(cell.relabeling, []).append(cell.in_support.value)
    told = [f"{percent(_mean(by_reward[name]))} under {name}" for name in sorted(by_reward, key=relabeling_order)]
    return f"The share of visits in support is {listed(told)} (means over cells)." if told else ""


def aggregate_line(frame: pd.DataFrame) -> str:
    """The mean score over all runs under each reward, of learners that read it."""
    runs = enter_runs(frame)
    runs = runs[~runs["entrant"].isin(find_blind(frame)) & np.isfinite(runs["score"].to_numpy(float))]
    told = [
        f"{group['score'].mean():.1f} under {name}"
        for (name,), group in split_runs(runs.sort_values("relabeling_rank", kind="stable"), "relabeling")
    ]
    return f"Learners that read rewards score {listed(told)}, on average." if told else ""


def curve_line(curves: Sequence[Curve]) -> str:
    """At how many steps the runs were evaluated."""
    numbers = sorted({len(curve.steps) for curve in curves})
    if not numbers or numbers[-1] < 2:
        return ""
    if numbers[-1] < CURVE:
        return "Two evaluations make no curve. They are shown as two points."
    return f"Runs were evaluated at up to {numbers[-1]} steps."


def completeness_line(board: Leaderboard) -> str:
    """What became of the runs."""
    others = listed(f"{number} {status}" for status, number in board.outcomes)
    return f"{board.n_ok:,} of {count(board.n_expected, 'run')} ended well" + (f"; {others}." if others else ".")


def provenance_line(made: Provenance) -> str:
    """How much work it was."""
    hours = timedelta(seconds=round(made.seconds))
    return f"{count(made.runs, 'run')}, {hours} of training and evaluation, and the command that makes each row again."


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def _range(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.max() - known.min()) if len(known) > 1 else math.nan
