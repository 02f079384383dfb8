"""What each number of the report is, in a few short sentences: the text one tap away from every column and figure."""

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
        "100 · (return − random) / (expert − random). The return is the mean undiscounted true return over the "
        "evaluation episodes after the last gradient step. The two references are on the dataset's card. Where a "
        "dataset has no card, the true return itself is shown.",
    ),
    "iqm": Definition("IQM", "Interquartile mean: the mean of the middle half of the runs.", AGARWAL),
    "interval": Definition(
        "[low, high]",
        "95 % interval over seeds. It comes from a bootstrap that is stratified by task and widened for few seeds. For "
        "shares of variance, visit distances and predictions it comes from the jackknife with Student's t. An interval "
        "ends at the bounds of its number: a share lies between 0 and 1. With fewer than five seeds it is wide.",
        f"{AGARWAL}; Hesterberg 2015, arXiv 1411.5279",
    ),
    "glance": Definition(
        "score under each reward",
        "The true score of a learner after it was trained on each reward (IQM over seeds, 95 % interval). The learner "
        "saw the reward of the mark. The score is always of the true reward.",
    ),
    "median": Definition("median", "Median over tasks of the mean score of each task.", AGARWAL),
    "mean": Definition("mean", "Mean over tasks of the mean score of each task.", AGARWAL),
    "optimality-gap": Definition(
        "optimality gap", "How far runs stay below a score of 100 on average. Runs above it count as 100.", AGARWAL
    ),
    "task": Definition("tasks", "A task is one dataset under one curation."),
    "missing": Definition("missing", "Tasks without a run that ended well. They are not in the numbers."),
    "profile": Definition("performance profile", "The share of runs that score above a threshold.", AGARWAL),
    "improvement": Definition(
        "probability of improvement",
        "The probability that a run under the first reward scores more than a run under the second. Ties count one "
        "half. It is averaged over the tasks that have both.",
        AGARWAL,
    ),
    "behavior": Definition(
        "behavior",
        "What the data itself scores: the mean true return of the whole episodes that it comes from, on the scale of "
        "the scores.",
    ),
    "lift": Definition("lift", "Score less behavior, or score less that of BC on the same data under the same reward."),
    "gap": Definition("gap", "Score under the true reward less the score under this one."),
    "retention": Definition(
        "retention",
        "The score under this reward, divided by the score under the true one. It is shown only where the true reward "
        "has a positive score.",
    ),
    "length": Definition("length", "Mean length of the episodes, in steps."),
    "epsilon": Definition(
        "ε̂", "1 − the least score under the wrong rewards zero, random and negative, as a share of 100.", LI
    ),
    "positive-bias": Definition(
        "positive bias",
        "1 / ε̂. It is ∞ where ε̂ is 0 or below. A larger value means that more of the score stays under a wrong "
        "reward. 1 is the floor: the worst wrong reward then scores 0, as random actions do. A value below 1 means "
        "that it scores less than random actions. Cloning (bc) is blind to the reward, so its value shows what the "
        "data gives without any reward. Positive bias belongs to the data and the algorithm together.",
        LI,
    ),
    "published-bias": Definition(
        "published bias", "The same number, from the published scores of that algorithm on the matching tier."
    ),
    "in-support": Definition(
        "in support",
        "The share of the evaluated state-action pairs that lie near the data. Near means: the nearest neighbor in the "
        "data is no farther than the 99th percentile of the distances between the data's own episodes.",
    ),
    "concentrability": Definition(
        "concentrability",
        "99 % quantile of the density ratio of the policy's visits to the data, from a cross-fitted classifier.",
    ),
    "effective-share": Definition(
        "effective share", "(Σw)² / (n Σw²) of those density ratios w: the share of the data that the policy uses."
    ),
    "coverage": Definition(
        "coverage",
        "Which data a learner was given: the dataset and its curation together. The share of coverage is what the data "
        "decides under every reward. The share of reward is what the reward decides on all data. Over datasets of "
        "several tasks, the task has a share of its own, and coverage is what the data decides within a task.",
    ),
    "share": Definition(
        "share of variance",
        "The share of the variance of the score, over all runs, that a source decides. Sources are the task (where "
        "there are several), coverage, reward, algorithm, their interactions, the seed, and the rest. Chance is taken "
        "out: a source that decides nothing has 0 on average, and may come out below. Shares add up to 1.",
    ),
    "ratio": Definition(
        "coverage / reward",
        "The share of variance of coverage over that of reward. What the task decides is in neither.",
    ),
    "levels": Definition("levels", "How many values a source takes in the runs."),
    "pseudo-f": Definition(
        "pseudo-F",
        "Visit distances between the groups of a source over those within, per degree of freedom (PERMANOVA).",
        ANDERSON,
    ),
    "r2": Definition("R²", "Share of the squared visit distances that lies between the groups of a source.", ANDERSON),
    "p": Definition("p", "Share of permutations of the runs whose pseudo-F is at least as large.", ANDERSON),
    "policy-map": Definition(
        "map of policies",
        "Classical scaling of visit distances, the distances between the runs' state-action visits. Policies that go "
        "to the same places and act alike there lie together. The axes have no unit.",
    ),
    "walk": Definition(
        "path",
        "The steps that a policy takes from a start of the grid if none of them slips. The chances below a panel are "
        "computed from the policy and the grid, slips included. No roll-out enters them.",
    ),
    "verdict": Definition(
        "verdict",
        "What came of a prediction that was written before its suite ran. It holds if the whole 95 % interval lies on "
        "the predicted side. It fails if the interval lies on the other side. It is open if the interval reaches "
        "across.",
    ),
    "dataset": Definition("dataset", "The transitions that the learner was given, by their id. No learner made them."),
    "curation": Definition(
        "curation",
        "Which of the dataset's transitions are there, and where its episodes end; `full` is all of them. A curation "
        "changes no reward. Dataset and curation together are coverage.",
    ),
    "algorithm": Definition(
        "algorithm", "The learner. It has one setting for every dataset and every reward of its suite."
    ),
    "reward": Definition(
        "reward",
        "The reward of each transition, as the learner saw it. `original` is the true reward. The score is always of "
        "the true one.",
    ),
    "outcome": Definition(
        "outcomes",
        "What became of the runs that are not in the numbers: diverged (a loss that is no number), failed (an error), "
        "skipped, stale (its meaning changed after it was made), missing (not carried out).",
    ),
    "runs": Definition("runs", "Runs that ended well, of those tried or expected."),
    "curve": Definition(
        "learning curve", "IQM over seeds of the score at each evaluation on the way, by gradient step."
    ),
}
