"""Which figures and tables show a suite's findings, by the id of the section of the page where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from offline_bench.analysis.findings import Shares
from offline_bench.analysis.summary import Summary
from offline_bench.report.behavior.exact_values import exact_tables
from offline_bench.report.behavior.lengths import draw_lengths
from offline_bench.report.behavior.permanova import partition_tables
from offline_bench.report.behavior.policy_map import draw_policy_maps
from offline_bench.report.behavior.walks import draw_walks
from offline_bench.report.decides.sensitivity import leaning_tables
from offline_bench.report.decides.shares import draw_shares, ratio_tables, share_tables
from offline_bench.report.figures.figure import Figure
from offline_bench.report.predictions.verdicts import verdict_tables
from offline_bench.report.published.bias import bias_tables, draw_positive_bias
from offline_bench.report.scores.aggregates import aggregate_tables, draw_aggregates
from offline_bench.report.scores.by_dataset import completeness_tables, leaderboard_tables
from offline_bench.report.scores.glance import draw_glance
from offline_bench.report.scores.heat_map import draw_heat_maps
from offline_bench.report.scores.improvement import improvement_tables
from offline_bench.report.scores.learning_curves import draw_curves
from offline_bench.report.scores.performance_profiles import draw_profiles
from offline_bench.report.scores.reward_effects import cell_tables
from offline_bench.report.tables.table import Table

Figures = Mapping[str, Sequence[Figure]]
Tables = Mapping[str, Sequence[Table]]

ANSWER = "answer"
# The page has all datasets in one leaderboard, to sort and to filter; a paper wants one for each.
PAPER_ONLY = "leaderboard"


def draw_figures(summary: Summary) -> Figures:
    """All figures of a summary; a section without any has an empty sequence."""
    return {
        ANSWER: draw_glance(summary.board, summary.aggregates),
        "heat-maps": draw_heat_maps(summary.board),
        "lengths": draw_lengths(summary.lengths),
        "positive-bias": draw_positive_bias(summary.biases),
        "variance-shares": draw_shares(_shares(summary)),
        "paths": draw_walks(summary.walks),
        "visits": draw_policy_maps(summary.maps),
        "aggregates": (*draw_aggregates(summary.aggregates), *draw_profiles(summary.profiles)),
        "curves": draw_curves(summary.curves),
    }


def make_tables(summary: Summary) -> Tables:
    """All tables of a summary; a section without any has an empty sequence."""
    return {
        "predictions": verdict_tables(summary.verdicts),
        "exact": exact_tables(summary.exact),
        PAPER_ONLY: leaderboard_tables(summary.board),
        "positive-bias": bias_tables(summary.biases),
        "variance-shares": (
            *ratio_tables(summary.headline.within),
            *share_tables(_shares(summary)),
            *leaning_tables(summary.leanings),
        ),
        "visits": partition_tables(summary.partitions),
        "support": cell_tables(summary.cells),
        "aggregates": (*aggregate_tables(summary.aggregates), *improvement_tables(summary.improvements)),
        "completeness": completeness_tables(summary.board),
    }


def _shares(summary: Summary) -> tuple[Shares, ...]:
    return (summary.headline.overall, *summary.headline.within)
