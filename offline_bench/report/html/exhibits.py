"""Which figures and tables show a suite's findings, by the id of the section of the page where they stand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from offline_bench.analysis.findings import Shares
from offline_bench.analysis.summary import Summary
from offline_bench.report.figures.aggregates import draw_aggregates
from offline_bench.report.figures.bias import draw_positive_bias
from offline_bench.report.figures.curves import draw_curves
from offline_bench.report.figures.figure import Figure
from offline_bench.report.figures.heat_map import draw_heat_maps
from offline_bench.report.figures.lengths import draw_lengths
from offline_bench.report.figures.policy_map import draw_policy_maps
from offline_bench.report.figures.profiles import draw_profiles
from offline_bench.report.figures.shares import draw_shares
from offline_bench.report.tables.board import completeness_tables, leaderboard_tables
from offline_bench.report.tables.findings import (
    aggregate_tables,
    bias_tables,
    cell_tables,
    improvement_tables,
    leaning_tables,
    partition_tables,
    share_tables,
    verdict_tables,
)
from offline_bench.report.tables.table import Column, Rows, Table

Figures = Mapping[str, Sequence[Figure]]
Tables = Mapping[str, Sequence[Table]]

ANSWER = "answer"
RATIO_OF = ("coverage", "reward")
# The page has all datasets in one leaderboard, to sort and to filter; a paper wants one for each.
PAPER_ONLY = "leaderboard"


def draw_figures(summary: Summary) -> Figures:
    """All figures of a summary; a section without any has an empty sequence."""
    return {
        "heat-maps": draw_heat_maps(summary.board),
        "lengths": draw_lengths(summary.lengths),
        "positive-bias": draw_positive_bias(summary.biases),
        "variance-shares": draw_shares(_shares(summary)),
        "behavior": draw_policy_maps(summary.maps),
        "aggregates": (*draw_aggregates(summary.aggregates), *draw_profiles(summary.profiles)),
        "curves": draw_curves(summary.curves),
    }


def make_tables(summary: Summary) -> Tables:
    """All tables of a summary; a section without any has an empty sequence."""
    return {
        ANSWER: _ratio_tables(summary.headline.within),
        "predictions": verdict_tables(summary.verdicts),
        PAPER_ONLY: leaderboard_tables(summary.board),
        "positive-bias": bias_tables(summary.biases),
        "variance-shares": (*share_tables(_shares(summary)), *leaning_tables(summary.leanings)),
        "behavior": partition_tables(summary.partitions),
        "support": cell_tables(summary.cells),
        "aggregates": (*aggregate_tables(summary.aggregates), *improvement_tables(summary.improvements)),
        "completeness": completeness_tables(summary.board),
    }


def _shares(summary: Summary) -> tuple[Shares, ...]:
    return (summary.headline.overall, *summary.headline.within)


def _ratio_tables(within: Sequence[Shares]) -> tuple[Table, ...]:
    """The headline's number within each dataset, where there is one to tell."""
    told = [part for part in within if not math.isnan(part.ratio.value)]
    rows: Rows = tuple((part.dataset, part.ratio, *(dict(part.shares)[name] for name in RATIO_OF)) for part in told)
    columns = (
        Column("dataset", text=True),
        Column("coverage / reward", "ratio", digits=2),
        *(Column(name, "share", digits=3) for name in RATIO_OF),
    )
    return (Table("ratios", "The same within each dataset", columns, rows),) if rows else ()
