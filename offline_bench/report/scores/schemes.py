"""Relabelings beside what is left of the true reward's lift, and which of their properties predicts it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from offline_bench.analysis.findings import Competence, Estimate
from offline_bench.analysis.scores.competence import name_learner
from offline_bench.analysis.scores.schemes import SchemeTable
from offline_bench.report.markdown import NO_VALUE, escape, number, table

HEADER = ("with the true reward, by step", "by return", "return with length", "ending pays")


def schemes_section(tables: Sequence[SchemeTable], left_out: Sequence[Competence]) -> str:
    """Markdown; '' where there is nothing to show."""
    if not tables and not left_out:
        return ""
    told = [
        "## Which property of a wrong reward predicts that it will do\n",
        "*What is left* is how much of the true reward's lift over cloning a learner keeps: 1 is all of it, 0 is the "
        "score of cloning. The properties are measured on the data before anything trains: correlation with the true "
        "reward over transitions, rank correlation of relabeled with true returns over episodes, rank correlation of "
        "the relabeled return with the length of the episode, and what ending early pays, in deviations of the reward. "
        "A property predicts where its rank correlation with what is left is far from 0, over relabelings; the 95 % "
        "interval is of relabelings drawn anew.",
    ]
    if tables:
        rows = [[_name(one), *map(_estimate, one.predictors), str(len(one.schemes))] for one in tables]
        told.append(
            "\n**Rank correlation of each property with what is left**\n\n"
            + table(["learner", *HEADER, "relabelings"], rows, text_columns=1)
        )
    told += [_whole(one) for one in tables]
    if left_out:
        names = "; ".join(f"{escape(name_learner(item))} ({escape(item.verdict)})" for item in left_out)
        told.append(f"\nLeft out, as the true reward does not lift them above cloning: {names}.")
    return "\n".join(told)


def _whole(one: SchemeTable) -> str:
    rows = [
        [
            escape(item.relabeling),
            number(item.kept, 2),
            number(item.score, 1),
            str(item.seeds),
            *map(_property, item.properties),
        ]
        for item in one.schemes
    ]
    head = f"\n**{_name(one)}**: {number(one.true, 1)} under the true reward, cloning {number(one.cloning, 1)}.\n\n"
    return head + table(["relabeling", "what is left", "score", "seeds", *HEADER], rows, text_columns=1)


def _name(one: SchemeTable) -> str:
    return f"{escape(one.label)} on {escape(one.dataset)}"


def _property(value: float | None) -> str:
    return NO_VALUE if value is None else number(value, 2)


def _estimate(found: Estimate) -> str:
    if np.isnan(found.value):
        return NO_VALUE
    return f"{number(found.value, 2)} [{number(found.low, 2)}, {number(found.high, 2)}]"
