"""The gate: which learner, on which set, reads its reward, so that its runs may stand behind a word on rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.findings import Competence, Estimate
from offline_bench.analysis.frame import select_counted
from offline_bench.analysis.jackknife import mean_interval, seeds_to_tell
from offline_bench.analysis.scores.entries import Leaderboard
from offline_bench.analysis.scores.leaderboard import (
    ROW_KEY,
    TRUE_RELABELING,
    label_algorithms,
    reference_order,
    relabeling_order,
)
from offline_bench.core.spec import spec_name

Array = npt.NDArray[np.float64]

FULL = "full"
CLONING = ("bc", "discrete-bc", "tabular-bc")
# Points of normalized score that are called no difference.
MARGIN = 5.0


def judge_learners(frame: pd.DataFrame, published: Mapping[tuple[str, str], float] | None = None) -> list[Competence]:
    """Whether each learner reads its reward: one for every row of the leaderboard, in the order of their keys.

    frame      of `to_frame`; with rows from `add_missing`, learners without a record are judged, too
    published  (dataset, algorithm's name) → score under the true reward that counts as reached, of whole sets

    Under the true reward, with cloning of the same data and the same seeds beside it, a learner is competent where

        cloning    its score is above cloning's by the whole 95 % interval of the paired difference (Student's t), or
        data       cloning is within 5 points of the mean of the best tenth of the episodes, or above it, and the
                   learner is not below cloning by its whole interval: there is nothing more to be had, or
        published  the whole interval of its own score is at or above the published one, of which cloning's mean is
                   short by more than 5 points.

    It cannot be told without cloning, or with fewer than two seeds that both have. The best tenth is in records made
    since it was measured, because only these know of curated and of a user's own data, of which no card tells; without
    it, or without a scale of points, the second ground cannot be applied, and the reason says so. A learner counts
    under a curation, too, where it is competent on the whole set at the same budget: what a cut then takes from it is
    what the cut did.

    How often the first ground passes a learner that reads no reward, as cloning with seeds of its own, and one that is
    better by so many points: per cent of 40,000 simulated learners with 3 / 5 / 10 seeds, whose runs and cloning's
    deviate by 10 points (`error_rates.gate_pass_rate`).

        better by                         0                 5                10              20
        normal                       2.4 / 2.4 / 2.4    6 / 9 / 17     11 / 23 / 51    29 / 67 / 98
        t(3), heavy tails            1.8 / 2.1 / 2.1    7 / 11 / 23    15 / 34 / 64    41 / 78 / 96
        lognormal(0.8), skewed       1.6 / 1.6 / 1.8    8 / 14 / 25    20 / 39 / 64    47 / 77 / 95
        one in four runs collapses   1.3 / 1.4 / 2.4    6 / 11 / 17    16 / 29 / 50    34 / 63 / 98

    So 2.5 at most, as a difference of two such learners is symmetric. It is more where the runs are of another kind
    than cloning's: one in four collapses, to the mean of a cloning that does not deviate at all, and 16 / 20 / 7 pass,
    as few seeds may show no collapse. Under the second ground a learner that reads no reward passes 97.5 times of 100:
    there a reward can add nothing, and what is asked of wrong ones is that they do no harm. The third takes the 2.4 to
    2.8 / 2.5 / 2.4, at the published score that is worst for it.
    """
    runs = select_counted(frame)
    labels = label_algorithms(frame["algorithm"])
    found = []
    for key, _ in frame.groupby(ROW_KEY, sort=True):
        dataset, curation, algorithm, steps, episodes = cast("tuple[Any, ...]", key)
        row = Competence(dataset, curation, algorithm, labels[algorithm], int(steps), int(episodes), "cannot tell")
        known = published.get((dataset, spec_name(algorithm))) if published and curation == FULL else None
        found.append(_judge(row, runs, np.nan if known is None else known))
    whole = {(*item.key[:1], *item.key[2:]) for item in found if item.competent and item.curation == FULL}
    return [_carry_over(item, whole) for item in found]


def select_competent(frame: pd.DataFrame, judged: Sequence[Competence]) -> pd.DataFrame:
    """The runs of `frame` whose learner counts: the only ones that a headline, share, verdict or sign is made of."""
    counted = pd.MultiIndex.from_tuples([item.key for item in judged if item.counts], names=ROW_KEY)
    return frame[pd.MultiIndex.from_frame(frame[ROW_KEY]).isin(counted)]


def mark_rows(board: Leaderboard, judged: Sequence[Competence]) -> Leaderboard:
    """`board` with the competence of each of its rows."""
    known = {item.key: item for item in judged}
    tables = []
    for table in board.tables:
        keys = [(table.dataset, row.curation, row.algorithm, row.steps, row.episodes) for row in table.rows]
        rows = [replace(row, competence=known.get(key)) for row, key in zip(table.rows, keys, strict=True)]
        tables.append(replace(table, rows=tuple(rows)))
    return replace(board, tables=tuple(tables))


def is_cloning(algorithm: str) -> bool:
    """Whether the algorithm of this canonical text is the blind control: it reads no reward."""
    return spec_name(algorithm) in CLONING


def name_learner(item: Competence) -> str:
    """A learner on a set in a sentence."""
    cut = "" if item.curation == FULL else f", {item.curation}"
    return f"{item.label} on {item.dataset}{cut}"


def unit_of(runs: pd.DataFrame) -> str:
    """What runs of one set are compared by: the score, or the true return where it has none."""
    return "score" if np.isfinite(runs["score"].to_numpy(float)).any() else "true_return"


def scores_by_seed(runs: pd.DataFrame, row: Competence, relabeling: str, unit: str) -> pd.Series[float]:
    """Seed → `unit` of the learner of `row` under `relabeling`, of the runs that count."""
    mine = runs[(runs[ROW_KEY] == list(row.key)).all(axis=1) & (runs["relabeling"] == relabeling)]
    return mine.set_index("seed")[unit].dropna()


def cloning_by_seed(runs: pd.DataFrame, row: Competence, unit: str) -> pd.Series[float]:
    """Seed → `unit` of cloning on the data of `row`; which cloning, where there are several, says `reference_order`.

    Cloning reads no reward: its runs of a seed are one and the same under all rewards, so any of them will do.
    """
    names = [is_cloning(text) for text in runs["algorithm"]]
    runs = runs[(runs["dataset"] == row.dataset) & (runs["curation"] == row.curation) & np.array(names, bool)]
    settings = cast("set[tuple[str, int, int]]", set(runs[ROW_KEY[2:]].itertuples(index=False, name=None)))
    if not settings:
        return pd.Series(dtype=float)
    best = min(settings, key=lambda one: reference_order(one[0], one[1], one[2], (row.steps, row.episodes)))
    runs = runs[(runs[ROW_KEY[2:]] == list(best)).all(axis=1)].dropna(subset=[unit])
    runs = runs.assign(rank=[str(relabeling_order(text)) for text in runs["relabeling"]]).sort_values(["seed", "rank"])
    return runs.drop_duplicates("seed").set_index("seed")[unit]


@dataclass(frozen=True)
class _Evidence:
    """What a verdict is made from: scores by seed, paired (n,) differences, the best tenth's and the published."""

    true: Array
    cloning: Array
    differences: Array
    best: float
    published: float
    scored: bool

    @property
    def difference(self) -> Estimate:
        value, low, high = mean_interval(self.differences)
        return Estimate(float(value), float(low), float(high), len(self.differences))

    @property
    def at_best(self) -> bool | None:
        if not self.scored or np.isnan(self.best):
            return None
        return bool(self.cloning.mean() >= self.best - MARGIN)

    @property
    def reaches_published(self) -> bool:
        # A comparison with NaN is false.
        return bool(mean_interval(self.true)[1] >= self.published > self.cloning.mean() + MARGIN)


