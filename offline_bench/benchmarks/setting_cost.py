"""What a gradient step of each setting of a suite costs here: all of them in turns, so that load hits them alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from offline_bench.analysis.scores.setting_costs import SettingCosts
from offline_bench.benchmarks.suite_cost import Sample, measure_runs
from offline_bench.core.provenance import read_machine
from offline_bench.runs.experiment import Job

TOGETHER = 8  # runs of a slab, as a suite of three sets and some seeds has them
TURNS = 3
STEPS = 1_000


def measure_settings(
    jobs: Mapping[tuple[str, str], Job], samples: Mapping[str, Sample], tell: Callable[[int], None]
) -> SettingCosts:
    """The least of `TURNS` measurements of each of `jobs`, which are by algorithm and environment.

    Other work can only make a step slower, so the least is nearest to what it costs. `tell` is called with how many
    measurements are done. Raises what training raises.
    """
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for turn in range(TURNS):
        for place, ((algorithm, environment), job) in enumerate(jobs.items(), start=1):
            cost = measure_runs(_slab(job), samples[environment])
            found[algorithm, environment].append(cost.training / job.run.steps * STEPS)
            tell(turn * len(jobs) + place)
    seconds: dict[str, dict[str, float]] = defaultdict(dict)
    for (algorithm, environment), times in found.items():
        seconds[algorithm][environment] = float(f"{min(times):.3g}")
    return SettingCosts(read_machine(), TOGETHER, STEPS, dict(seconds))


def _slab(job: Job) -> Sequence[Job]:
    return [replace(job, run=replace(job.run, seed=seed)) for seed in range(TOGETHER)]
