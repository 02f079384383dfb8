"""A relabeling's properties as text, for people, and as JSON, for programs. What is undefined is a dash, or null."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from offline_bench.report.markdown import NO_VALUE, escape, number, table
from offline_bench.schemes.relabel.properties import QUANTILES, Properties, tell_ending


def describe_relabeling_text(found: Properties) -> str:
    """Markdown: a line on what it is of, a table of every number with what it says, and whether ending early pays."""
    rows = [*_distribution(found), *_correlations(found), *_ending(found), *_facts(found)]
    width = max(len(value) for _, value, _ in rows)
    padded = [[name, value.rjust(width), meaning] for name, value, meaning in rows]
    head = (
        f"{escape(found.relabeling)} on {escape(found.dataset)}: {number(found.transitions, 0)} transitions in "
        f"{number(found.episodes, 0)} episodes"
    )
    return f"{head}\n\n{table(['number', 'value', 'what it says'], padded, text_columns=3)}\n{tell_ending(found)}\n"


def describe_relabeling_json(found: Properties) -> str:
    """Every number unrounded; null where it is undefined."""
    return json.dumps(asdict(found), indent=1, allow_nan=False) + "\n"


def _distribution(found: Properties) -> Iterator[tuple[str, str, str]]:
    low, *_, high = found.quantiles
    yield "mean reward", _value(found.mean), f"over transitions; {_value(low)} to {_value(high)}"
    yield "deviation", _value(found.deviation), "of the rewards"
    within = zip(QUANTILES[1:-1], found.quantiles[1:-1], strict=True)
    yield "quantiles", _value(found.quantiles[3]), ", ".join(f"{at:.0%}: {_value(value)}" for at, value in within)
    yield "zero share", f"{found.zero_share:.1%}", "transitions whose reward is 0"


def _correlations(found: Properties) -> Iterator[tuple[str, str, str]]:
    yield "step correlation", _value(found.step_correlation, 2), "with the true reward, over transitions"
    yield "step rank correlation", _value(found.step_rank_correlation, 2), "the same, of ranks"
    yield "return correlation", _value(found.return_correlation, 2), "of relabeled and true returns, over episodes"
    yield "return rank correlation", _value(found.return_rank_correlation, 2), "the same, of ranks"
    yield "length correlation", _value(found.length_correlation, 2), "of the relabeled return with length, of ranks"


def _ending(found: Properties) -> Iterator[tuple[str, str, str]]:
    yield "at terminals", _value(found.at_terminals), "mean reward of the transitions that ended the task"
    yield "going on", _value(found.going_on), "mean reward of the others, for ever, discounted"
    reach = "" if found.ending_reach is None else f"; the interval is ± {_value(found.ending_reach)} of the reward"
    yield "ending pays", _value(found.ending_pays, 1), f"the difference, in deviations; above 0 it pays{reach}"


def _facts(found: Properties) -> Iterator[tuple[str, str, str]]:
    for name, value in found.facts.items():
        digits = 0 if value == round(value) else 3
        yield escape(name.replace("_", " ")), _value(value, digits), "told by the relabeling, which learned its reward"


def _value(value: float | None, digits: int = 3) -> str:
    return NO_VALUE if value is None else number(value, digits)
