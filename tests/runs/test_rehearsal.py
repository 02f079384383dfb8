"""All that can be known of a run is known before it trains, and costs no other run anything."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from offline_bench import ActionSpace, Dataset, relabelings
from offline_bench.algorithms import algorithms
from offline_bench.commands import reproduce
from offline_bench.core.errors import DatasetNotFoundError, EnvironmentAbsentError, OfflineBenchError
from offline_bench.data.loaders import load
from offline_bench.data.loaders.metadata import of_folder
from offline_bench.environments.make import make_environment
from offline_bench.runs import experiment, rehearsal
from offline_bench.runs.experiment import Job, carry_out_slab
from offline_bench.runs.record import Run
from offline_bench.runs.rehearsal import Rehearsal, rehearse
from offline_bench.runs.slabs import group_jobs
from offline_bench.runs.store import read_records
from offline_bench.runs.suites import Grid
from tests.conftest import MEDIUM

pytestmark = pytest.mark.slow

BC = "bc(batch_size=16, hidden_units=(8,))"
GRID = "made/corridor-v0"


def jobs(algorithm: str = BC, dataset: str = MEDIUM, relabeling: str = "original", seeds: int = 1) -> list[Job]:
    return [Job(Run(dataset, "full", relabeling, algorithm, seed, 4, 1), (4,)) for seed in range(seeds)]


def reasons(found: Rehearsal) -> dict[Run, str]:
    return {record.run: record.reason for record in found.failed}


@pytest.fixture
def some_seeds() -> Iterator[str]:
    """A relabeling that divides by a draw, which for some seeds is 0."""

    def divide(data: Dataset, rng: np.random.Generator) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray((data.true_rewards + 1.0) / rng.integers(0, 3))

    relabelings.register("divide-of-test")(divide)
    yield "divide-of-test"
    del relabelings._functions["divide-of-test"]


def draws_zero(seed: int) -> bool:
    from offline_bench.core.seeds import relabeling_rng

    return bool(relabeling_rng(seed).integers(0, 3) == 0)


@pytest.fixture
def corridor(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A small dataset with discrete actions, beside those on disk."""
    made = make_environment("offline_bench/CoinCorridor-v0")
    rng = np.random.default_rng(0)
    seen, taken, paid = [made.reset(seed=0)[0]], [], []
    ended = False
    while not ended:
        taken.append(int(rng.integers(made.action_space.n)))
        observation, reward, terminated, truncated, _ = made.step(taken[-1])
        seen.append(observation)
        paid.append(reward)
        ended = terminated or truncated
    n = len(taken)
    last = np.arange(n) == n - 1
    data = Dataset(
        id=GRID,
        environment="offline_bench/CoinCorridor-v0",
        action_space=ActionSpace(np.empty(0, np.float32), np.empty(0, np.float32), int(made.action_space.n)),
        observations=np.array(seen[:-1], np.float32),
        actions=np.array(taken, np.int64),
        next_observations=np.array(seen[1:], np.float32),
        true_rewards=np.array(paid, np.float32),
        terminals=last & terminated,
        timeouts=last & (not terminated),
    )
    monkeypatch.setattr(experiment, "load", lambda name: data if name == GRID else load(name))
    experiment.curate_once.cache_clear()
    return GRID


