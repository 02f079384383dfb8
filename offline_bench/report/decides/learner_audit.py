"""The audit of a learner as a section for its page, as tables, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from offline_bench.analysis.decides.learner_audit import WORDS, LearnerAudit
from offline_bench.data.coverage import Coverage
from offline_bench.report.decides.set_audit import (
    FORMAT,
    LEARNER,
    REWARD,
    Making,
    making_lines,
    strict,
    table_in_card,
)
from offline_bench.report.markdown import escape
from offline_bench.report.tables.table import Column, Rows, Table

DATASET = Column("dataset", text=True)


def learner_card(audit: LearnerAudit, coverages: Sequence[Coverage], making: Making) -> str:
    """`## Does this learner use its reward?`: a section to paste."""
    return "\n".join(
        [
            "## Does this learner use its reward?\n",
            f"**{escape(audit.sentence)}**\n",
            f"{escape(audit.placebo.sentence)}\n",
            f"{audit.done} of {audit.expected} runs of it ended well.\n",
            *map(table_in_card, learner_tables(audit, coverages)),
            "### How to make this again\n",
            f"    {making.command}\n",
            *(f"- {escape(line)}" for line in making_lines(making)),
            "",
        ]
    )


def learner_tables(audit: LearnerAudit, coverages: Sequence[Coverage]) -> tuple[Table, ...]:
    """Its verdict on every set, the scores of all learners, and how the sets cover their tasks."""
    sets: Rows = tuple((item.dataset, WORDS[item.verdict], item.reason) for item in audit.sets)
    scores: Rows = tuple((dataset, row.learner, row.relabeling, row.score, row.score.n) for dataset, row in audit.rows)
    covered: Rows = tuple(
        (
            one.dataset,
            one.transitions,
            one.quality.mean_return,
            _number(one.quality.trajectory_quality),
            _number(one.endings.length_spearman),
            _number(one.spread.state_entropy),
        )
        for one in coverages
    )
    word, why = Column("its reward", text=True), Column("why", text=True, wide=True)
    headings = ("transitions", "mean return", "trajectory quality", "length bias", "state entropy")
    numbers = [Column(name, digits=2) for name in headings]
    made = (
        Table("sets", "Set by set", (DATASET, word, why), sets),
        Table(
            "beside",
            "Normalized scores, beside the learners whose records are committed",
            (DATASET, LEARNER, REWARD, Column("score"), Column("seeds")),
            scores,
            "Learners may have trained for other numbers of steps than this one: each as its suite says.",
        ),
        Table("covered", "How the sets cover their tasks", (DATASET, *numbers), covered),
    )
    return tuple(one for one in made if one.rows)


def learner_json(audit: LearnerAudit, coverages: Sequence[Coverage], making: Making) -> str:
    """Everything unrounded; null where a number is none."""
    content = {"format": FORMAT, **asdict(audit), "making": asdict(making)}
    content["placebo"] |= {"shows": audit.placebo.shows, "sentence": audit.placebo.sentence}
    return json.dumps(strict({**content, "coverage": list(map(asdict, coverages))}), indent=1, allow_nan=False) + "\n"


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
