"""Where the time of a step goes, by kind of work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from torch.profiler import ProfilerActivity, profile, record_function

from offline_bench.algorithms.stacked.compiled import CompiledLayers
from offline_bench.benchmarks.opponent import Size
from offline_bench.benchmarks.sampling_cost import synthetic_data
from offline_bench.benchmarks.training_cost import Pace, StackedSide, Turns
from offline_bench.core.threads import one_thread

REST = "interpreter"
LAYERS = "compiled layers"
NOISE = "drawing rows and noise"
ELEMENTWISE = "elementwise and sums"
# By operator of the library; what is not listed is elementwise or a sum. Views cost the interpreter, not the processor.
KINDS = {
    "matrix products": "bmm baddbmm mm addmm matmul",
    "optimizer and targets": "_fused_adam_ _foreach_lerp_ _foreach_copy_ _foreach_add_",
    "gathering and copying": "index_select index cat stack copy_ clone contiguous _to_copy to fill_ zero_ zeros full",
    REST: "view _unsafe_view reshape expand transpose slice select squeeze unsqueeze as_strided detach detach_ alias "
    "flatten split unbind permute t narrow repeat unflatten empty empty_like empty_strided new_empty zeros_like "
    "ones_like resize_ item _local_scalar_dense result_type lift_fresh set_",
}
KIND = {f"aten::{name}": kind for kind, names in KINDS.items() for name in names.split()} | {LAYERS: LAYERS}


@dataclass(frozen=True)
class Profile:
    """Milliseconds per run and step: `total` measured without the profiler, and its parts by kind of work.

    The operators' times are taken under the profiler, which lengthens each call by about a microsecond; the
    interpreter has what they leave of the total, and where they exceed it they are scaled to it.
    """

    algorithm: str
    size: Size
    runs: int
    total: float
    parts: dict[str, float]

    def shares(self) -> dict[str, float]:
        """Each part over the total, largest first."""
        return {k: v / self.total for k, v in sorted(self.parts.items(), key=lambda part: -part[1])}


def profile_training(algorithm: str, size: Size, runs: int, pace: Pace | None = None) -> Profile:
    """Profile a slab of `runs` on one thread, on synthetic transitions."""
    with one_thread():
        side = StackedSide(algorithm, size, synthetic_data(), runs)
        turns = Turns([side], pace or Pace())
        total = median(turns.take()[0])
        steps = turns.steps[0]
        noise = median(side.draw() for _ in range(3))
        with _named_layers(), profile(activities=[ProfilerActivity.CPU]) as profiler:
            side.train(steps)
    parts = {NOISE: noise, LAYERS: 0.0, ELEMENTWISE: 0.0, **dict.fromkeys(KINDS, 0.0)}
    for event in profiler.key_averages():
        kind = KIND.get(event.key, ELEMENTWISE if event.key.startswith("aten::") else REST)
        if kind != REST:
            parts[kind] += 1e-6 * event.self_cpu_time_total / steps
    known = sum(parts.values())
    parts = {kind: seconds * min(1.0, total / known) for kind, seconds in parts.items()}
    parts[REST] = max(0.0, total - known)
    return Profile(algorithm, size, runs, 1e3 * total / runs, {k: 1e3 * v / runs for k, v in parts.items()})


@contextmanager
def _named_layers() -> Iterator[None]:
    """Show compiled layers to the library's profiler, which does not know them."""

    def named(call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **more: Any) -> Any:
            with record_function(LAYERS):
                return call(*arguments, **more)

        return watched

    calls = {name: getattr(CompiledLayers, name) for name in ("forward", "backward")}
    try:
        for name, call in calls.items():
            setattr(CompiledLayers, name, named(call))
        yield
    finally:
        for name, call in calls.items():
            setattr(CompiledLayers, name, call)