@pytest.fixture
def copy_of_medium(at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A copy of the built dataset under a name, with changed metadata."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))

    def copy(name: str, **changed: Any) -> str:
        place = tmp_path / "minari" / name
        shutil.copytree(at_home / "datasets" / "cache" / MEDIUM, place)
        path = of_folder(place).path
        path.write_text(json.dumps({**json.loads(path.read_text()), "dataset_id": name, **changed}))
        return name

    return copy


def test_every_seed_of_every_relabeling_is_tried_and_fails_alone(at_home: Path, some_seeds: str) -> None:
    all_jobs = [*jobs(relabeling=some_seeds, seeds=12), *jobs(seeds=12)]
    found = rehearse(all_jobs)
    bad = {job.run for job in all_jobs if job.run.relabeling == some_seeds and draws_zero(job.run.seed)}
    assert 0 < len(bad) < 12
    assert set(reasons(found)) == bad
    assert {job.run for job in found.possible} == {job.run for job in all_jobs} - bad
    assert {job.run.seed for job in found.possible} == set(range(12))
    assert all(some_seeds in reason and "not finite" in reason for reason in reasons(found).values())
    assert found.undone == []
    assert all(record.fingerprints["relabeling_source"] for record in found.failed)


def test_a_seed_that_fails_only_in_the_worker_fails_alone(at_home: Path, some_seeds: str) -> None:
    some = jobs(relabeling=some_seeds, seeds=12)
    (slab,) = group_jobs([job for job in some if not draws_zero(job.run.seed)], at_home)
    records = carry_out_slab(replace(slab, jobs=tuple(some)))
    assert [record.run for record in records] == [job.run for job in some]
    assert [record.status for record in records] == ["failed" if draws_zero(job.run.seed) else "ok" for job in some]


@pytest.mark.parametrize("algorithm", ["iql", "td3-plus-bc", "bcq", "dt", "bc(trainer='d3rlpy')"])
def test_a_learner_of_continuous_actions_fails_on_discrete_data_and_costs_its_neighbors_nothing(
    corridor: str, tmp_path: Path, algorithm: str
) -> None:
    text = str(algorithms.bind(algorithm))
    grid = Grid([corridor], [algorithm, "tabular-bc"], ["original"], [0], 4, 1)
    reproduce.run_grid(grid, tmp_path, reproduce.Means(workers=0))
    told = {record.run.algorithm: record for record in read_records(tmp_path).records}
    assert (told["tabular-bc"].status, told[text].status) == ("ok", "failed")
    assert "actions" in told[text].reason


def test_a_learner_of_discrete_actions_fails_on_continuous_data(at_home: Path) -> None:
    for algorithm in ("discrete-bc", "tabular-bc", "vi-lcb", "planning"):
        found = rehearse([*jobs(str(algorithms.bind(algorithm))), *jobs()])
        assert [job.run.algorithm for job in found.possible] == [BC]
        assert len(found.failed) == 1


def test_a_scale_that_is_none_fails_the_runs_of_its_data_alone_and_before_they_train(
    copy_of_medium: Callable[..., str], tmp_path: Path
) -> None:
    equal = copy_of_medium("mine/equal-v0", ref_min_score=0.0, ref_max_score=0.0)
    grid = Grid([equal, MEDIUM], [BC], ["original", "zero"], [0], 4, 1)
    reproduce.run_grid(grid, tmp_path, reproduce.Means(workers=0))
    told = read_records(tmp_path).records
    assert {(r.run.dataset, r.status) for r in told} == {(equal, "failed"), (MEDIUM, "ok")}
    assert {"are not two different numbers" in r.reason for r in told if r.status == "failed"} == {True}
    # The same again: nothing is done, and nothing is refused.
    reproduce.run_grid(grid, tmp_path, reproduce.Means(workers=0))


def test_an_environment_that_is_not_here_is_no_result_and_costs_no_other_run_anything(
    at_home: Path, copy_of_medium: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads(of_folder(at_home / "datasets" / "cache" / MEDIUM).path.read_text())
    spec = json.dumps({**json.loads(content["env_spec"]), "id": "NowhereToBeFound-v0"})
    away = copy_of_medium("mine/away-v0", env_spec=spec)
    grid = Grid([away, MEDIUM], [BC], ["original"], [0], 4, 1)
    for _ in range(2):
        with pytest.raises(typer.Exit) as ended:
            reproduce.run_grid(grid, tmp_path / "out", reproduce.Means(workers=0))
        assert ended.value.exit_code == 1
        told = capsys.readouterr().err
        assert "1 of 2 runs are not done and have no record" in told
        assert "NowhereToBeFound" in told
        assert [(r.run.dataset, r.status) for r in read_records(tmp_path / "out").records] == [(MEDIUM, "ok")]
    with pytest.raises(OfflineBenchError, match="NowhereToBeFound"):
        reproduce.run_grid(
            Grid([away], [BC], ["original"], [0], 4, 1), tmp_path / "out" / "alone", reproduce.Means(workers=0)
        )


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ("Walker2d-v5", r"observations of shape \(11,\), but its environment Walker2d-v5 shows \(17,\)"),
        ("offline_bench/CoinCorridor-v0", "observations of shape"),
        ("", "names no environment"),
    ],
)
def test_an_environment_of_other_shapes_is_found_out_before_training(
    at_home: Path, monkeypatch: pytest.MonkeyPatch, environment: str, told: str
) -> None:
    odd = replace(load(MEDIUM), environment=environment)
    monkeypatch.setattr(experiment, "load", lambda name: odd)
    experiment.curate_once.cache_clear()
    found = rehearse(jobs())
    experiment.curate_once.cache_clear()
    assert found.possible == []
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(found.failed[0].reason)


