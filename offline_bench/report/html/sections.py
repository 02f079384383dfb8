"""The sections of the page in their order: which findings stand where, and what is said where there are none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from offline_bench.analysis.origin import tell_time
from offline_bench.analysis.scores.entries import Exclusion, Leaderboard
from offline_bench.analysis.scores.reproduction import RowCommands
from offline_bench.analysis.summary import Summary
from offline_bench.report.html.exhibits import Figures, Tables
from offline_bench.report.html.outline import (
    EXACT,
    LEGEND,
    NO_RUN,
    NO_SCORE,
    PREDICTIONS,
    PROVENANCE,
    TOPICS,
    WALKS,
    Topic,
)
from offline_bench.report.html.standings import view_leaderboard
from offline_bench.report.html.views import Block, CommandsView, ListView, Section, view_figure, view_table


def build_sections(summary: Summary, tables: Tables, figures: Figures) -> tuple[Section, ...]:
    """All sections between the headline and the definitions; some are left out where a suite has none."""
    verdicts = (_section(PREDICTIONS, "", tables, figures),) if tables.get(PREDICTIONS.id) else ()
    walks = (_section(WALKS, "", tables, figures),) if figures.get(WALKS.id) else ()
    exact = (_section(EXACT, "", tables, figures),) if tables.get(EXACT.id) else ()
    made = (
        *verdicts,
        *walks,
        *exact,
        Section("leaderboard", "Leaderboard", LEGEND, (view_leaderboard(summary.board, summary.best),)),
        *(_section(topic, _why_empty(topic, summary.board), tables, figures) for topic in TOPICS),
        _completeness(summary.board, tables),
        _provenance(summary),
    )
    lines = summary.digest.lines
    return tuple(replace(one, line=one.line or lines.get(one.id) or one.lead[0]) for one in made)


def _why_empty(topic: Topic, board: Leaderboard) -> str:
    """Why a section may have nothing: by what is lacking in these runs, and not by what usually is."""
    if not board.n_ok:
        return NO_RUN
    if topic.scored and not any(part.task for part in board.tables):
        return NO_SCORE
    return topic.empty


def _section(topic: Topic, empty: str, tables: Tables, figures: Figures) -> Section:
    drawings: list[Block] = [view_figure(figure, topic.term) for figure in figures.get(topic.id, ())]
    blocks = (*drawings, *(view_table(table) for table in tables.get(topic.id, ())))
    if not blocks:
        return Section(topic.id, topic.title, line=empty)
    return Section(topic.id, topic.title, (topic.lead,), blocks)


def _completeness(board: Leaderboard, tables: Tables) -> Section:
    others = ", ".join(f"{count} {status}" for status, count in board.outcomes)
    lead = f"{board.n_ok:,} of {board.n_expected:,} runs ended well" + (f"; the others: {others}." if others else ".")
    few = board.few_seeds
    told = (f"Fewer than five seeds stand behind {few.cells:,} of {few.of:,} cells.",) if few.cells else ()
    lists = (
        ("Runs that diverged, failed or were skipped", tuple(map(_exclusion, board.failures))),
        ("Stale records, left out of every number", tuple(map(_exclusion, board.stale))),
        ("Files that could not be read, left out", board.problems),
    )
    blocks: tuple[Block, ...] = tuple(view_table(table) for table in tables.get("completeness", ()))
    shown = tuple(ListView(caption, items) for caption, items in lists if items)
    none = () if shown else ("No run diverged, failed or was skipped; no record is stale; every file could be read.",)
    return Section("completeness", "Completeness and failures", (lead, *told, *none), (*blocks, *shown))


def _exclusion(item: Exclusion) -> str:
    seeds = ("seed " if len(item.seeds) == 1 else "seeds ") + ", ".join(map(str, item.seeds))
    return f"{item.status}, {item.run}, {seeds}" + (f": {item.reason}" if item.reason else "")


def _provenance(summary: Summary) -> Section:
    made = summary.provenance
    versions = ", ".join(f"{name} {' and '.join(seen)}" for name, seen in made.versions)
    lines = [
        f"{made.runs:,} runs, {tell_time(made)}",
        f"Trainers: {_listed(made.trainers)}. Devices: {_listed(made.devices)}.",
        f"Machines: {_listed(made.machines)}.",
        f"Versions: {versions or '–'}.",
    ]
    contents = [
        f"{dataset}: {_listed(seen)}" + ("" if len(seen) == 1 else " (not the same data in all runs)")
        for dataset, seen in made.fingerprints
    ]
    blocks: list[Block] = [ListView("", tuple(lines))]
    if contents:
        blocks.append(ListView("Content of the datasets", tuple(contents)))
    blocks.append(CommandsView("All of it again", (("", (made.command,)),), open=True))
    labels = {entry.algorithm: entry.label for entry in summary.board.algorithms}
    rows = tuple((_row_name(row, labels), row.commands) for row in summary.commands)
    blocks.append(CommandsView(f"The same, row by row: {len(rows):,} rows", rows))
    return Section("provenance", "Where it came from", (PROVENANCE,), tuple(blocks))


def _row_name(row: RowCommands, labels: Mapping[str, str]) -> str:
    names = (row.dataset, row.curation, labels.get(row.algorithm, row.algorithm))
    return " · ".join((*names, f"{row.steps:,} steps", f"{row.episodes:,} episodes"))


def _listed(values: Iterable[str]) -> str:
    return " and ".join(values) or "–"
