"""What a second of a processor buys, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.analysis.digest.words import short_ids
from offline_bench.analysis.scores.frontier import Part
from offline_bench.analysis.scores.setting_costs import SettingCosts
from offline_bench.report.markdown import escape, number, table

READING = (
    "Every setting learns from the true reward and is shown at every step of its evaluation. A score is the mean over "
    "seeds and over the last two evaluations. `mean` is over the datasets. It is left out while one of them has no "
    "run. {seconds} ● marks the frontier: no setting of the same algorithm has as high a mean for fewer seconds. "
    "`change` tells how a setting differs from the first one of its algorithm.\n"
)
RECORDED = "`seconds` are of one processor for one run to that step, evaluations included."
MEASURED = (
    "`seconds` are those that training to that step takes of one processor, for one run of a slab of {together}. All "
    "settings were measured in turns on one machine ({machine}), without evaluations: the runs were made on several."
)


def frontier_section(parts: Sequence[Part], costs: SettingCosts | None = None) -> str:
    """`## What a second buys`: a table for each part; '' where no run is there. `costs` are what `parts` rest on."""
    told = [_part(part) for part in parts if part.bought]
    reading = READING.format(seconds=_tell_seconds(costs))
    return "\n".join([f"## What a second buys\n\n{reading}", *told]) if told else ""


def _tell_seconds(costs: SettingCosts | None) -> str:
    if costs is None:
        return RECORDED
    return MEASURED.format(together=costs.together, machine=escape(costs.machine))


def _part(part: Part) -> str:
    ids = short_ids(part.datasets)
    header = ["algorithm", "change", "steps", "seconds", *(escape(ids[name]) for name in part.datasets), "mean", "runs"]
    rows = [
        [
            f"{'● ' if one.least else ''}{escape(one.name)}",
            escape(one.change) or "–",
            number(one.step, 0),
            number(one.seconds, 0),
            *map(number, one.scores),
            number(one.mean),
            f"{one.runs}/{one.expected}",
        ]
        for one in part.bought
    ]
    rows.append(["behavior", "the data itself", "–", "–", *map(number, part.behavior), "–", "–"])
    title = f"### {len(part.datasets)} sets, up to {number(part.budget, 0)} steps\n"
    return f"{title}\n{table(header, rows, text_columns=2)}"
