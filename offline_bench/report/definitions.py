"""What each number of the report is, in a sentence or two: the text one click away from every column and figure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """`text` and `source` are plain text; `heading` is how the number is called in running text."""

    heading: str
    text: str
    source: str = ""


AGARWAL = "Agarwal et al. 2021, arXiv 2108.13264"
LI = "Li et al. 2023, arXiv 2306.03286"
ANDERSON = "Anderson 2001"

DEFINITIONS = {
    "score": Definition(
        "score",
        "100 · (return − random) / (expert − random) of the mean undiscounted true return over the evaluation episodes "
        "after the last gradient step, with the references of the dataset's card. Where a dataset has no card, the "
        "true return itself.",
    ),
    "iqm": Definition("IQM", "Interquartile mean: the mean of the middle half of the runs.", AGARWAL),
    "interval": Definition(
        "[low, high]",
        "95 % interval over seeds: by bootstrap, stratified by task and widened as few seeds ask for; for shares of "
        "variance, behavior distances and predictions by the jackknife with Student's t. Where a number stands on "
        "fewer than five seeds, read it with care.",
        f"{AGARWAL}; Hesterberg 2015, arXiv 1411.5279",
    ),
    "median": Definition("median", "Median over tasks of the mean score of each task.", AGARWAL),
    "mean": Definition("mean", "Mean over tasks of the mean score of each task.", AGARWAL),
    "optimality-gap": Definition(
        "optimality gap", "How far runs stay below a score of 100 on average; runs above count as 100.", AGARWAL
    ),
    "task": Definition("tasks", "A task is one dataset under one curation."),
    "missing": Definition("missing", "Tasks without a run that ended well: they are not in the numbers."),
    "profile": Definition("performance profile", "Share of runs that score above a threshold, against it.", AGARWAL),
    "improvement": Definition(
        "probability of improvement",
        "Probability that a run under the first reward outscores one under the second, ties counting one half, "
        "averaged over the tasks that have both.",
        AGARWAL,
    ),
    "behavior": Definition(
        "behavior",
        "The mean true return of the whole episodes that the learner's data comes from, on the scale of the scores.",
    ),
    "lift": Definition(
        "lift", "Score less that of behavior, or less that of BC on the same data under the same reward."
    ),
    "gap": Definition("gap", "Score under the true reward less the score under this one."),
    "retention": Definition(
        "retention", "Score under this reward over the score under the true one; told only where that is positive."
    ),
    "length": Definition("length", "Mean length of the episodes, in steps."),
    "epsilon": Definition(
        "ε̂", "1 − the least score over the wrong rewards zero, random and negative, as a share of 100.", LI
    ),
    "positive-bias": Definition(
        "positive bias",
        "1 / ε̂: the larger, the more of the score stays whatever the reward says; ∞ where ε̂ is 0 or below. It "
        "belongs to the data and the algorithm together.",
        LI,
    ),
    "published-bias": Definition(
        "published bias", "The same from the published scores of that algorithm on the matching tier."
    ),
    "in-support": Definition(
        "in support",
        "Share of the evaluated state-action pairs whose nearest neighbor in the data is no farther than the 99th "
        "percentile of the distances between the data's own episodes.",
    ),
    "concentrability": Definition(
        "concentrability",
        "99 % quantile of the density ratio of the policy's visits to the data, from a cross-fitted classifier.",
    ),
    "effective-share": Definition(
        "effective share", "(Σw)² / (n Σw²) of those density ratios w: the share of the data that the policy uses."
    ),
    "share": Definition(
        "share of variance",
        "The share of the variance of the score over all runs that a source decides: coverage (dataset and curation), "
        "reward, algorithm, their interactions, seed, and the rest. Corrected for chance: a source that decides "
        "nothing is 0 on average and may fall below. Shares add up to 1.",
    ),
    "ratio": Definition("coverage / reward", "The share of variance of coverage over that of reward."),
    "levels": Definition("levels", "How many values a source takes in the runs."),
    "pseudo-f": Definition(
        "pseudo-F",
        "Behavior distances between the groups of a source over those within, per degree of freedom (PERMANOVA).",
        ANDERSON,
    ),
    "r2": Definition(
        "R²", "Share of the squared behavior distances that lies between the groups of a source.", ANDERSON
    ),
    "p": Definition("p", "Share of permutations of the runs whose pseudo-F is at least as large.", ANDERSON),
    "policy-map": Definition(
        "map of policies",
        "Classical scaling of the distances between the runs' state-action visits: policies that go to the same places "
        "and do the same there lie together. The axes have no unit.",
    ),
    "verdict": Definition(
        "verdict",
        "Of a prediction written before its suite ran: holds where the whole 95 % interval lies on the predicted side, "
        "fails where it lies on the other, open where it reaches across.",
    ),
    "dataset": Definition(
        "dataset",
        "The transitions that the learner was given, by their id; its behavior made them, and no learner acts.",
    ),
    "curation": Definition(
        "curation",
        "Which of the dataset's transitions are there, and where its episodes end; `full` is all of them. A curation "
        "touches no reward. Dataset and curation together are coverage.",
    ),
    "algorithm": Definition(
        "algorithm", "The learner, under the one setting it has for every dataset and every reward of its suite."
    ),
    "reward": Definition(
        "reward", "What the learner was told each transition pays; `original` is the true one. Scores are always of it."
    ),
    "outcome": Definition(
        "outcomes",
        "What became of the runs that are not in the numbers: diverged (a loss that is no number), failed (an error), "
        "skipped, stale (its meaning changed after it was made), missing (not carried out).",
    ),
    "runs": Definition("runs", "Completeness: the runs that ended well out of those tried or expected."),
    "curve": Definition(
        "learning curve", "IQM over seeds of the score at each evaluation on the way, by gradient step."
    ),
}
