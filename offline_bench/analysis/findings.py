"""What the analysis of a frame of runs finds: every number that the report lays out beside the leaderboard.

Definitions are on the functions that compute these. Numbers are NaN where there is none; a number and its interval
never stand without how many runs are behind them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, from `n` runs."""

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n: int = 0


@dataclass(frozen=True)
class Competence:
    """Whether one learner at one budget, on one set under one curation, reads its reward; see `judge_learners`.

    verdict      'competent', 'not competent', 'cannot tell', or 'reads no reward' for cloning
    ground       what it is competent by: 'cloning', 'data' or 'published'; '' where it is not
    reason       a sentence for people
    true, cloning  mean scores under the true reward; true returns where the set has no scores
    difference   true less cloning, paired over `difference.n` seeds, with its 95 % interval
    at_best      whether cloning is as good as the data can be; None where that is not known
    on_full_set  it is competent on the whole set, and counts under this curation for that
    """

    dataset: str
    curation: str
    algorithm: str
    label: str
    steps: int
    episodes: int
    verdict: str
    ground: str = ""
    reason: str = ""
    true: float = np.nan
    cloning: float = np.nan
    difference: Estimate = Estimate()
    at_best: bool | None = None
    on_full_set: bool = False

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        return self.dataset, self.curation, self.algorithm, self.steps, self.episodes

    @property
    def competent(self) -> bool:
        return self.verdict == "competent"

    @property
    def counts(self) -> bool:
        """Whether its runs may stand behind a word on rewards."""
        return self.competent or self.on_full_set

    @property
    def mark(self) -> str:
        """One sign for a table, to stand before `word`: never a color alone."""
        marks = {"competent": "✓", "not competent": "✗", "cannot tell": "?", "reads no reward": "○"}
        return "(✓)" if self.on_full_set else marks[self.verdict]

    @property
    def word(self) -> str:
        return "competent on the whole set" if self.on_full_set else self.verdict


@dataclass(frozen=True)
class RewardEffect:
    """What one wrong reward left of what the true one gave, on one set; of one learner, or over all ('').

    kept     K / L: what it is above cloning over what the true reward is; NaN where the latter is not positive
    excess   what is judged: K − L/2, or K + 5 where cloning is as good as the data; with its 95 % interval
    side     'below' half, 'above' it, or 'open'
    seeds    how many would settle an open one, if mean and spread stay as they are; ∞ where more than 1,000
    ratio    K / L with its 95 % interval by `ratio_interval`; NaN where it has none
    by_half  whether half of L is what it is held to; else K + 5 is judged, as a reward can add nothing there; None
             where learners of both kinds are together
    """

    relabeling: str
    learner: str
    kept: float
    excess: Estimate
    side: str
    seeds: float = np.nan
    ratio: Estimate = Estimate()
    by_half: bool | None = True


@dataclass(frozen=True)
class SetVerdict:
    """Whether a set under a curation is 'reward-sensitive', 'reward-free' or 'mixed', or 'cannot tell'.

    reason     a sentence: what it rests on, and what would settle it where it cannot be told
    learners   labels of the competent learners behind it
    effects    a wrong reward each, over the learners; `by_learner` the same of each learner on its own
    """

    dataset: str
    curation: str
    verdict: str
    reason: str
    learners: tuple[str, ...] = ()
    effects: tuple[RewardEffect, ...] = ()
    by_learner: tuple[RewardEffect, ...] = ()


@dataclass(frozen=True)
class Aggregate:
    """One algorithm under one relabeling over all its tasks (dataset, curation), normalized scores.

    missing  tasks of the frame on which it has no run that ended well: they are not in the numbers
    """

    algorithm: str
    relabeling: str
    iqm: Estimate
    median: Estimate
    mean: Estimate
    optimality_gap: Estimate
    tasks: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Improvement:
    """Probability that a run under `first` outscores a run under `second`, averaged over the tasks that have both."""

    algorithm: str
    first: str
    second: str
    probability: Estimate
    tasks: int


