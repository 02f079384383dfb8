"""The page of an audit: the verdict, the tables, the coverage and how to make it again, in one file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from offline_bench.analysis.decides.learner_audit import LearnerAudit
from offline_bench.analysis.decides.set_audit import SetAudit
from offline_bench.analysis.digest.words import spread
from offline_bench.data.coverage import Coverage
from offline_bench.report.coverage.description import describe_rows
from offline_bench.report.decides.learner_audit import learner_tables
from offline_bench.report.decides.set_audit import Making, audit_tables, making_lines
from offline_bench.report.html.page import fill_template
from offline_bench.report.html.views import Block, CommandsView, ListView, view_table
from offline_bench.report.tables.table import Column, Table


def audit_page(audit: SetAudit, coverage: Coverage, making: Making) -> str:
    """`audit.html`. No clock, path or chance goes in; all text is escaped, no script runs and nothing is fetched."""
    return fill_template(
        "audit.html.j2",
        title=f"Audit of {audit.dataset}",
        question="Is this data reward-sensitive?",
        sentence=audit.sentence,
        notes=tuple(filter(None, (_settles(audit), audit.placebo.sentence))),
        facts=(
            ("runs", f"{audit.done} of {audit.expected} ended well"),
            ("budget", f"{making.budget}: {spread(making.steps, 0)} gradient steps, {len(making.seeds)} seeds"),
            (
                "data",
                f"{coverage.transitions:,} transitions in {coverage.episodes:,} episodes of {coverage.environment}",
            ),
        ),
        blocks_shown=(
            *map(view_table, audit_tables(audit)),
            view_table(_coverage_table(coverage)),
            *_making_blocks(making),
        ),
    )


def learner_page(audit: LearnerAudit, coverages: Sequence[Coverage], making: Making) -> str:
    """`audit.html` of a learner, made as `audit_page`."""
    return fill_template(
        "audit.html.j2",
        title=f"Audit of {audit.algorithm}",
        question="Does this learner use its reward?",
        sentence=audit.sentence,
        notes=(audit.placebo.sentence,),
        facts=(
            ("runs", f"{audit.done} of {audit.expected} ended well"),
            ("budget", f"{spread(making.steps, 0)} gradient steps, {len(making.seeds)} seeds"),
            ("data", f"{len(coverages)} sets"),
        ),
        blocks_shown=(*map(view_table, learner_tables(audit, coverages)), *_making_blocks(making)),
    )


def _making_blocks(making: Making) -> Iterator[Block]:
    yield CommandsView("How to make this again", (("", (making.command,)),), open=True)
    yield ListView("How it was made", making_lines(making))


def _settles(audit: SetAudit) -> str:
    return f"What would settle it: {audit.settles.replace('`', '')}" if audit.settles else ""


def _coverage_table(coverage: Coverage) -> Table:
    columns = (Column("number", text=True), Column("value", text=True), Column("what it says", text=True, wide=True))
    return Table("coverage", "How the data covers its task", columns, tuple(describe_rows(coverage)))
