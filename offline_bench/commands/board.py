"""The leaderboard of a results folder, printed: of each record no more is read than its brief."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from offline_bench.analysis.frame import to_frame
from offline_bench.analysis.scores.leaderboard import build_leaderboard
from offline_bench.commands.records import choose_suite, read_runs, tell_others
from offline_bench.commands.tell import tell
from offline_bench.report.scores.leaderboard import leaderboard_markdown
from offline_bench.runs.record import Run
from offline_bench.runs.store import Reading, read_briefs
from offline_bench.runs.suites import Suite


def print_leaderboard(name: str | None, folder: Path | None) -> None:
    """Print the leaderboard of the suite's records, or of those in `folder`, see `choose_suite`."""
    suite, folder = choose_suite(name, folder)
    tell_others(print_leaderboard_of(folder, suite.runs(), suite if suite.gate else None), folder, suite.name)


def print_leaderboard_of(folder: Path, runs: Iterable[Run], gated: Suite | None = None) -> Reading:
    """Print the leaderboard of the records of `runs` in `folder`, marked by the gate of `gated`; what was read."""
    wanted = list(runs)
    reading = read_runs(folder, wanted, read_briefs)
    frame = to_frame(reading.records)
    board = build_leaderboard(frame, wanted, reading.problems)
    if gated:
        # Not for a suite without a gate: it takes half a second to import.
        from offline_bench.analysis.published.facts import load_published
        from offline_bench.analysis.scores.competence import mark_rows
        from offline_bench.analysis.summary import judge_suite

        board = mark_rows(board, judge_suite(frame, wanted, load_published(gated.published)))
    tell(leaderboard_markdown(board))
    return reading