@dataclass(frozen=True)
class Profile:
    """Share of runs that score above each threshold, with pointwise intervals; all (len(thresholds),)."""

    algorithm: str
    relabeling: str
    thresholds: tuple[float, ...]
    values: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class PositiveBias:
    """1 / ε̂ of one algorithm on one dataset and curation; ∞ where ε̂ ≤ 0.

    epsilon          1 − (least score over the wrong rewards) / 100
    worst            the wrong reward with the least score
    published        the same from published scores of that algorithm on the matching tier; NaN where there are none
    """

    dataset: str
    curation: str
    algorithm: str
    epsilon: Estimate
    bias: Estimate
    worst: str
    published: float = np.nan
    published_source: str = ""


@dataclass(frozen=True)
class CellFacts:
    """Per dataset, curation, algorithm and relabeling: how its policies stay with the data, and what the reward cost.

    retention  score under this reward over score under the true one; NaN where the true one is not positive
    """

    dataset: str
    curation: str
    algorithm: str
    relabeling: str
    score: Estimate
    gap: Estimate
    retention: Estimate
    in_support: Estimate
    concentrability: Estimate
    effective_share: Estimate
    length: Estimate


@dataclass(frozen=True)
class Shares:
    """How much of the variance of the score each source decides, over all datasets ('') or within one.

    shares  (source, share): coverage, reward, algorithm, their interactions, seed and the rest; they sum to 1.
            Over several tasks `task` comes before them, and coverage is what the data decide within a task
    ratio   share of coverage over share of reward; high is ∞ where the share of reward may be 0
    levels  (source, number of levels) of the cells that the shares are of
    parts   (interaction, share): what `interactions` is made of
    datasets  how many they are of
    present   `levels` before cells with too few seeds were left out
    unit      what the shares are of: 'score', or 'true return' where a dataset has no score
    """

    dataset: str
    shares: tuple[tuple[str, Estimate], ...]
    ratio: Estimate
    levels: tuple[tuple[str, int], ...]
    note: str = ""
    parts: tuple[tuple[str, Estimate], ...] = ()
    datasets: int = 1
    present: tuple[tuple[str, int], ...] = ()
    unit: str = "score"


@dataclass(frozen=True)
class Leaning:
    """The shares over all datasets of a part of the runs: `kind` 'only' one level of a factor, or all 'without' it."""

    kind: str
    factor: str
    level: str
    shares: Shares


@dataclass(frozen=True)
class Partition:
    """Behavior distances partitioned by one source (PERMANOVA), over the runs of one dataset."""

    dataset: str
    source: str
    pseudo_f: float
    r2: Estimate
    p: float
    permutations: int


@dataclass(frozen=True)
class MapPoint:
    """One policy on the map of its task's policies."""

    key: str
    x: float
    y: float
    coverage: str
    reward: str
    algorithm: str
    seed: int
    score: float


@dataclass(frozen=True)
class PolicyMap:
    """All policies of one dataset in the plane; `explained` (2,), the share of squared distance on each axis."""

    dataset: str
    points: tuple[MapPoint, ...]
    explained: tuple[float, float]


@dataclass(frozen=True)
class Headline:
    """The sentence of the report and the numbers in it; `basis` says what it stands on."""

    sentence: str
    overall: Shares
    within: tuple[Shares, ...]
    basis: str = ""


@dataclass(frozen=True)
class Verdict:
    """A prediction written before its suite ran, and what came of it: holds, fails or open, with the figures.

    cases   where it was to hold for several, each as (case, verdict, figures); `figures` then counts them
    left_out  learners on a set, as "label on set", whose runs it would be of but for their competence
    """

    name: str
    text: str
    verdict: str
    figures: str
    cases: tuple[tuple[str, str, str], ...] = ()
    left_out: tuple[str, ...] = ()