def _judge(row: Competence, runs: pd.DataFrame, published: float) -> Competence:
    if is_cloning(row.algorithm):
        return replace(row, verdict="reads no reward", reason="Cloning reads no reward: it is what others are held to.")
    here = runs[(runs["dataset"] == row.dataset) & (runs["curation"] == row.curation)]
    unit = unit_of(here)
    true, cloning = scores_by_seed(here, row, TRUE_RELABELING, unit), cloning_by_seed(here, row, unit)
    pairs = pd.concat([true, cloning], axis=1, join="inner").to_numpy(float)
    row = replace(row, true=float(true.mean()), cloning=float(cloning.mean()))
    if len(pairs) < 2:
        return replace(row, reason=_say_untold(len(true), len(cloning), len(pairs)))
    scored = unit == "score"
    best = float(here["best_score" if scored else "best_return"].mean())
    scores: list[Array] = [np.asarray(values, np.float64) for values in (true, cloning, pairs[:, 0] - pairs[:, 1])]
    found = _Evidence(scores[0], scores[1], scores[2], best, published, scored)
    verdict, ground, reason = _decide(found)
    return replace(
        row, verdict=verdict, ground=ground, reason=reason, difference=found.difference, at_best=found.at_best
    )


def _decide(found: _Evidence) -> tuple[str, str, str]:
    """Verdict, ground and reason."""
    told = _say_difference(found)
    if found.difference.low > 0.0:
        return "competent", "cloning", f"Under the true reward it is {told}."
    if found.at_best and not found.difference.high < 0.0:
        reached = f"Cloning ({found.cloning.mean():.1f}) is as good as the data (best tenth {found.best:.1f})"
        return "competent", "data", f"{reached}, and it is not below by its whole interval: {told}."
    if found.reaches_published:
        low = float(mean_interval(found.true)[1])
        reached = f"Its whole interval, from {low:.1f}, reaches the published {found.published:.1f}, far above cloning"
        return "competent", "published", f"{reached}; it is {told}."
    if found.difference.high < 0.0:
        return "not competent", "", f"Under the true reward it is {told}: below by its whole interval."
    return "not competent", "", f"Under the true reward it is {told}: not above by its whole interval.{_lacking(found)}"


