"""What runs will cost is measured for each setting that differs, over the whole of its budget."""

import math
from pathlib import Path

import pytest

from offline_bench.algorithms.stacked.slab import SlabTraining
from offline_bench.benchmarks import suite_cost
from offline_bench.benchmarks.suite_cost import (
    PLACES,
    RunCost,
    Sample,
    group_settings,
    measure_runs,
    sample_environment,
    spread_places,
)
from offline_bench.commands import cost
from offline_bench.runs.experiment import Job
from offline_bench.runs.record import Record, Run
from offline_bench.runs.store import pack_records
from offline_bench.runs.suites import load_suite

SMALL = "hidden_units=(8, 8), batch_size=16"
DATASET = "x/pendulum-v0"


def job(algorithm: str, seed: int = 0, steps: int = 3_000, relabeling: str = "zero", dataset: str = DATASET) -> Job:
    return Job(Run(dataset, "full", relabeling, algorithm, seed, steps, 3), (steps // 2, steps))


@pytest.fixture(scope="module")
def sample() -> Sample:
    return sample_environment("Pendulum-v1")


def test_a_sample_is_of_the_environment_with_its_longest_episode(sample: Sample) -> None:
    assert sample.data.n >= suite_cost.SAMPLE_STEPS
    assert sample.data.environment == "Pendulum-v1"
    assert sample.longest == 200
    assert 0 < sample.step_seconds < 1
    assert sample.row_bytes >= 3 * 8 + 4 + 8 + 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "algorithm",
    [f"td3-plus-bc({SMALL})", f"bc({SMALL})", f"iql({SMALL})", f"iql(trainer='d3rlpy', {SMALL})"],
)
def test_every_kind_of_trainer_is_measured(sample: Sample, algorithm: str) -> None:
    found = measure_runs([job(algorithm, seed) for seed in range(2)], sample)
    assert all(math.isfinite(seconds) and seconds > 0 for seconds in (found.training, found.evaluation))


def test_the_places_measured_lie_all_over_the_budget() -> None:
    places = spread_places(50_000, 250)
    assert places == [5_000, 15_000, 25_000, 35_000, 45_000]
    assert spread_places(3, 250) == [0]


@pytest.mark.slow
def test_a_warm_start_costs_what_its_share_of_the_budget_is(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    advance = SlabTraining.advance

    def watch(training: SlabTraining, until: int) -> None:
        seen.append(training.step)
        advance(training, until)

    monkeypatch.setattr(SlabTraining, "advance", watch)
    steps = 50_000
    measure_runs([job(f"atac({SMALL}, n_warm_start_steps=25_000)", steps=steps)], sample)
    timed = seen[1::2]
    assert len(timed) == PLACES
    assert sum(step < steps // 2 for step in timed) in (PLACES // 2, PLACES // 2 + 1)


def test_what_costs_the_same_is_measured_once_and_what_differs_apart() -> None:
    environments = {DATASET: "Pendulum-v1", "x/other-v0": "Pendulum-v1", "x/hopper-v0": "Hopper-v5"}
    same = [
        job("td3-plus-bc", seed, relabeling=name, dataset=dataset)
        for seed in (0, 1)
        for name in ("zero", "random(high=1, low=0)")
        for dataset in (DATASET, "x/other-v0")
    ]
    others = [job("iql"), job("td3-plus-bc", steps=10), job("td3-plus-bc(batch_size=8)")]
    others.append(job("td3-plus-bc", dataset="x/hopper-v0"))
    groups = group_settings([*same, *others], environments)
    assert groups == [same, *([one] for one in others)]


def test_rows_add_up_to_what_is_to_do_by_algorithm() -> None:
    jobs = [job(f"iql({SMALL})", seed) for seed in range(3)] + [job("bc", seed) for seed in range(4)]
    runs = {one.run: one.at for one in jobs}
    costs = {one.run: RunCost(3600.0, 1800.0) for one in jobs}
    rows = cost.total_rows(runs, jobs[1:6], costs)
    assert rows == [cost.Row("iql", 3, 1, 2.0, 1.0), cost.Row("bc", 4, 1, 3.0, 1.5)]


def test_a_dry_run_tells_the_cost_and_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = {one.run: one.at for one in [job("bc", seed, dataset="offline-bench/hopper/medium-v1") for seed in (0, 1)]}
    monkeypatch.setattr(cost, "measure_runs", lambda jobs, sample: RunCost(7200.0, 3600.0))
    monkeypatch.setattr(cost, "locate", lambda dataset: None)
    cost.print_cost(runs, tmp_path / "results", "some", 2, False)
    told = capsys.readouterr().out
    assert f"some: 0 of 2 runs are done in {tmp_path / 'results'}" in told
    assert "| bc        |    2 |    0 |            4.00 |                      2.00 |" in told
    assert "Training takes 4.00 processor hours, and evaluation at most 2.00" in told
    assert "On 2 workers this is 2.00 to 3.00 hours" in told
    assert "MB for 1 datasets that are to be built" in told
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("unfinished", [True, False])
def test_a_dry_run_counts_the_committed_records_that_a_run_would_go_on_from(
    unfinished: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = f'''datasets = ["{DATASET}"]
algorithms = ["bc({SMALL})"]
relabelings = ["zero"]
seeds = [0, 1, 2, 3]
steps = 3000
episodes = 3
'''
    (tmp_path / "suite.toml").write_text(f"unfinished = {str(unfinished).lower()}\n[[grids]]\n{grid}")
    suite = load_suite(str(tmp_path / "suite.toml"))
    pack_records(tmp_path, [Record(run, "ok", returns=[1.0], lengths=[1]) for run in list(suite.runs())[:3]])
    seen: list[int] = []
    monkeypatch.setattr(cost, "find_environments", lambda jobs: seen.append(len(jobs)) or {DATASET: "Pendulum-v1"})
    monkeypatch.setattr(cost, "measure_runs", lambda jobs, sample: RunCost(1.0, 1.0))
    cost.print_suite_cost(str(tmp_path / "suite.toml"), tmp_path / "local", [], 2, False)
    assert seen == [1 if unfinished else 4]
    assert f"{3 if unfinished else 0} of 4 runs are done in" in capsys.readouterr().out
