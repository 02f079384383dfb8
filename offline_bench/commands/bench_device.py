"""Tables of the stacked trainer on a GPU."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.algorithms.device import describe_machine, select_device
from offline_bench.benchmarks.device_cost import (
    BATCH,
    BIT_STEPS,
    DEVICE_SLABS,
    DEVICE_WIDTHS,
    USUAL_SLAB,
    DeviceBits,
    DeviceCost,
    compare_bits,
    measure_device,
)
from offline_bench.benchmarks.training_cost import ALGORITHMS, Pace
from offline_bench.commands.bench_tables import each, print_table
from offline_bench.commands.tell import tell

MIB = 2**20
BITS_HEADER = (f"algorithm, {BIT_STEPS} steps", "same bits again", "in a slab and alone", "away from the processor's")
COST_HEADER = (
    *("algorithm", "network", "runs", "ms a step", "of these drawing", f"one thread, slab of {USUAL_SLAB}"),
    *("ms per run and step", "times as fast", "peak MiB", "estimate MiB"),
)


def print_device(
    device: str, algorithms: Sequence[str], widths: Sequence[int], slabs: Sequence[int], pace: Pace
) -> None:
    """The cost of a step on `device` beside one thread of the processor, and whether bits are the same; empty is all.

    Raises `SpecError` where there is no such device.
    """
    select_device(device)
    machine = describe_machine(device)
    names, widths = algorithms or ALGORITHMS, widths or DEVICE_WIDTHS
    tell(f"Measured on {machine}; batch {BATCH}.\n")
    bits = list(each("bits", names, lambda name: compare_bits(name, widths[0], device)))
    print_table(BITS_HEADER, map(_bits_row, bits))
    cells = [(name, width) for width in widths for name in names]
    costs = [
        cost
        for found in each(
            device, cells, lambda cell: measure_device(cell[0], cell[1], device, slabs or DEVICE_SLABS, pace)
        )
        for cost in found
    ]
    print_table(COST_HEADER, map(_cost_row, costs))


def _bits_row(found: DeviceBits) -> tuple[str, ...]:
    told = ("yes" if same else "NO" for same in (found.again, found.alone))
    return (found.algorithm, *told, f"{found.difference:.1e}")


def _cost_row(cost: DeviceCost) -> tuple[str, ...]:
    return (
        *(cost.algorithm, f"{cost.width}×{cost.width}", str(cost.runs), f"{cost.milliseconds:.2f}"),
        *(f"{cost.drawing:.2f}", f"{cost.processor:.2f}", f"{cost.milliseconds / cost.runs:.4f}"),
        *(f"{cost.ratio:.1f}", f"{cost.peak / MIB:.0f}", f"{cost.estimate / MIB:.0f}"),
    )
