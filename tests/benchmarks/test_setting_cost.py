"""What settings cost is measured in turns, and is the least of several measurements, for one slab of all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from offline_bench.analysis.scores.setting_costs import load_costs
from offline_bench.benchmarks import setting_cost
from offline_bench.benchmarks.setting_cost import TOGETHER, measure_settings
from offline_bench.benchmarks.suite_cost import RunCost
from offline_bench.commands.describe_costs import describe_costs
from offline_bench.runs.experiment import Job
from offline_bench.runs.record import Run

SUITE = """frontier = true
[[grids]]
datasets = ["offline-bench/point-maze/full-v0", "offline-bench/point-maze/goal-only-v0"]
algorithms = ["bc(hidden_units=[4])", "bc(hidden_units=[8])"]
relabelings = ["original"]
seeds = [0]
steps = 3000
episodes = 1
"""


def test_settings_take_turns_and_the_least_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    times = iter([4.0, 8.0, 2.0, 6.0, 3.0, 9.0])

    def measure(jobs: Sequence[Job], sample: object) -> RunCost:
        assert [job.run.seed for job in jobs] == list(range(TOGETHER))
        seen.append(jobs[0].run.algorithm)
        return RunCost(next(times), 100.0)

    monkeypatch.setattr(setting_cost, "measure_runs", measure)
    jobs = {(name, "e"): Job(Run("d", "full", "original", name, 5, 2_000, 1), (2_000,)) for name in ("bc", "iql")}
    told: list[int] = []
    costs = measure_settings(jobs, {"e": None}, told.append)  # type: ignore[dict-item]
    assert seen == ["bc", "iql"] * 3
    assert told == [1, 2, 3, 4, 5, 6]
    assert costs.seconds == {"bc": {"e": 1.0}, "iql": {"e": 3.0}}
    assert costs.of("iql", ["e"], 10_000) == 30.0


@pytest.mark.slow
def test_the_file_of_a_suite_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "suite.toml").write_text(SUITE)
    describe_costs(str(tmp_path / "suite.toml"))
    costs = load_costs(tmp_path)
    assert costs is not None and len(costs.seconds) == 2
    assert all(
        set(found) == {"offline_bench/PointMaze-v0"} and min(found.values()) > 0 for found in costs.seconds.values()
    )
