"""Campaigns: a fault of the place is no result, no run is done twice, and what was trained is not lost."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import pytest
import torch

from offline_bench.algorithms.stacked import slab as slab_module
from offline_bench.core.claims import Claims
from offline_bench.core.errors import (
    DivergedError,
    EnvironmentMismatchError,
    MissingExtraError,
    PlaceError,
    StorageError,
)
from offline_bench.environments.steppers import Steppers
from offline_bench.runs import campaign, outcome
from offline_bench.runs.campaign import carry_out_slabs, list_missing, tidy_up
from offline_bench.runs.experiment import Job, JobSlab, carry_out_slab
from offline_bench.runs.faults import describe_fault, is_of_the_place
from offline_bench.runs.record import Record, Run, to_text
from offline_bench.runs.slabs import checkpoint_folder, group_jobs
from offline_bench.runs.store import read_records, save_record
from tests.conftest import MEDIUM, without_time

SMALL = "batch_size=16, hidden_units=(16, 16)"
STEPS = 60


def jobs_of(text: str = f"bc({SMALL})", seeds: int = 4, reward: str = "original") -> list[Job]:
    return [Job(Run(MEDIUM, "full", reward, text, seed, STEPS, 2), (STEPS,)) for seed in range(seeds)]


def told(records: Sequence[Record]) -> dict[Run, str]:
    """The records to the last bit, but for how long they took."""
    return {r.run: to_text(without_time(r)) for r in records}


class Stopped(BaseException):
    """As a kill: no error of anything."""


@pytest.fixture
def updates(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The gradient steps that are trained; with frequent checkpoints, and environments in this process."""
    seen: list[int] = []
    note = slab_module.LossHistory.note

    def watched(history: Any, step: int, losses: Any) -> None:
        seen.append(step)
        note(history, step, losses)

    monkeypatch.setattr(slab_module.LossHistory, "note", watched)
    monkeypatch.setattr(outcome, "Steppers", lambda environment, count: Steppers(environment, 0))
    monkeypatch.setattr(slab_module, "CHECKPOINT_EVERY", 20)
    monkeypatch.setattr(slab_module, "PROGRESS_EVERY", 10)
    return seen


def go_on(runs: Sequence[Job], folder: Path) -> list[Record]:
    """What the next start does."""
    missing = list_missing({job.run: job.at for job in runs}, folder)
    waiting = {job.run for job in missing}
    slabs = group_jobs(missing, folder, done=[job for job in runs if job.run not in waiting])
    return [record for step in carry_out_slabs(slabs, folder, 0) for record in step.records]


