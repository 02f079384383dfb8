"""Performance profiles: the share of runs above each score, by reward, a panel an algorithm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from offline_bench.analysis.findings import Profile
from offline_bench.analysis.scores.leaderboard import label_algorithms
from offline_bench.report.comma import comma_separated
from offline_bench.report.figures.figure import Figure
from offline_bench.report.figures.palette import reward_looks
from offline_bench.report.figures.panels import arrange
from offline_bench.report.figures.sheet import draw_legend, legend_height, open_sheet

MOST_COLUMNS = 4
HEADER = ("algorithm", "reward", "threshold", "share", "low", "high")


def draw_profiles(profiles: Sequence[Profile]) -> tuple[Figure, ...]:
    """One figure with a panel for each algorithm."""
    profiles = [profile for profile in profiles if profile.thresholds]
    if not profiles:
        return ()
    labels = label_algorithms(profile.algorithm for profile in profiles)
    known = reward_looks(profile.relabeling for profile in profiles)
    algorithms = list(dict.fromkeys(profile.algorithm for profile in profiles))
    grid = arrange([("", labels[algorithm]) for algorithm in algorithms], MOST_COLUMNS)
    thresholds = [value for profile in profiles for value in profile.thresholds]
    top = legend_height(known) + 2.0
    with open_sheet(top + grid.height) as sheet:
        draw_legend(sheet, 0.0, known, line=True)
        axes_in_order = grid.open_panels(sheet, top, "score τ", "runs above τ")
        for axes, algorithm in zip(axes_in_order, algorithms, strict=True):
            axes.set(xlim=(min(thresholds), max(thresholds)), ylim=(-0.02, 1.02))
            for profile in (profile for profile in profiles if profile.algorithm == algorithm):
                look, at = known[profile.relabeling], profile.thresholds
                axes.fill_between(at, profile.low, profile.high, color=look.color, alpha=0.13, linewidth=0.0)
                axes.plot(at, profile.values, color=look.color, linestyle=look.line, linewidth=1.3)
        description = (
            f"{len(algorithms)} panels, one for each algorithm: the share of runs that score above each threshold. "
            "There is a line for each reward. Bands are pointwise 95 % intervals."
        )
        csv = comma_separated(HEADER, _numbers(profiles))
        return (sheet.to_figure("performance-profiles", "Performance profiles by reward", description, csv),)


def _numbers(profiles: Sequence[Profile]) -> Iterator[list[str | float | None]]:
    for profile in profiles:
        for values in zip(profile.thresholds, profile.values, profile.low, profile.high, strict=True):
            yield [profile.algorithm, profile.relabeling, *values]
