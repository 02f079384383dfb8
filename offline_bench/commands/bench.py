"""Speed, as ratios measured side by side in one run."""

from __future__ import annotations

import typer

from offline_bench.algorithms.benchmark import measure_sampling
from offline_bench.loaders.benchmark import measure_loading
from offline_bench.provenance import read_machine


def print_benchmarks() -> None:
    """Measure and print loading, relabeling and sampling, each ratio first."""
    typer.echo(f"measured on {read_machine()}; medians, the two sides taking turns in one process\n")
    loading = measure_loading()
    typer.echo(
        f"loading {loading.transitions} transitions, our reader / bare h5py of the same arrays: {loading.ratio:.2f}"
    )
    typer.echo(f"    {loading.load_seconds:.2f} s / {loading.bare_seconds:.2f} s (wanted: at most 1.25)")
    shares = "no observation copied" if loading.relabeling_shares_memory else "OBSERVATIONS COPIED"
    typer.echo(
        f"relabeling the same {loading.transitions} transitions: {1e3 * loading.relabel_seconds:.1f} ms, {shares}"
    )
    for batch_size in (128, 256, 1024):
        cost = measure_sampling(batch_size)
        typer.echo(f"drawing {batch_size} transitions, d3rlpy's sampler / ours: {cost.ratio:.0f}")
        typer.echo(f"    {cost.d3rlpy:.2f} ms / {cost.ours:.3f} ms")
