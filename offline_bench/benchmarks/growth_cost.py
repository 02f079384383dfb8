"""How the cost of a run grows with the slab, the dataset and the width: one of them at a time."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from offline_bench.benchmarks.opponent import Size
from offline_bench.benchmarks.sampling_cost import synthetic_data
from offline_bench.benchmarks.training_cost import Pace, StackedSide, Turns
from offline_bench.core.threads import one_thread

SLABS = (1, 2, 4, 8, 16, 32, 64)
TRANSITIONS = (10_000, 100_000, 1_000_000)
WIDTHS = (32, 64, 128, 256, 512)
BATCH, USUAL_SLAB, USUAL_WIDTH, USUAL_TRANSITIONS = 256, 8, 64, 50_000


@dataclass(frozen=True)
class GrowthCost:
    """Milliseconds of processor time per run and step of a slab of `runs`, two hidden layers of `width`."""

    algorithm: str
    runs: int
    transitions: int
    width: int
    milliseconds: float


def growth_cells(algorithm: str) -> list[tuple[str, int, int, int]]:
    """What `measure_growth` is asked for: algorithm, runs, transitions, width."""
    cells = [(algorithm, runs, USUAL_TRANSITIONS, USUAL_WIDTH) for runs in SLABS]
    cells += [(algorithm, USUAL_SLAB, n, USUAL_WIDTH) for n in TRANSITIONS]
    return cells + [(algorithm, USUAL_SLAB, USUAL_TRANSITIONS, width) for width in WIDTHS]


def measure_growth(algorithm: str, runs: int, transitions: int, width: int, pace: Pace | None = None) -> GrowthCost:
    """Train a slab of runs that share nothing but the transitions, on one thread."""
    with one_thread():
        side = StackedSide(algorithm, Size(width, BATCH), synthetic_data(transitions), runs)
        seconds = median(Turns([side], pace or Pace()).take()[0])
    return GrowthCost(algorithm, runs, transitions, width, 1e3 * seconds / runs)
