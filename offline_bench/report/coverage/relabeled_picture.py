"""The figure of a relabeling: how its rewards lie, and its returns against true returns and lengths."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from offline_bench.core.storage import scratch_path
from offline_bench.data.dataset import Dataset
from offline_bench.report.coverage.picture import CROWD, DPI, EARLY, LATE
from offline_bench.report.markdown import NO_VALUE, number
from offline_bench.schemes.relabel.properties import Properties, tell_ending

NEW, TRUE = "#0072B2", "#6b6b6b"
BINS = 60
WIDEST = 120  # letters in a line
SHOWN = (0.002, 0.998)  # quantiles: what lies beyond is drawn at the edge, and said


def draw_relabeling(path: Path, data: Dataset, found: Properties) -> None:
    """Write the figure to `path` as PNG; the same numbers give the same bytes. Raises `StorageError`."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # A user's own matplotlibrc is left out, or the bytes would be theirs.
    with style.context("default"):
        figure = Figure(figsize=(12, 9), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        (rewards, steps), (returns, lengths) = figure.subplots(2, 2)
        title = f"{found.relabeling} on {found.dataset}".replace("$", r"\$")
        figure.suptitle("\n".join(wrap(title, WIDEST)), fontsize=13)
        figure.supxlabel("\n".join(wrap(tell_ending(found), WIDEST)), fontsize=11)
        _draw_rewards(rewards, data)
        _draw_steps(figure, steps, data, found.step_correlation)
        _draw_episodes(returns, data, data.true_returns, "true return", found.return_rank_correlation)
        _draw_episodes(lengths, data, data.lengths, "episode length (steps)", found.length_correlation)
        returns.legend(loc="best", fontsize=9)
        with scratch_path(path) as scratch:
            figure.savefig(scratch, format="png", metadata={"Software": None})


def _draw_rewards(axes: Any, data: Dataset) -> None:
    both = np.concatenate([data.rewards, data.true_rewards]).astype(np.float64)
    low, high = np.quantile(both, SHOWN)
    pad = 0.05 * (high - low) if high > low else 0.5
    edges = np.linspace(low - pad, high + pad, BINS + 1)
    beyond = 0.0
    for rewards, look, told in (
        (data.true_rewards, {"color": TRUE, "linestyle": "--"}, "true reward"),
        (data.rewards, {"color": NEW, "linewidth": 2.0}, "relabeled"),
    ):
        counts, _ = np.histogram(np.clip(rewards, edges[0], edges[-1]), edges)
        beyond = max(beyond, float(((rewards < edges[0]) | (rewards > edges[-1])).mean()))
        axes.stairs(counts / data.n, edges, label=told, **look)
    axes.set_title(
        "one reward a transition" + (f"; {beyond:.1%} drawn at the edges" if beyond >= 0.0005 else ""), fontsize=11
    )
    axes.set_xlabel("reward")
    axes.set_ylabel("share of transitions")
    axes.set_yscale("symlog", linthresh=0.01)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.legend(loc="best", fontsize=9)


def _draw_steps(figure: Any, axes: Any, data: Dataset, correlation: float | None) -> None:
    from matplotlib.colors import LogNorm
    from numpy.ma import masked_equal

    true, new = data.true_rewards.astype(np.float64), data.rewards.astype(np.float64)
    counts, x_edges, y_edges = np.histogram2d(true, new, bins=[_cut(true), _cut(new)])
    norm = LogNorm(1, max(int(counts.max()), 2))
    mesh = axes.pcolormesh(x_edges, y_edges, masked_equal(counts.T, 0), cmap="cividis_r", norm=norm, rasterized=True)
    figure.colorbar(mesh, ax=axes, label="transitions in a cell (log scale)")
    told = NO_VALUE if correlation is None else number(correlation, 2)
    axes.set_title(f"all transitions; correlation {told}", fontsize=11)
    axes.set_xlabel("true reward")
    axes.set_ylabel("relabeled reward")


def _cut(values: Any) -> Any:
    """Edges of cells over all of `values`; of one value there is one cell, with room beside it."""
    low, high = float(values.min()), float(values.max())
    room = 0.0 if high > low else max(abs(low), 1.0) / 2
    return np.linspace(low - room, high + room, BINS + 1)


def _draw_episodes(axes: Any, data: Dataset, against: Any, label: str, correlation: float | None) -> None:
    returns = np.add.reduceat(data.rewards.astype(np.float64), data.episode_starts)
    early = data.terminals[data.episode_ends]
    for chosen, look, told in ((early, EARLY, "ended by the task"), (~early, LATE, "by time limit or cut")):
        if not chosen.any():
            continue
        size = 28 if chosen.sum() < CROWD else 12
        points = axes.scatter(np.asarray(against)[chosen], returns[chosen], s=size, alpha=0.7, **look)
        points.set_label(f"{told} ({chosen.sum():,})")
    told = NO_VALUE if correlation is None else number(correlation, 2)
    axes.set_title(f"one point an episode; Spearman {told}", fontsize=11)
    axes.set_xlabel(label)
    axes.set_ylabel("relabeled return")
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
