"""Measuring what the settings of a suite cost, side by side, for the table of what a second buys."""

from __future__ import annotations

import json
from dataclasses import asdict

from offline_bench.analysis.scores.setting_costs import COSTS
from offline_bench.benchmarks.setting_cost import TURNS, measure_settings
from offline_bench.benchmarks.suite_cost import sample_environment
from offline_bench.commands.cost import find_environments
from offline_bench.commands.display import open_bar
from offline_bench.commands.records import check_own
from offline_bench.commands.tell import tell
from offline_bench.core.storage import write_text
from offline_bench.runs.experiment import Job
from offline_bench.runs.suites import load_suite


def describe_costs(name: str) -> None:
    """Write `costs.json` beside the suite's file: processor seconds of each algorithm in each environment.

    Raises what loading and training raise, and `StorageError` where the file cannot be written.
    """
    suite = load_suite(name)
    check_own(suite, "describe costs")
    jobs = [Job(run, at) for run, at in suite.runs().items()]
    environments = find_environments(jobs)
    wanted: dict[tuple[str, str], Job] = {}
    for job in jobs:
        wanted.setdefault((job.run.algorithm, environments[job.run.dataset]), job)
    samples = {one: sample_environment(one) for one in dict.fromkeys(environments.values())}
    total = TURNS * len(wanted)
    with open_bar("measuring", total, "settings") as bar:
        costs = measure_settings(wanted, samples, lambda count: bar.show(count / total, count))
    path = suite.folder / COSTS
    write_text(path, json.dumps(asdict(costs), indent=1, sort_keys=True, allow_nan=False) + "\n")
    tell(f"wrote {path}")