def test_actions_of_another_size_are_found_out_before_training(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = load(MEDIUM)
    space = ActionSpace(-np.ones(2, np.float32), np.ones(2, np.float32))
    odd = replace(data, actions=data.actions[:, :2].copy(), action_space=space)
    monkeypatch.setattr(experiment, "load", lambda name: odd)
    experiment.curate_once.cache_clear()
    found = rehearse(jobs())
    experiment.curate_once.cache_clear()
    assert "has actions of shape (2,), but its environment Hopper-v5 takes" in found.failed[0].reason


def test_where_not_one_run_can_be_nothing_is_written_and_the_reason_is_the_error(
    at_home: Path, tmp_path: Path, some_seeds: str
) -> None:
    seeds = [seed for seed in range(20) if draws_zero(seed)][:2]
    with pytest.raises(OfflineBenchError, match=some_seeds):
        reproduce.run_grid(Grid([MEDIUM], [BC], [some_seeds], seeds, 4, 1), tmp_path, reproduce.Means(workers=0))
    assert list(tmp_path.iterdir()) == []
    # Beside one that is done, they are rows.
    well = next(seed for seed in range(20) if not draws_zero(seed))
    for some in ([well], [well, *seeds]):
        reproduce.run_grid(Grid([MEDIUM], [BC], [some_seeds], some, 4, 1), tmp_path, reproduce.Means(workers=0))
    assert sorted(r.status for r in read_records(tmp_path).records) == ["failed", "failed", "ok"]


def test_data_that_is_not_here_is_told_before_anything_is_tried(at_home: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="hopper/absent-v0"):
        rehearse([*jobs(), *jobs(dataset="offline-bench/hopper/absent-v0")])


def test_what_finished_runs_show_is_not_tried_again_and_reads_no_data(
    at_home: Path, some_seeds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_jobs = [*jobs(relabeling=some_seeds, seeds=12), *jobs(seeds=12)]
    shown = [job.run for job in all_jobs if job.run.relabeling == "original" or not draws_zero(job.run.seed)]
    tried: list[tuple[str, int]] = []
    prepare = rehearsal.prepare_data
    monkeypatch.setattr(rehearsal, "prepare_data", lambda run: (tried.append((run.relabeling, run.seed)), prepare(run)))
    found = rehearse(all_jobs, shown=shown)
    assert set(reasons(found)) == {job.run for job in all_jobs} - set(shown)
    assert set(tried) == {(some_seeds, seed) for seed in range(12) if draws_zero(seed)}
    tried.clear()

    def unread(name: str) -> Dataset:
        raise AssertionError(f"{name} is read")

    experiment._load_once.cache_clear()
    experiment.curate_once.cache_clear()
    monkeypatch.setattr(experiment, "load", unread)
    assert rehearse(jobs(seeds=12), shown=shown).possible == jobs(seeds=12)
    assert len(group_jobs(jobs(seeds=12), at_home)) == 1
    assert tried == []
    # A learner that none of them shows is asked, and what is no part of a grid is told as ever.
    with pytest.raises(AssertionError, match="is read"):
        rehearse(jobs("discrete-bc"), shown=shown)
    with pytest.raises(OfflineBenchError, match="no-such"):
        rehearse([*jobs(), *jobs("no-such")], shown=shown)


def test_an_environment_that_is_gone_is_found_out_though_records_show_its_data(
    at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(data: Dataset) -> None:
        raise EnvironmentAbsentError(f"{data.environment} is not here.")

    monkeypatch.setattr(rehearsal, "check_environment", absent)
    found = rehearse(jobs(), shown=[job.run for job in jobs()])
    assert [reason.partition(".")[0] for _, reason in found.undone] == ["Hopper-v5 is not here"]