@pytest.mark.slow
@pytest.mark.parametrize("saved", [0, 1, 3])
def test_a_kill_between_two_records_of_a_slab_loses_no_training(
    updates: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: int
) -> None:
    runs = jobs_of()
    expected = told(carry_out_slab(JobSlab(tuple(runs))))
    written: list[Run] = []

    def save(folder: Path, record: Record) -> None:
        if len(written) == saved:
            raise Stopped
        written.append(record.run)
        save_record(folder, record)

    with monkeypatch.context() as patch:
        patch.setattr(campaign, "save_record", save)
        with pytest.raises(Stopped):
            go_on(runs, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    assert len(before) == saved
    updates.clear()
    assert len(go_on(runs, tmp_path)) == len(runs) - saved
    assert updates == []
    assert told(read_records(tmp_path).records) == expected
    assert all(path.read_bytes() == content for path, content in before.items())
    assert list(checkpoint_folder(tmp_path).iterdir()) == []


@pytest.mark.slow
def test_a_checkpoint_with_nothing_left_to_do_is_removed_by_the_next_start(
    updates: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(folder: Path, slab: JobSlab) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(campaign, "drop_checkpoints", stop)
        with pytest.raises(Stopped):
            go_on(jobs_of(), tmp_path)
    assert len(list(checkpoint_folder(tmp_path).iterdir())) == 1
    (checkpoint_folder(tmp_path) / "c.safetensors.12-ab.scratch").write_bytes(b"half")
    go_on(jobs_of(reward="zero"), tmp_path)
    assert list(checkpoint_folder(tmp_path).iterdir()) == []


@pytest.mark.parametrize("another", [False, True])
def test_what_a_kill_left_at_the_very_end_is_removed_where_nobody_else_is_there(tmp_path: Path, another: bool) -> None:
    left = ("claims/vm-1-ab.lock", "claims/vm-1-ab.claim", "claims/gate.lock")
    half = ("records/a/b/c.json.1-ab.scratch", "checkpoints/d.safetensors.1-ab.scratch")
    for name in (*left, *half):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    with Claims(tmp_path) if another else nullcontext():
        tidy_up(tmp_path)
        files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
        assert set(half) & files == (set(half) if another else set())
    assert not set(left) & {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}


@pytest.fixture
def one_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slab with the run of seed 1 raises at its step 50."""
    train = slab_module.train_slab

    def raising(setting: Any, members: Any, at: Any, progress: Callable[[int], None], checkpoint: Any) -> Iterator[Any]:
        def tell(step: int) -> None:
            progress(step)
            if step >= 50 and any(member.seed.entropy == 1 for member in members):
                raise ValueError("seed 1 it is")

        return train(setting, members, at, tell, checkpoint)

    monkeypatch.setattr(slab_module, "train_slab", raising)


@pytest.mark.slow
def test_a_run_that_raises_fails_alone_and_a_kill_costs_the_others_nothing_but_the_way_from_a_checkpoint(
    updates: list[int], one_raises: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = jobs_of(seeds=5)
    (slab,) = group_jobs(runs, tmp_path)
    expected = carry_out_slab(replace(slab, checkpoint=None))
    assert [record.status for record in expected] == ["ok", "failed", "ok", "ok", "ok"]
    assert expected[1].reason.startswith("ValueError: seed 1 it is")
    whole = len(updates)
    for stopped_at in (whole // 3, whole // 2, whole - 5):
        updates.clear()

        def stop(share: float, limit: int = stopped_at) -> None:
            if len(updates) >= limit:
                raise Stopped

        with pytest.raises(Stopped):
            carry_out_slab(slab, stop)
        before = len(updates)
        updates.clear()
        assert told(carry_out_slab(slab)) == told(expected)
        # Each part goes on from its own checkpoint, at most 20 steps back; the parts that raise do so again from there.
        assert len(updates) <= whole - before + 20 + 3 * 20, (stopped_at, before, len(updates), whole)
        for path in checkpoint_folder(tmp_path).iterdir():
            path.unlink()
    list(carry_out_slabs([slab], tmp_path, 0))
    assert list(checkpoint_folder(tmp_path).iterdir()) == []


@pytest.mark.slow
def test_progress_through_a_slab_that_raises_stays_between_0_and_1(updates: list[int], one_raises: None) -> None:
    seen: list[float] = []
    carry_out_slab(JobSlab(tuple(jobs_of(seeds=5))), seen.append)
    assert all(0.0 <= share <= 1.0 for share in seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize(
    ("error", "of_the_place"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), True),
        (ModuleNotFoundError("No module named 'sbx'"), True),
        (MissingExtraError("install offline-bench[robotics]"), True),
        (gymnasium.error.NameNotFound("Environment `Plain` doesn't exist."), True),
        (gymnasium.error.NamespaceNotFound("Namespace x not found"), True),
        (gymnasium.error.DependencyNotInstalled("mujoco"), True),
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EMFILE, "Too many open files"), True),
        (StorageError("cannot write"), True),
        (PlaceError("a process stepping 'Hopper-v5' was killed by SIGKILL."), True),
        (gymnasium.error.InvalidAction("out of the box"), False),
        (DivergedError(3, "a loss"), False),
        (EnvironmentMismatchError("discrete actions"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("odd"), False),
        (FileNotFoundError(errno.ENOENT, "No such file"), False),
        (ZeroDivisionError(), False),
    ],
    ids=lambda value: f"{type(value).__name__} {value}"[:50],
)
def test_faults_of_the_place_are_told_from_those_of_a_run(error: Exception, of_the_place: bool) -> None:
    assert is_of_the_place(error) is of_the_place


def test_a_full_gpu_is_told_without_advice_to_programmers() -> None:
    told = "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 139.80 GiB. If reserved but"
    assert describe_fault(torch.OutOfMemoryError(told)) == (
        "the GPU has no room for even one of them (CUDA out of memory. Tried to allocate 20.00 MiB). "
        "Fewer --workers leave each slab more room"
    )
    assert describe_fault(MemoryError("full")) == "MemoryError: full"


@pytest.mark.slow
@pytest.mark.parametrize("error", [MemoryError("full"), PlaceError("a process stepping it was killed by SIGKILL")])
@pytest.mark.parametrize("text", [f"bc({SMALL})", f"bc({SMALL}, trainer='d3rlpy')"])
def test_what_the_place_did_is_not_recorded_and_done_at_the_next_start(
    updates: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, text: str
) -> None:
    runs = jobs_of(text, seeds=2)

    def fail(*arguments: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(outcome, "evaluate", fail)
        patch.setattr(outcome, "evaluate_slab", fail)
        steps = list(carry_out_slabs(group_jobs(runs, tmp_path), tmp_path, 0))
    undone = dict(pair for step in steps for pair in step.undone)
    assert set(undone) == {job.run for job in runs}
    assert all(str(error) in reason for reason in undone.values())
    assert read_records(tmp_path).records == []
    updates.clear()
    assert [record.status for record in go_on(runs, tmp_path)] == ["ok", "ok"]
    # The stacked slab had its checkpoint at the last step.
    assert updates == []


@pytest.mark.slow
def test_a_killed_stepper_is_a_fault_of_the_place(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(policies: Any, runs: int, environment: str, episodes: int, steppers: Steppers) -> None:
        os.kill(steppers.pids[0], signal.SIGKILL)
        steppers.begin([[1]])
        steppers.collect(0)

    monkeypatch.setattr(outcome, "evaluate_slab", kill)
    with pytest.raises(PlaceError, match="was killed by SIGKILL"):
        carry_out_slab(JobSlab(tuple(jobs_of(seeds=2))))


@pytest.mark.slow
def test_an_environment_that_a_stepper_cannot_make_is_a_fault_of_the_place(
    at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = gymnasium.spec("Hopper-v5")
    monkeypatch.setattr(spec, "entry_point", "nowhere_to_be_found:Hopper")
    with pytest.raises(PlaceError, match="nowhere_to_be_found"):
        carry_out_slab(JobSlab(tuple(jobs_of(seeds=2))))


@pytest.mark.slow
def test_what_another_has_in_hand_is_left_to_it_and_the_rest_is_done(updates: list[int], tmp_path: Path) -> None:
    runs = jobs_of()
    with Claims(tmp_path) as other:
        other.take([runs[1].run.key])
        steps = list(carry_out_slabs(group_jobs(runs, tmp_path), tmp_path, 0))
        ((run, reason),) = [pair for step in steps for pair in step.undone]
        assert run == runs[1].run
        assert f"being carried out by process {os.getpid()} on" in reason
        assert {record.run for record in read_records(tmp_path).records} == {runs[i].run for i in (0, 2, 3)}
    assert [record.run for record in go_on(runs, tmp_path)] == [runs[1].run]
    assert told(read_records(tmp_path).records) == told(carry_out_slab(JobSlab(tuple(runs))))


@pytest.mark.slow
def test_what_another_has_finished_meanwhile_is_not_done_again(updates: list[int], tmp_path: Path) -> None:
    runs = jobs_of()
    slabs = group_jobs(runs, tmp_path)
    (record,) = carry_out_slab(JobSlab((runs[2],)))
    save_record(tmp_path, record)
    done = [record.run for step in carry_out_slabs(slabs, tmp_path, 0) for record in step.records]
    assert done == [runs[i].run for i in (0, 1, 3)]


@pytest.mark.slow
def test_a_failed_run_that_is_to_be_tried_again_is_not_taken_for_one_that_another_finished(
    updates: list[int], tmp_path: Path
) -> None:
    runs = jobs_of(seeds=2)
    save_record(tmp_path, Record(runs[0].run, "failed", "once"))
    assert len(list_missing({job.run: job.at for job in runs}, tmp_path)) == 1
    again = list_missing({job.run: job.at for job in runs}, tmp_path, retry_failed=True)
    done = [r for step in carry_out_slabs(group_jobs(again, tmp_path), tmp_path, 0) for r in step.records]
    assert [record.status for record in done] == ["ok", "ok"]


@pytest.mark.slow
def test_what_another_lets_go_of_undone_is_done_here(updates: list[int], tmp_path: Path) -> None:
    """Its slab is skipped at first, and taken up at the end."""
    first, second = jobs_of(), jobs_of(reward="zero")
    slabs = [JobSlab(tuple(first)), JobSlab(tuple(second))]
    done: list[Run] = []
    with Claims(tmp_path) as other:
        other.take([job.run.key for job in first])
        for step in carry_out_slabs(slabs, tmp_path, 0):
            done += [record.run for record in step.records]
            other.release([job.run.key for job in first])
            assert step.undone == [] or step.undone == ()
    assert done == [job.run for job in (*second, *first)]


# Counts, a line each, the runs that are trained, and in which process.
SPY = """
import os
from pathlib import Path
from offline_bench.runs import experiment
train = experiment.train_members
def spied(learner, members, *rest):
    with open(Path({folder!r}) / "trained", "a") as file:
        for member in members:
            file.write(f"{{member.data.relabeling}} {{member.seed.entropy}} {{learner.parameters['alpha']}}\\n")
    return train(learner, members, *rest)
experiment.train_members = spied
"""


@pytest.mark.slow
def test_two_starts_at_once_share_the_work_and_each_says_what_the_other_has(at_home: Path, tmp_path: Path) -> None:
    plugin, out = tmp_path / "spy.py", tmp_path / "out"
    plugin.write_text(SPY.format(folder=str(tmp_path)))
    # Eight slabs of two runs: the width of the network keeps them apart.
    arguments = ["--plugin", str(plugin), "run", "--dataset", MEDIUM, "--results", str(out), "--workers", "1"]
    for width in range(8, 16):
        arguments += ["--algorithm", f"td3-plus-bc(batch_size=16, hidden_units=({width},))"]
    arguments += ["--relabeling", "original", "--relabeling", "zero", "--steps", "400", "--episodes", "1"]
    command = [sys.executable, "-m", "offline_bench.cli", *arguments]
    environment = {**os.environ, "OFFLINE_BENCH_HOME": str(at_home), "PYTHONWARNINGS": "ignore"}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, env=environment, **pipes) for _ in range(2)]
    shown = [process.communicate(timeout=400) for process in both]
    records = read_records(out).records
    assert [record.status for record in records] == ["ok"] * 16
    assert len((tmp_path / "trained").read_text().splitlines()) == 16
    for process, (_, words) in zip(both, shown, strict=True):
        assert "Traceback" not in words
        # All is done where it ended last; the other may have left it the rest.
        assert process.returncode == 0 or "being carried out by process" in words
    assert {process.returncode for process in both} <= {0, 1}
    assert 0 in {process.returncode for process in both}
    assert {path.suffix for path in out.rglob("*") if path.is_file()} == {".json"}


# Whatever trains a run of seed 0 is killed at a step, while a file is there; in between a line for each death.
KILLER = """
import os, signal
from pathlib import Path
from offline_bench.algorithms.stacked import slab
from offline_bench.environments.steppers import Steppers
from offline_bench.runs import experiment, outcome
outcome.Steppers = lambda environment, count: Steppers(environment, 0)
slab.CHECKPOINT_EVERY, slab.PROGRESS_EVERY = 20, 10
train, here = experiment.train_members, Path({folder!r})
def killed(learner, members, at, episodes, progress, *rest):
    def tell(step):
        progress(step)
        if step >= 40 and any(member.seed.entropy == 0 for member in members) and (here / "full").exists():
            with open(here / "deaths", "a") as file:
                file.write(f"{{len(members)}}\\n")
            os.kill(os.getpid(), signal.SIGKILL)
    return train(learner, members, at, episodes, tell, *rest)
experiment.train_members = killed
"""


def write_killer(folder: Path) -> Path:
    plugin = folder / "killer.py"
    plugin.write_text(KILLER.format(folder=str(folder)))
    (folder / "full").touch()
    return plugin


@pytest.mark.slow
def test_a_run_that_kills_its_process_fails_alone_and_its_neighbors_are_done(at_home: Path, tmp_path: Path) -> None:
    plugin, out, runs = write_killer(tmp_path), tmp_path / "out", jobs_of()
    (slab,) = group_jobs(runs, out)
    steps = list(carry_out_slabs([slab], out, 1, [plugin]))
    assert [step.undone for step in steps if step.undone] == []
    records = {record.run: record for record in read_records(out).records}
    bad = records.pop(runs[0].run)
    assert bad.status == "failed"
    assert bad.reason.startswith("its process was killed by SIGKILL, 2 times, with this run alone in it.")
    assert bad.fingerprints["policy"] == ""
    assert told(list(records.values())) == told(carry_out_slab(JobSlab(tuple(runs[1:]))))
    # Twice each: the slab, its first half, and the run.
    assert (tmp_path / "deaths").read_text().split() == ["4", "4", "2", "2", "1", "1"]
    notes = [step.note for step in steps if step.note]
    assert [note.rpartition("with ")[2] for note in notes] == [
        "4 runs: they are tried apart",
        "2 runs: they are tried apart",
    ]
    assert all(0.0 <= step.share <= 1.0 for step in steps)
    assert steps[-1].share == 1.0
    assert list(checkpoint_folder(out).iterdir()) == []
    assert list_missing({job.run: job.at for job in runs}, out) == []


@pytest.mark.slow
def test_of_a_killed_slab_what_has_records_is_not_done_again(at_home: Path, tmp_path: Path) -> None:
    plugin, out, runs = write_killer(tmp_path), tmp_path / "out", jobs_of(seeds=2)
    (slab,) = group_jobs(runs, out)
    steps = list(carry_out_slabs([replace(slab, done=frozenset([runs[0].run]))], out, 1, [plugin]))
    assert [record.run for step in steps for record in step.records] == [runs[1].run]
    assert [record.status for record in read_records(out).records] == ["ok"]


@pytest.mark.slow
def test_runs_that_kill_their_worker_are_failed_rows_and_retried_where_that_is_asked_for(
    at_home: Path, tmp_path: Path
) -> None:
    plugin, out = write_killer(tmp_path), tmp_path / "out"
    arguments = ["--plugin", str(plugin), "run", "--dataset", MEDIUM, "--algorithm", f"bc({SMALL})", "--steps", "60"]
    arguments += ["--episodes", "1", "--seed", "0", "--workers", "1", "--results", str(out)]
    command = [sys.executable, "-m", "offline_bench.cli", *arguments]
    environment = {**os.environ, "OFFLINE_BENCH_HOME": str(at_home), "PYTHONWARNINGS": "ignore"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 1
    assert "1 of 1 runs did not end well: 1 failed. --retry-failed does them again." in ended.stderr
    assert "its process was killed by SIGKILL, 2 times" in ended.stderr
    assert "Traceback" not in ended.stderr
    (tmp_path / "full").unlink()
    command.append("--retry-failed")
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert [record.status for record in read_records(out).records] == ["ok"]
