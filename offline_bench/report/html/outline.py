"""What the sections between the leaderboard and completeness are called, say first, and say where they have nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """`lead` stands above the section's figures and tables, `empty` in place of them; `term` defines its figures.

    scored   it is of normalized scores: where no dataset has one, that is why it is empty
    """

    id: str
    title: str
    lead: str
    empty: str
    term: str
    scored: bool = True


NO_RUN = "No run ended well, so there is nothing to show here."
NO_SCORE = (
    "None of these datasets has a normalized score, so there is nothing to show here. The leaderboard has returns."
)

PREDICTIONS = Topic(
    "predictions",
    "Predictions",
    "Written in the suite file before the suite ran, and judged by the records alone.",
    "",
    "verdict",
)

TOPICS = (
    Topic(
        "heat-maps",
        "Data against reward",
        "One map for each algorithm: data from top to bottom, reward from left to right. Rows that are alike in all "
        "their cells are data that decide by themselves.",
        "No run of a dataset with a normalized score ended well: there is nothing to map.",
        "iqm",
    ),
    Topic(
        "lengths",
        "Length against score",
        "How long policies last beside how well they score, one mark a run. Where the two go together, whatever keeps "
        "an episode going is good, whoever asked for it.",
        "No run has both a length and a score.",
        "length",
        scored=False,
    ),
    Topic(
        "positive-bias",
        "Positive bias",
        "How much of the score stays under the worst of the wrong rewards, ours beside the published where tier and "
        "algorithm match.",
        "This suite does not train an algorithm under zero, random and negative rewards on data with a score.",
        "positive-bias",
    ),
    Topic(
        "variance-shares",
        "Who decides the score",
        "The variance of the score over all runs, split by what decides it: coverage (which data), reward, algorithm, "
        "their interactions, and chance.",
        "Shares need scores under at least two kinds of data or two rewards, and two seeds.",
        "share",
    ),
    Topic(
        "behavior",
        "Where the policies go",
        "All policies of one environment as a map of where they go, once by coverage and once by reward; then the "
        "distances between them, split by coverage, reward and algorithm.",
        "No record has a sketch of where its policy went.",
        "policy-map",
        scored=False,
    ),
    Topic(
        "support",
        "Staying with the data",
        "Whether the policies stay where the data is, and what each reward cost them.",
        "No run that ended well has a measure of this.",
        "in-support",
        scored=False,
    ),
    Topic(
        "aggregates",
        "Over all tasks",
        "Each algorithm under each reward, over all data it was trained on.",
        "No run of a dataset with a normalized score ended well: there is nothing to average over.",
        "iqm",
    ),
    Topic(
        "curves",
        "Learning curves",
        "The score at the evaluations on the way, by gradient step.",
        "No run was evaluated on the way.",
        "curve",
        scored=False,
    ),
)

LEGEND = (
    "Every number is the interquartile mean over seeds with its 95 % interval, of the score after the last gradient "
    "step. The columns are the rewards that the learner saw; whatever it saw, it is the true return that is scored.",
    "Bold: the best algorithm on that data under that reward, only where its whole interval lies above the interval "
    "of every other. ▲: trained on a wrong reward, yet above both the data's own mean (behavior) and behavior cloning, "
    "by the numbers as they stand. –: no run ended well.",
)

PROVENANCE = (
    "Versions, machines and content as the records tell them. A row is made again by its command; a scheme from a file "
    "of your own needs that file, too: offline-bench --plugin FILE run …"
)
