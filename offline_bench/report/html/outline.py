"""Titles, first sentences and empty texts of the sections between the leaderboard and completeness."""

from __future__ import annotations

from dataclasses import dataclass

from offline_bench.report.behavior.exact_values import READING as EXACTLY
from offline_bench.report.behavior.walks import READING as WALKED


@dataclass(frozen=True)
class Topic:
    """`lead` stands above the section's figures and tables, `empty` in their place; `term` defines its figures.

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
    "They were written into the suite file before the suite ran. The records alone judge them.",
    "",
    "verdict",
)

WALKS = Topic(
    "paths",
    "Paths on the grids",
    WALKED,
    "",
    "walk",
)

EXACT = Topic("exact", "Exact values", EXACTLY.replace("**", ""), "", "")

TOPICS = (
    Topic(
        "heat-maps",
        "Data against reward",
        "One map for each algorithm, with the data from top to bottom and the reward from left to right. Where the "
        "cells of a row are alike, the data decides by itself.",
        "No run of a dataset with a normalized score ended well: there is nothing to map.",
        "iqm",
    ),
    Topic(
        "lengths",
        "Length against score",
        "How long the episodes of a policy last and how well it scores, one mark a run. Where the two go together, a "
        "reward need only keep an episode going.",
        "No run has both a length and a score.",
        "length",
        scored=False,
    ),
    Topic(
        "positive-bias",
        "Positive bias",
        "How much of the score stays under the worst of the wrong rewards. 1 is the floor: nothing of it stays. "
        "Cloning (bc) is blind to the reward, so its row shows what the data gives without any reward.",
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
        "visits",
        "Where the policies go",
        "Each map shows all policies of one environment by where they go: once colored by coverage, once by reward. "
        "The table splits the distances between them by coverage, reward and algorithm.",
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
        "Each algorithm under each reward, over all data that it was trained on.",
        "No run of a dataset with a normalized score ended well: there is nothing to average over.",
        "iqm",
    ),
    Topic(
        "curves",
        "Learning curves",
        "The score at each evaluation on the way, by gradient step.",
        "No run was evaluated on the way.",
        "curve",
        scored=False,
    ),
)

LEGEND = (
    "A number is the interquartile mean over seeds of the score after the last gradient step, with its 95 % interval. "
    "A column is the reward that the learner saw. The score is always of the true reward.",
    "Bold is the best algorithm on that data under that reward. It is set only where its whole interval lies above the "
    "intervals of all others. ▲ is a wrong reward that scores above both the data itself (behavior) and behavior "
    "cloning (bc). It goes by the numbers and not by their intervals. – means that no run ended well.",
)

PROVENANCE = (
    "The records tell versions, machines and the content of the data. Each row has the command that makes it again. A "
    "scheme from a file of your own needs that file, too: offline-bench --plugin FILE run …"
)
