"""Who reads the reward, set by set, and what that makes of each set, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.analysis.decides.headline import NOTHING_TOLD, tell_gate
from offline_bench.analysis.findings import Competence, Estimate, SetVerdict
from offline_bench.report.markdown import NO_VALUE, escape, number, table


def competence_section(judged: Sequence[Competence], sets: Sequence[SetVerdict]) -> str:
    """`## Who reads the reward`: how many count and who does not, every learner on every set, every set's verdict."""
    untold = "" if any(item.counts for item in judged) else f"**{NOTHING_TOLD}**\n\n"
    learners = [
        [
            escape(item.dataset),
            escape(item.curation),
            escape(item.label),
            f"{item.mark} {item.word}",
            number(item.true),
            number(item.cloning),
            _interval(item.difference),
            escape(item.reason),
        ]
        for item in judged
    ]
    header = ["dataset", "curation", "learner", "competent?", "true reward", "cloning", "difference", "why"]
    verdicts = [[escape(text) for text in (item.dataset, item.curation, item.verdict, item.reason)] for item in sets]
    return (
        f"{untold}## Who reads the reward\n\n{escape(tell_gate(judged))}\n\n{table(header, learners, text_columns=4)}\n"
        f"## What each set is\n\n{table(['dataset', 'curation', 'verdict', 'why'], verdicts, text_columns=4)}"
    )


def _interval(of: Estimate) -> str:
    if not of.n:
        return NO_VALUE
    return f"{number(of.value, sign=True)} [{number(of.low, sign=True)}, {number(of.high, sign=True)}], {of.n} seeds"
