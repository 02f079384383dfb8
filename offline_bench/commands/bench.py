"""Speed and memory, as ratios measured side by side in one run, in tables to be pasted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from offline_bench.benchmarks.description_cost import measure_description
from offline_bench.benchmarks.evaluation_cost import measure_evaluation
from offline_bench.benchmarks.folder_cost import measure_folder
from offline_bench.benchmarks.large_set_cost import measure_large_set
from offline_bench.benchmarks.loading_cost import measure_loading
from offline_bench.benchmarks.opponent import Size
from offline_bench.benchmarks.sampling_cost import measure_sampling
from offline_bench.benchmarks.step_profile import Profile, profile_training
from offline_bench.benchmarks.training_cost import (
    ALGORITHMS,
    SIZES,
    SLABS,
    MemoryCost,
    Pace,
    TrainingCost,
    measure_memory,
    measure_training,
)
from offline_bench.commands.bench_peers import measure_peers, print_libraries
from offline_bench.commands.bench_tables import each, print_table
from offline_bench.commands.tell import tell
from offline_bench.core.errors import SpecError
from offline_bench.core.provenance import read_machine, read_versions
from offline_bench.core.registry import unknown_name

MIB = 2**20
# Wanted of a slab of twelve: d3rlpy / stacked at least this (by algorithm and width), stacked / products at most that.
WANTED_RUNS = 12
WANTED = {("td3-plus-bc", 256): 2.2, ("td3-plus-bc", 64): 10.0}
WANTED_OF_ALL = 1.5
WANTED_TO_PRODUCTS = 1.5
# Of the time that parsing all packed records takes: at most this for their heads, and that for their briefs.
WANTED_OF_HEADS, WANTED_OF_BRIEFS = 0.35, 0.6
# Peak memory is measured in slabs of at least this many runs, of these algorithms where none is chosen.
LARGE_SLAB = 12
LARGE_SET_RUNS = 8
MEMORY_OF = ("td3-plus-bc", "cql")
LEGEND = """\
Milliseconds are of processor time, per run and gradient step: medians over turns on one thread, d3rlpy in a process of
its own; a ratio is the median of each round's. d3rlpy: `update` on a minibatch that its own replay buffer samples, one
run (atac, pspi: their form for d3rlpy in `algorithms/native`, main phase). Products: the matrix products of our step by
torch's library alone, on operands of the same layouts; compiled layers can be faster. Plain: as many operations at the
rate of one product, minibatch × width by width × width ({rates})."""


@dataclass(frozen=True)
class Choice:
    """What to measure; empty means all. A choice shows training only."""

    algorithms: Sequence[str] = ()
    widths: Sequence[int] = ()
    slabs: Sequence[int] = ()
    quick: bool = False

    def check(self) -> None:
        """Raise `SpecError` for an unknown choice."""
        for name in self.algorithms:
            if name not in ALGORITHMS:
                raise SpecError(unknown_name("stacked algorithm", name, set(ALGORITHMS)))
        for width in self.widths:
            if width not in {size.width for size in SIZES}:
                raise SpecError(f"width is {' or '.join(str(size.width) for size in SIZES)}, not {width}")

    @property
    def is_narrow(self) -> bool:
        return bool(self.algorithms or self.widths or self.slabs)

    @property
    def pace(self) -> Pace:
        return Pace(3, 0.05) if self.quick else Pace()

    def sizes(self) -> list[Size]:
        return [size for size in SIZES if not self.widths or size.width in self.widths]

    def runs(self) -> list[int]:
        return sorted(set(self.slabs)) or ([WANTED_RUNS] if self.quick else list(SLABS))

    def cells(self) -> list[tuple[str, Size]]:
        return [(name, size) for size in self.sizes() for name in self.algorithms or ALGORITHMS]

    def memory_cells(self) -> list[tuple[str, Size, int]]:
        slabs = [runs for runs in self.runs() if runs >= LARGE_SLAB]
        return [(name, size, k) for size in self.sizes() for name in self.algorithms or MEMORY_OF for k in slabs]


def print_benchmarks(choice: Choice, file: Path | None = None) -> None:
    """Measure and print what is chosen, ratios first; to `file` as JSON too."""
    choice.check()
    measured: dict[str, Any] = {"machine": read_machine(), "versions": read_versions()}
    tell(f"Measured on {read_machine()}; medians, the two sides taking turns.\n")
    if not choice.is_narrow:
        rows = [row for rows in each("data", DATA_COSTS, _call) for row in rows]
        measured["data"] = [dict(zip(("what", "ratio", "wanted", "times"), row, strict=True)) for row in rows]
        print_table(("what, over what", "ratio", "wanted", "the two"), rows)
    training = [
        cost
        for costs in each(
            "training", choice.cells(), lambda cell: measure_training(cell[0], cell[1], choice.runs(), choice.pace)
        )
        for cost in costs
    ]
    _print_training(training)
    peers = measure_peers(choice.algorithms, choice.widths, choice.slabs, choice.pace)
    if not choice.is_narrow:
        print_libraries()
    memory = list(each("memory", choice.memory_cells(), lambda cell: measure_memory(cell[0], cell[1], cell[2])))
    _print_memory(memory)
    if file is not None:
        costs: dict[str, list[Any]] = {"training": training, "jax": peers, "memory": memory}
        measured |= {name: [asdict(cost) for cost in found] for name, found in costs.items()}
        file.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


def print_profiles(choice: Choice) -> None:
    """Print where the time of a step goes, for each algorithm, size and slab chosen."""
    choice.check()
    cells = [(name, size, k) for name, size in choice.cells() for k in choice.slabs or [WANTED_RUNS]]
    profiles = list(each("profile", cells, lambda cell: profile_training(cell[0], cell[1], cell[2], choice.pace)))
    kinds = list(profiles[0].parts)
    header = ("algorithm", "network, batch", "runs", *kinds, "ms per run and step")
    tell(f"Measured on {read_machine()}; share of the time of a step, on one thread.\n")
    print_table(header, (_profile_row(found, kinds) for found in profiles))


def _profile_row(found: Profile, kinds: list[str]) -> tuple[str, ...]:
    shares = found.shares()
    return (
        found.algorithm,
        str(found.size),
        str(found.runs),
        *(f"{shares[k]:.0%}" for k in kinds),
        f"{found.total:.3f}",
    )


def _print_training(costs: list[TrainingCost]) -> None:
    header = (
        *("algorithm", "network, batch", "runs", "d3rlpy / stacked", "wanted", "stacked / products", "wanted"),
        *("stacked / plain", "stacked ms", "d3rlpy ms", "products ms", "plain ms", "GFLOP"),
    )
    print_table(header, map(_training_row, costs))
    rates = {cost.size.width: cost.gflops for cost in costs}
    tell(LEGEND.format(rates=", ".join(f"{width}: {rate:.0f} GFLOP/s" for width, rate in rates.items())) + "\n")


def _training_row(cost: TrainingCost) -> tuple[str, ...]:
    faster, nearer = "", ""
    if cost.runs == WANTED_RUNS:
        least = WANTED.get((cost.algorithm, cost.size.width), WANTED_OF_ALL)
        faster = f"≥ {least}" + ("" if cost.ratio >= least else ", missed")
        nearer = f"≤ {WANTED_TO_PRODUCTS}" + ("" if cost.to_products <= WANTED_TO_PRODUCTS else ", missed")
    return (
        *(cost.algorithm, str(cost.size), str(cost.runs), f"{cost.ratio:.2f}", faster, f"{cost.to_products:.2f}"),
        *(nearer, f"{cost.to_plain:.2f}", f"{cost.ours:.3f}", f"{cost.d3rlpy:.2f}"),
        *(f"{cost.products:.3f}", f"{cost.plain:.3f}", f"{cost.gflop:.3g}"),
    )


def _print_memory(costs: list[MemoryCost]) -> None:
    rows = (
        (
            *(cost.algorithm, str(cost.size), str(cost.runs), f"{cost.estimate / cost.peak:.2f}"),
            *(f"{cost.peak / MIB:.0f}", f"{cost.estimate / MIB:.0f}"),
        )
        for cost in costs
    )
    if costs:
        print_table(("algorithm", "network, batch", "runs", "estimate / peak", "peak MiB", "estimate MiB"), rows)


def _loading() -> list[tuple[str, ...]]:
    cost = measure_loading()
    load = (
        f"loading {cost.transitions} transitions / bare h5py of the same arrays",
        *(f"{cost.ratio:.2f}", "≤ 1.25", f"{cost.load_seconds:.2f} s / {cost.bare_seconds:.2f} s"),
    )
    shares = "no observation copied" if cost.relabeling_shares_memory else "OBSERVATIONS COPIED"
    watched = (
        "comparing their content around a plug-in / loading them",
        *(f"{cost.watch_ratio:.2f}", "≤ 0.25", f"{cost.watch_seconds:.2f} s / {cost.load_seconds:.2f} s"),
    )
    return [load, watched, (f"relabeling them: {shares}", "", "", f"{1e3 * cost.relabel_seconds:.1f} ms")]


def _description() -> list[tuple[str, ...]]:
    cost = measure_description()
    what = f"describing {cost.transitions} transitions: memory / their arrays"
    times = f"{cost.seconds:.0f} s, {cost.processor_seconds:.0f} s of processors; wanted under 60"
    return [(what, f"{cost.ratio:.2f}", "≤ 2", times)]


def _large_set() -> list[tuple[str, ...]]:
    cost = measure_large_set(SIZES[-1].spec(MEMORY_OF[0]), runs=LARGE_SET_RUNS)
    what = f"loading {cost.transitions} transitions, training {cost.runs} runs: memory / estimate"
    told = f"{cost.peak // MIB} MiB / {cost.estimate // MIB} MiB of this machine's {cost.available // MIB} MiB"
    return [(what, f"{cost.peak / cost.estimate:.2f}", "≤ 1", told)]


def _sampling() -> list[tuple[str, ...]]:
    costs = [measure_sampling(batch_size) for batch_size in (128, 256, 1024)]
    return [
        (
            f"d3rlpy's sampler / ours for d3rlpy, {cost.batch_size} transitions",
            *(f"{cost.ratio:.0f}", "", f"{cost.d3rlpy:.2f} ms / {cost.ours:.3f} ms"),
        )
        for cost in costs
    ]


def _evaluation() -> list[tuple[str, ...]]:
    cost = measure_evaluation(steppers=1)
    what = f"evaluating {cost.runs} runs in {cost.environment}, one stepper / bare gymnasium"
    return [(what, f"{cost.ratio:.2f}", "≥ 0.85", f"{cost.ours:.0f} steps/s / {cost.bare:.0f} steps/s")]


def _folder() -> list[tuple[str, ...]]:
    cost = measure_folder()
    rows = (
        ("heads, as status", cost.heads_ratio, WANTED_OF_HEADS, cost.heads),
        ("briefs, as leaderboard", cost.briefs_ratio, WANTED_OF_BRIEFS, cost.briefs),
    )
    return [
        (
            f"reading {cost.records} packed records: {what} / all of them parsed",
            *(f"{ratio:.2f}", f"≤ {wanted}", f"{seconds:.2f} s / {cost.whole:.2f} s"),
        )
        for what, ratio, wanted, seconds in rows
    ]


DATA_COSTS = (_loading, _large_set, _description, _sampling, _evaluation, _folder)


def _call(measure: Callable[[], list[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    return measure()
