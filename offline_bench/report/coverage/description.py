"""A dataset's coverage as text, for people, and as JSON, for programs. What is undefined is a dash, or null."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from offline_bench.data.coverage import Coverage
from offline_bench.report.markdown import NO_VALUE, escape, number, table


def describe_text(coverage: Coverage, notes: tuple[str, ...] = ()) -> str:
    """Markdown: a line on what the set is, then a table of every number with what it says; then `notes`."""
    rows = [list(row) for row in describe_rows(coverage)]
    # Values are padded here: the table sets its text columns left, and the meaning, which stands last, is text.
    width = max(len(value) for _, value, _ in rows)
    padded = [[name, value.rjust(width), meaning] for name, value, meaning in rows]
    told = "".join(f"\n{escape(note)}\n" for note in notes)
    return f"{_headline(coverage)}\n\n{table(['number', 'value', 'what it says'], padded, text_columns=3)}{told}"


def describe_rows(coverage: Coverage) -> list[tuple[str, str, str]]:
    """Every number by its name, as text, with what it says."""
    return [row for part in (_quality, _endings, _spread) for row in part(coverage)]


def describe_json(coverage: Coverage) -> str:
    """Every number unrounded; null where it is undefined."""
    return json.dumps(asdict(coverage), indent=1, allow_nan=False) + "\n"


def _headline(coverage: Coverage) -> str:
    shape = "×".join(map(str, coverage.observation_shape))
    choices = f"one of {coverage.action_choices} actions" if coverage.action_choices else f"{coverage.action_size}"
    environment = escape(coverage.environment) or "an environment unknown"
    return (
        f"{escape(coverage.dataset)}: {number(coverage.transitions, 0)} transitions in "
        f"{number(coverage.episodes, 0)} episodes of {environment}; {shape} numbers in an observation, "
        f"{choices if coverage.action_choices else choices + ' in an action'}; fingerprint {coverage.fingerprint}"
    )


def _quality(coverage: Coverage) -> Iterator[tuple[str, str, str]]:
    found = coverage.quality
    spread = f"{_value(found.lowest_return)} to {_value(found.highest_return)}"
    yield "mean return", _value(found.mean_return, 1), f"true return of an episode, undiscounted; {spread}"
    yield "deviation of returns", _value(found.return_deviation, 1), "over the episodes"
    yield "mean score", _value(found.mean_score, 1), "0 random, 100 expert"
    yield "trajectory quality", _value(found.trajectory_quality, 3), "TQ: 0 random, 1 expert"
    yield "relative improvement", _value(found.relative_improvement, 2), "ERI: best over mean return, less 1"


def _endings(coverage: Coverage) -> Iterator[tuple[str, str, str]]:
    found = coverage.endings
    yield "mean length", _value(found.mean_length, 1), f"steps; {found.shortest:,} to {found.longest:,}"
    yield "length bias, Spearman", _value(found.length_spearman, 2), "of length and return: 1, the longer the better"
    yield "length bias, Pearson", _value(found.length_pearson, 2), "the same, as a straight line"
    yield "time-limit share", _percent(found.time_limit_share), "episodes that the task did not end"
    yield "terminal share", _percent(found.terminal_share, 3), "transitions that ended the task"
    yield "early return", _value(found.early_return, 1), "mean true return of episodes that the task ended"
    yield "late return", _value(found.late_return, 1), "mean true return of the others"


def _spread(coverage: Coverage) -> Iterator[tuple[str, str, str]]:
    found = coverage.spread
    sampled = f"on {found.sampled:,} rows"
    beside = f"cells visited, over those of {escape(found.reference)}" if found.reference else "no reference set"
    yield "distinct states", _value(found.distinct_states), "observations that differ"
    yield "state entropy", _value(found.state_entropy, 2), f"nats, of s on the set's own scale, {sampled}"
    yield "… on the task's scale", _value(found.state_entropy_on_task_scale, 2), "nats: to compare sets of one task"
    yield "state-action entropy", _value(found.visit_entropy, 2), f"nats, of (s, a) on the set's own scale, {sampled}"
    yield "effective dimension, s", _value(found.state_dimension, 2), "how many directions vary: 1, all move together"
    yield "effective dimension, (s, a)", _value(found.visit_dimension, 2), "the same, with actions"
    if coverage.action_choices:
        yield "action entropy", _value(found.action_entropy, 3), "nats, of a given s: 0 is deterministic behavior"
    else:
        yield "action spread", _value(found.action_spread, 2), f"½ ln det of a near s, {sampled}: low is deterministic"
    yield "SACo", _value(found.saco, 3), beside


def _value(value: float | None, digits: int = 0) -> str:
    return NO_VALUE if value is None else number(value, digits)


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"
