"""The figure of a dataset: episode length against score, and where the states lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offline_bench.core.storage import scratch_path
from offline_bench.data.coverage import Coverage, EpisodePoints, StateView
from offline_bench.report.markdown import NO_VALUE

# Apart in hue, in brightness and in shape: for eyes that see no red from green, and for gray print.
EARLY = {"marker": "o", "facecolors": "none", "edgecolors": "#0072B2", "linewidths": 0.8}
LATE = {"marker": "^", "facecolors": "#D55E00", "edgecolors": "#7A3500", "linewidths": 0.4}
DPI = 120
CROWD = 1_000  # episodes


def draw_coverage(path: Path, coverage: Coverage, episodes: EpisodePoints, view: StateView) -> None:
    """Write the figure to `path` as PNG; the same numbers give the same bytes. Raises `StorageError`."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # A user's own matplotlibrc is left out, or the bytes would be theirs.
    with style.context("default"):
        figure = Figure(figsize=(12, 5.2), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        figure.suptitle(_plain(_title(coverage)), fontsize=13)
        _draw_episodes(left, coverage, episodes)
        _draw_states(figure, right, view)
        with scratch_path(path) as scratch:
            figure.savefig(scratch, format="png", metadata={"Software": None})


def _draw_episodes(axes: Any, coverage: Coverage, episodes: EpisodePoints) -> None:
    late = ~episodes.early
    for chosen, look, told in ((episodes.early, EARLY, "ended by the task"), (late, LATE, "by time limit or cut")):
        # A few among thousands are drawn as large as a few alone.
        size = 28 if chosen.sum() < CROWD else 12
        points = axes.scatter(episodes.lengths[chosen], episodes.scores[chosen], s=size, alpha=0.7, **look)
        points.set_label(f"{told} ({chosen.sum():,})")
    bias = coverage.endings.length_spearman
    axes.set_title(f"one point an episode; Spearman {NO_VALUE if bias is None else format(bias, '.2f')}", fontsize=11)
    axes.set_xlabel("episode length (steps)")
    axes.set_ylabel("normalized score (0 random, 100 expert)" if episodes.normalized else "true return, undiscounted")
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.legend(loc="best", fontsize=9)


def _draw_states(figure: Any, axes: Any, view: StateView) -> None:
    from matplotlib.colors import LogNorm
    from numpy.ma import masked_equal

    # Dark is dense and empty is white, so that brightness alone tells, too.
    norm = LogNorm(1, max(int(view.counts.max()), 2))
    shown = masked_equal(view.counts.T, 0)
    mesh = axes.pcolormesh(view.x_edges, view.y_edges, shown, cmap="cividis_r", norm=norm, rasterized=True)
    figure.colorbar(mesh, ax=axes, label="transitions in a cell (log scale)")
    if view.downward:
        axes.invert_yaxis()
    axes.set_title("where the states lie", fontsize=11)
    axes.set_xlabel(_plain(view.x_label))
    axes.set_ylabel(_plain(view.y_label))


def _title(coverage: Coverage) -> str:
    sizes = f"{coverage.episodes:,} episodes, {coverage.transitions:,} transitions"
    return f"{coverage.dataset}: {sizes}" + (f", {coverage.environment}" if coverage.environment else "")


def _plain(text: str) -> str:
    # Between two of them, matplotlib reads mathematics.
    return text.replace("$", r"\$")