def _lacking(found: _Evidence) -> str:
    """What would tell more: seeds, where it came out above, and what the second ground is applied to."""
    seeds = seeds_to_tell(found.difference.value, float(found.differences.std(ddof=1)))
    more = f" {seeds:.0f} seeds would tell, if it stayed so." if found.difference.value > 0 and seeds < np.inf else ""
    if found.at_best is not None:
        return more
    why = "its records lack the best episodes' mean" if found.scored else "this set has no scale of points"
    return f"{more} Whether cloning is as good as the data is not known: {why}."


def _say_difference(found: _Evidence) -> str:
    of = found.difference
    side = "above" if of.value >= 0 else "below"
    unit = "points" if found.scored else "of true return"
    return f"{abs(of.value):.1f} {unit} {side} cloning (95 % interval {of.low:+.1f} to {of.high:+.1f}, {of.n} seeds)"


def _say_untold(true: int, cloning: int, both: int) -> str:
    if not true:
        return "It has no run under the true reward that ended well."
    if not cloning:
        return "The suite has no cloning of the same data to compare it with. Add bc to the suite."
    return f"It shares {both} seed{'s' * (both != 1)} with cloning of the same data, and two are needed."


def _carry_over(item: Competence, whole: set[tuple[Any, ...]]) -> Competence:
    if item.curation == FULL or item.verdict in ("competent", "reads no reward"):
        return item
    if (*item.key[:1], *item.key[2:]) not in whole:
        return item
    return replace(item, on_full_set=True, reason=f"{item.reason} It counts, because it is competent on the whole set.")
