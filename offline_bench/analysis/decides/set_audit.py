"""The audit of a dataset: a verdict in one sentence with its interval, and whether the placebo showed nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.decides.audit_sentence import say_settles, say_verdict
from offline_bench.analysis.decides.verdict_of_set import UNTOLD, judge_sets
from offline_bench.analysis.findings import Competence, Estimate, SetVerdict
from offline_bench.analysis.frame import add_missing, select_counted, to_frame
from offline_bench.analysis.jackknife import mean_interval
from offline_bench.analysis.scores.competence import is_cloning, judge_learners
from offline_bench.analysis.scores.leaderboard import TRUE_RELABELING, label_algorithms, relabeling_order
from offline_bench.runs.record import Record, Run

PLACEBO = "placebo"
# Numbers of an audit without reference returns are in hundredths of this way.
SHARE = "% of the way from random to the data"
SCORE = "normalized score"
RETURN = "true return"


@dataclass(frozen=True)
class Scale:
    """The scale of a set's scores: `unit`, with the returns that mark 0 and 100; NaN without them."""

    unit: str
    zero: float = np.nan
    hundred: float = np.nan
    source: str = ""


@dataclass(frozen=True)
class Placebo:
    """What the true reward under another name changed, over all learners; `same` of `pairs` pairs are equal.

    difference   placebo less original, paired by learner and seed; of the runs' own unit
    """

    same: int
    pairs: int
    difference: Estimate

    @property
    def shows(self) -> bool:
        """Whether it showed an effect where there is none: then no result here can be trusted."""
        # A comparison with NaN is false.
        return bool(self.same < self.pairs and (self.difference.low > 0.0 or self.difference.high < 0.0))

    @property
    def sentence(self) -> str:
        if not self.pairs:
            return "The placebo was not run, so it is not known whether the comparison itself is sound."
        if self.same == self.pairs:
            equal = f"all {self.pairs} runs are those of the true reward to the bit"
            return f"The placebo showed nothing, as it must: {equal}."
        of = self.difference
        told = f"{of.value:+.1f} (95 % interval {of.low:+.1f} to {of.high:+.1f}, {of.n} pairs)"
        if self.shows:
            return f"The placebo showed an effect, {told}, and there is none: do not believe the rest of this audit."
        equal = f"{self.same} of {self.pairs} pairs are equal to the bit"
        return f"The placebo showed nothing beyond chance, {told}; {equal}."


@dataclass(frozen=True)
class AuditRow:
    """A learner under a reward: its score and its true return, each the mean over seeds with Student's t interval."""

    learner: str
    relabeling: str
    score: Estimate
    true_return: Estimate


@dataclass(frozen=True)
class SetAudit:
    """What an audit of one set found; `sentence` is the verdict, and what it rests on is beside it.

    behavior   mean true return of the data, and its score
    done, expected   runs that ended well, of those there were to be
    """

    dataset: str
    verdict: str
    sentence: str
    settles: str
    placebo: Placebo
    scale: Scale
    found: SetVerdict
    judged: tuple[Competence, ...]
    rows: tuple[AuditRow, ...]
    behavior: tuple[float, float]
    done: int
    expected: int


def audit_set(records: Sequence[Record], runs: Sequence[Run], scale: Scale, longer: str = "") -> SetAudit:
    """The audit of the one dataset of `runs`, of the `records` that there are of them.

    scale    where the set has no reference returns, the one to tell scores in: random is 0, and the data's mean 100
    longer   what would train longer, such as '--budget hour', for the sentence where nobody is competent
    """
    frame = put_on_scale(add_missing(to_frame(records), runs), scale)
    judged = judge_learners(frame)
    dataset = runs[0].dataset
    wrong = sorted({run.relabeling for run in runs} - {TRUE_RELABELING, PLACEBO}, key=relabeling_order)
    sets = judge_sets(frame, judged, wrong)
    found = sets[0] if sets else SetVerdict(dataset, "full", UNTOLD, "No learner beside cloning was run.")
    placebo = check_placebo(frame)
    if placebo.shows:
        found = replace(found, verdict=UNTOLD)
    counted = select_counted(frame)
    return SetAudit(
        dataset=dataset,
        verdict=found.verdict,
        sentence=say_verdict(found, judged, placebo.sentence if placebo.shows else "", scale.unit),
        settles="" if placebo.shows else say_settles(found, judged, longer),
        placebo=placebo,
        scale=scale,
        found=found,
        judged=tuple(judged),
        rows=tuple(list_rows(counted)),
        behavior=(float(counted["behavior_return"].mean()), float(counted["behavior_score"].mean())),
        done=len(counted),
        expected=len(frame),
    )


def put_on_scale(frame: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """`frame` with scores by `scale` where its sets have none; as it is where that has no 0 and 100."""
    if scale.unit != SHARE:
        return frame
    scored = {
        f"{name}score": 100.0 * (frame[f"{name}{of}"] - scale.zero) / (scale.hundred - scale.zero)
        for name, of in (("", "true_return"), ("behavior_", "return"), ("best_", "return"))
    }
    return frame.assign(**scored)


def make_share_scale(random_returns: np.ndarray, data_mean: float) -> Scale:
    """The way from the mean of `random_returns` (n,) to that of the data; none where random is not surely below it."""
    mean, _, high = (float(end) for end in mean_interval(np.asarray(random_returns, float)))
    if not data_mean > high:
        return Scale(RETURN)
    source = f"{len(random_returns)} episodes of uniform actions, and the mean true return of the data"
    return Scale(SHARE, mean, data_mean, source)


def check_placebo(frame: pd.DataFrame) -> Placebo:
    """`placebo` held against `original`, learner by learner and seed by seed."""
    runs = select_counted(frame)
    unit = "score" if np.isfinite(runs["score"].to_numpy(float)).any() else "true_return"
    key = ["dataset", "curation", "algorithm", "steps", "episodes", "seed"]
    here, there = (
        runs[runs["relabeling"] == name].set_index(key)[list({unit, "true_return", "length"})].sort_index()
        for name in (TRUE_RELABELING, PLACEBO)
    )
    shared = here.index.intersection(there.index)
    here, there = here.loc[shared], there.loc[shared]
    same = (here["true_return"] == there["true_return"]) & (here["length"] == there["length"])
    apart = (there[unit] - here[unit]).to_numpy(float)
    return Placebo(int(same.sum()), len(shared), _estimate(apart))


def list_rows(runs: pd.DataFrame) -> list[AuditRow]:
    """A row for each learner under each reward of the one set of `runs`, cloning first."""
    labels = label_algorithms(runs["algorithm"])
    cells = runs[["algorithm", "relabeling"]].drop_duplicates().itertuples(index=False, name=None)
    found = []
    for algorithm, relabeling in sorted(cells, key=lambda cell: (not is_cloning(cell[0]), cell[0], _order(cell[1]))):
        mine = runs[(runs["algorithm"] == algorithm) & (runs["relabeling"] == relabeling)]
        found.append(
            AuditRow(
                labels[algorithm],
                relabeling,
                *(_estimate(mine[unit].to_numpy(float)) for unit in ("score", "true_return")),
            )
        )
    return found


def _order(relabeling: str) -> tuple[bool, tuple[int, str]]:
    """The true reward, its placebo, then the wrong ones as everywhere."""
    return relabeling not in (TRUE_RELABELING, PLACEBO), relabeling_order(relabeling)


def _estimate(values: npt.NDArray[np.float64]) -> Estimate:
    value, low, high = (float(end) for end in mean_interval(values))
    return Estimate(value, low, high, len(values))
