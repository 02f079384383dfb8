"""Tables of the stacked trainer beside JAX, of the matrix libraries, and of how the cost of a run grows."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.benchmarks.growth_cost import growth_cells, measure_growth
from offline_bench.benchmarks.library_cost import measure_layers, measure_libraries
from offline_bench.benchmarks.opponent import Size
from offline_bench.benchmarks.peer_cost import PEER_SIZES, PEER_SLABS, PEERS, PeerCost, has_jax, measure_peer
from offline_bench.benchmarks.training_cost import Pace
from offline_bench.commands.bench_tables import each, print_table
from offline_bench.commands.tell import tell
from offline_bench.core.provenance import read_machine


def measure_peers(algorithms: Sequence[str], widths: Sequence[int], slabs: Sequence[int], pace: Pace) -> list[PeerCost]:
    """Measure and print ours beside JAX's; empty means all. Without the extra, say so and return None."""
    names = [name for name in PEERS if not algorithms or name in algorithms]
    cells = [(name, size) for size in PEER_SIZES if not widths or size.width in widths for name in names]
    if not cells:
        return []
    if not has_jax():
        tell("Not measured beside JAX, which is not installed: pip install 'offline-bench[jax]'.\n")
        return []

    def measure(cell: tuple[str, Size]) -> list[PeerCost]:
        return measure_peer(*cell, slabs or PEER_SLABS, pace)

    costs = [cost for found in each("jax", cells, measure) for cost in found]
    header = ("algorithm", "network, batch", "runs", "stacked / JAX", "wanted", "stacked ms", "JAX ms")
    print_table(header, map(_peer_row, costs))
    return costs


def print_libraries() -> None:
    """What each matrix library makes of the products of a step, and compiled layers of all of it."""
    widths = [size.width for size in PEER_SIZES]
    products = [cost for found in each("libraries", widths, measure_libraries) for cost in found]
    rows = [(c.what, *map(_rate, (c.torch, c.openblas, c.onednn))) for c in products]
    print_table(("16 products, GFLOP/s", "torch's", "OpenBLAS", "oneDNN"), rows)
    layers = list(each("layers", widths, measure_layers))
    rows = [(f"{c.width}×{c.width}", _rate(c.library), _rate(c.compiled)) for c in layers]
    print_table(("16 critics there and back, GFLOP/s", "by torch's products", "compiled"), rows)


def print_growth(algorithms: Sequence[str], pace: Pace) -> None:
    """The cost of a run and step against the slab, the dataset and the width."""
    cells = [cell for name in algorithms or PEERS for cell in growth_cells(name)]
    costs = list(each("growth", cells, lambda cell: measure_growth(cell[0], cell[1], cell[2], cell[3], pace)))
    tell(f"Measured on {read_machine()}; batch 256, one thread, processor time.\n")
    rows = [
        (c.algorithm, str(c.runs), f"{c.transitions:,}", f"{c.width}×{c.width}", f"{c.milliseconds:.3f}") for c in costs
    ]
    print_table(("algorithm", "runs", "transitions", "network", "ms per run and step"), rows)


def _peer_row(cost: PeerCost) -> tuple[str, ...]:
    wanted = "< 1" if cost.ratio < 1 else "< 1, missed"
    shown = (f"{cost.ratio:.2f}", wanted, f"{cost.ours:.3f}", f"{cost.jax:.3f}")
    return (cost.algorithm, str(cost.size), str(cost.runs), *shown)


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.0f}"
