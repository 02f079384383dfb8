"""A slab that is stopped goes on to the bit, and a file that is not its own, or not whole, changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest

from offline_bench.algorithms import read_checkpoint_name
from offline_bench.algorithms.stacked import checkpoint as checkpoint_module
from offline_bench.algorithms.stacked import slab as slab_module
from offline_bench.algorithms.stacked.checkpoint import Checkpoint, State, read_header
from offline_bench.core.errors import StorageError
from offline_bench.environments.steppers import Steppers
from offline_bench.runs import outcome
from offline_bench.runs.campaign import carry_out_slabs
from offline_bench.runs.experiment import Job, JobSlab, carry_out_slab
from offline_bench.runs.record import Record, Run, to_text
from offline_bench.runs.slabs import checkpoint_folder, group_jobs
from offline_bench.runs.store import read_records
from tests.conftest import MEDIUM, without_time

pytestmark = pytest.mark.slow

SMALL = "batch_size=16, hidden_units=(16, 16)"
AT = (50, 90, 130)
# Fifteen updates apart, one of them where a run is evaluated.
EVERY = 15


class Stopped(BaseException):
    """As Ctrl-C: no error of the training."""


def jobs_of(text: str, at: tuple[int, ...] = AT, rewards: tuple[str, ...] = ("original", "zero")) -> list[Job]:
    return [Job(Run(MEDIUM, "full", reward, text, seed, at[-1], 2), at) for seed in (0, 1) for reward in rewards]


def told(records: list[Record]) -> list[str]:
    """The records to the last bit, but for how long they took."""
    assert all(record.provenance["seconds"] >= 0 for record in records)
    return [to_text(without_time(r)) for r in records]


@pytest.fixture
def often(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frequent checkpoints; and environments in this process, as starting others takes longer than what they do."""
    monkeypatch.setattr(outcome, "Steppers", lambda environment, count: Steppers(environment, 0))
    monkeypatch.setattr(slab_module, "CHECKPOINT_EVERY", EVERY)
    monkeypatch.setattr(slab_module, "PROGRESS_EVERY", 5)


class Watch:
    """Stops training at the first word of `step`, or its evaluation or its checkpoint; counts what was trained."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, where: str = "", step: int = 0) -> None:
        self.updates: list[int] = []
        self.stopping = bool(where)
        note, save, evaluate = slab_module.LossHistory.note, Checkpoint.save, outcome.evaluate_slab

        def watched_note(history: Any, number: int, losses: Any) -> None:
            self.updates.append(number)
            note(history, number, losses)

        def watched_save(file: Checkpoint, state: State) -> None:
            self.stop(where == "before the checkpoint" and state.step == step)
            save(file, state)
            self.stop(where == "after the checkpoint" and state.step == step)

        def watched_evaluate(*arguments: Any) -> Any:
            at = self.updates[-1] + 1 if self.updates else 0
            self.stop(where == "before the evaluation" and at == step)
            found = evaluate(*arguments)
            self.stop(where == "after the evaluation" and at == step)
            return found

        monkeypatch.setattr(slab_module.LossHistory, "note", watched_note)
        monkeypatch.setattr(Checkpoint, "save", watched_save)
        monkeypatch.setattr(outcome, "evaluate_slab", watched_evaluate)
        self.at = step if where == "in progress" else None

    def stop(self, now: bool) -> None:
        if now and self.stopping:
            self.stopping = False
            raise Stopped

    def progress(self, steps: int) -> Callable[[float], None]:
        return lambda share: self.stop(self.at is not None and round(share * steps) == self.at)


def stop_and_go_on(slab: JobSlab, where: str, step: int) -> tuple[list[Record], int]:
    """The records of `slab`, stopped once on the way; and the update with which the second start began."""
    with pytest.MonkeyPatch.context() as patch:
        watch = Watch(patch, where, step)
        with pytest.raises(Stopped):
            carry_out_slab(slab, watch.progress(slab.jobs[0].run.steps))
        assert watch.updates[0] == 0
    with pytest.MonkeyPatch.context() as patch:
        watch = Watch(patch)
        records = carry_out_slab(slab)
        return records, watch.updates[0] if watch.updates else slab.jobs[0].run.steps


PESSIMIST = f"{SMALL}, n_warm_start_steps=60, actor_learning_rate=0.001, actor_average_rate=0.1, clip_values=True"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (
            f"td3-plus-bc({SMALL})",
            [
                ("in progress", 5, 0),
                ("in progress", 15, 0),
                ("after the checkpoint", 15, 15),
                ("in progress", 40, 30),
                ("before the checkpoint", 45, 30),
                ("before the checkpoint", 50, 45),
                ("before the evaluation", 50, 50),
                ("after the evaluation", 50, 50),
                ("in progress", 55, 50),
                ("after the checkpoint", 90, 90),
                ("after the evaluation", 90, 90),
                ("after the checkpoint", 105, 105),
                ("before the evaluation", 130, 130),
                ("after the evaluation", 130, 130),
            ],
        ),
        (
            f"atac({PESSIMIST})",
            [
                ("in progress", 40, 30),
                ("in progress", 60, 50),
                ("after the checkpoint", 60, 60),
                ("in progress", 80, 75),
            ],
        ),
        (f"cql({SMALL}, n_action_samples=2)", [("in progress", 80, 75)]),
        (f"iql({SMALL})", [("in progress", 80, 75)]),
        (f"sac({SMALL})", [("after the evaluation", 90, 90)]),
        (f"pspi({PESSIMIST})", [("in progress", 80, 75)]),
        (f"bc({SMALL})", [("in progress", 80, 75)]),
        (f"pct-bc({SMALL})", [("in progress", 80, 75)]),
        (f"onestep({SMALL}, n_critic_steps=60)", [("in progress", 55, 50), ("after the checkpoint", 60, 60)]),
        (
            f"onestep({SMALL}, n_critic_steps=70, critic_target='monte-carlo', extraction='exp-weighted')",
            [("in progress", 70, 60), ("in progress", 80, 75)],
        ),
    ],
)
def test_a_stopped_slab_goes_on_to_the_bit(
    often: None, tmp_path: Path, text: str, places: list[tuple[str, int, int]]
) -> None:
    jobs = tuple(jobs_of(text))
    expected = told(carry_out_slab(JobSlab(jobs)))
    for number, (where, step, begins_at) in enumerate(places):
        slab = JobSlab(jobs, checkpoint=tmp_path / f"{number}.safetensors")
        records, began = stop_and_go_on(slab, where, step)
        assert began == begins_at, (where, step)
        assert told(records) == expected, (where, step)


def test_a_slab_stopped_again_and_again_goes_on_to_the_bit(often: None, tmp_path: Path) -> None:
    slab = JobSlab(tuple(jobs_of(f"td3-plus-bc({SMALL})")), checkpoint=tmp_path / "c.safetensors")
    for step in (20, 50, 65, 95, 125):
        with pytest.MonkeyPatch.context() as patch:
            watch = Watch(patch, "in progress", step)
            with pytest.raises(Stopped):
                carry_out_slab(slab, watch.progress(130))
    header = read_header(tmp_path / "c.safetensors")
    assert header is not None
    assert (header["step"], sorted(header["notes"])) == (120, ["50", "90"])
    assert told(carry_out_slab(slab)) == told(carry_out_slab(replace(slab, checkpoint=None)))


def test_a_diverged_run_stays_diverged_over_a_stop(often: None, tmp_path: Path) -> None:
    rewards = ("original", "constant(value=3e+38)")
    jobs = tuple(jobs_of(f"td3-plus-bc({SMALL})", rewards=rewards))
    expected = carry_out_slab(JobSlab(jobs))
    assert [record.status for record in expected] == ["ok", "diverged"] * 2
    records, began = stop_and_go_on(JobSlab(jobs, checkpoint=tmp_path / "c.safetensors"), "in progress", 80)
    assert began == 75
    assert told(records) == told(expected)


def spoil_nothing(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def truncate_to_nothing(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_bit_of_a_weight(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 0x10
    path.write_bytes(content)


def flip_a_digit_of_the_step(path: Path) -> None:
    content = path.read_bytes()
    assert b'\\"step\\": 75' in content
    path.write_bytes(content.replace(b'\\"step\\": 75', b'\\"step\\": 60'))


def write_no_checkpoint(path: Path) -> None:
    path.write_bytes(os.urandom(4096))


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_nothing,
        truncate,
        truncate_to_nothing,
        flip_a_bit_of_a_weight,
        flip_a_digit_of_the_step,
        write_no_checkpoint,
    ],
)
def test_a_checkpoint_that_is_not_whole_is_not_gone_on_from(
    often: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None]
) -> None:
    slab = JobSlab(tuple(jobs_of(f"td3-plus-bc({SMALL})")), checkpoint=tmp_path / "c.safetensors")
    assert_not_gone_on_from(slab, lambda: spoil(tmp_path / "c.safetensors"))


def test_a_checkpoint_of_other_versions_is_not_gone_on_from(
    often: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slab = JobSlab(tuple(jobs_of(f"td3-plus-bc({SMALL})")), checkpoint=tmp_path / "c.safetensors")
    versions = {**checkpoint_module.read_versions(), "torch": "1.0"}
    assert_not_gone_on_from(slab, lambda: monkeypatch.setattr(checkpoint_module, "read_versions", lambda: versions))


def test_a_checkpoint_of_another_slab_is_not_gone_on_from(often: None, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    slab = JobSlab(tuple(jobs_of(f"td3-plus-bc({SMALL})")), checkpoint=path)
    foreign = JobSlab(tuple(jobs_of(f"td3-plus-bc({SMALL}, alpha=1.0)")), checkpoint=path)
    assert_not_gone_on_from(slab, lambda: stop(foreign))


def test_a_checkpoint_with_other_tensors_is_not_gone_on_from(often: None, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    slab = JobSlab(tuple(jobs_of(f"td3-plus-bc({SMALL})")), checkpoint=path)

    def write_another_under_the_same_name() -> None:
        other = JobSlab(tuple(jobs_of("td3-plus-bc(batch_size=16, hidden_units=(8, 8))")), checkpoint=path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(JobSlab, "name", property(lambda _: slab_name))
            stop(other)

    slab_name = slab.name
    assert_not_gone_on_from(slab, write_another_under_the_same_name)


def stop(slab: JobSlab) -> None:
    with pytest.MonkeyPatch.context() as patch:
        watch = Watch(patch, "in progress", 80)
        with pytest.raises(Stopped):
            carry_out_slab(slab, watch.progress(130))


def assert_not_gone_on_from(slab: JobSlab, spoil: Callable[[], None]) -> None:
    expected = carry_out_slab(replace(slab, checkpoint=None))
    stop(slab)
    spoil()
    with pytest.MonkeyPatch.context() as patch:
        watch = Watch(patch)
        records = carry_out_slab(slab)
        assert watch.updates[0] == 0
    assert [r.returns for r in records] == [r.returns for r in expected]
    assert [(r.curve, r.fingerprints) for r in records] == [(r.curve, r.fingerprints) for r in expected]


def test_a_full_disk_stops_the_campaign_with_a_sentence_and_what_is_finished_is_safe(
    often: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [*jobs_of(f"bc({SMALL})"), *jobs_of(f"td3-plus-bc({SMALL})")]
    slabs = group_jobs(jobs, tmp_path)
    assert len(slabs) == 2
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, content: fill_up(path, write, content, slabs[1].checkpoint))
    with pytest.raises(StorageError, match=r"cannot write .*safetensors: No space left on device\. Free some space"):
        list(carry_out_slabs(slabs, tmp_path, workers=0))
    assert len(read_records(tmp_path).records) == 4
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".json"] == []
    monkeypatch.setattr(Path, "write_bytes", write)
    assert len(read_records(tmp_path).records) == 4
    list(carry_out_slabs(group_jobs(jobs[4:], tmp_path), tmp_path, workers=0))
    assert len(read_records(tmp_path).records) == 8


def fill_up(path: Path, write: Callable[[Path, bytes], int], content: bytes, victim: Path | None) -> int:
    if victim is not None and path.name.startswith(victim.name):
        write(path, content[:1000])
        raise OSError(ENOSPC, os.strerror(ENOSPC))
    return write(path, content)


def test_a_folder_that_takes_no_checkpoint_stops_the_campaign_with_a_sentence(often: None, tmp_path: Path) -> None:
    checkpoint_folder(tmp_path).write_text("a file")
    with pytest.raises(StorageError, match=r"cannot write .*checkpoints"):
        list(carry_out_slabs(group_jobs(jobs_of(f"bc({SMALL})"), tmp_path), tmp_path, workers=0))
    assert read_records(tmp_path).records == []


def test_what_a_kill_left_of_a_slab_is_gone_when_it_is_done(often: None, tmp_path: Path) -> None:
    jobs = jobs_of(f"bc({SMALL})")
    (slab,) = group_jobs(jobs, tmp_path)
    assert slab.checkpoint is not None
    stop(slab)
    slab.checkpoint.with_name(f"{slab.checkpoint.name}.4711.scratch").write_bytes(b"half")
    # A slab of some of its runs, as when records were half written or fewer runs were asked for.
    (some,) = group_jobs(jobs[:2], tmp_path)
    assert some.checkpoint != slab.checkpoint
    list(carry_out_slabs([some], tmp_path, workers=0))
    assert read_checkpoint_name(slab.checkpoint) is None
    (rest,) = group_jobs(jobs[2:], tmp_path)
    list(carry_out_slabs([rest], tmp_path, workers=0))
    list(carry_out_slabs([slab], tmp_path, workers=0))
    assert list(checkpoint_folder(tmp_path).iterdir()) == []


def children_of(pid: int) -> list[int]:
    """All processes below `pid`."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children_of(child)]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# Tells, in a file per process, the update a slab began with.
SPY = """
import os
from pathlib import Path
from offline_bench.algorithms.stacked.checkpoint import Checkpoint
restore = Checkpoint.restore
def spied(self, shapes):
    state = restore(self, shapes)
    with open(Path({folder!r}) / "began", "a") as file:
        file.write(f"{{state.step if state else 0}}\\n")
    return state
Checkpoint.restore = spied
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes through /proc")
def test_a_campaign_killed_outright_goes_on_from_its_checkpoints_to_the_bit(at_home: Path, tmp_path: Path) -> None:
    plugin, out = tmp_path / "spy.py", tmp_path / "out"
    plugin.write_text(SPY.format(folder=str(tmp_path)))
    text = f"bc({SMALL})"
    arguments = ["--plugin", str(plugin), "run", "--dataset", MEDIUM, "--algorithm", text, "--steps", "6500"]
    arguments += ["--curve", "1000", "--episodes", "2", "--seed", "0", "--seed", "1", "--workers", "2"]
    arguments += ["--relabeling", "original", "--relabeling", "zero", "--results", str(out)]
    command = [sys.executable, "-m", "offline_bench.cli", *arguments]
    environment = {**os.environ, "OFFLINE_BENCH_HOME": str(at_home), "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and not all_at_least(2000, out, slabs=2):
            time.sleep(0.02)
        children = children_of(process.pid)
        process.send_signal(signal.SIGKILL)
    limit = time.monotonic() + 10
    while any(alive(child) for child in children) and time.monotonic() < limit:
        time.sleep(0.05)
    assert len(children) >= 4  # two workers, and a stepper each
    assert not [child for child in children if alive(child)]
    assert all_at_least(2000, out, slabs=2)
    assert read_records(out).records == []

    began = tmp_path / "began"
    assert began.read_text() == "0\n0\n"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    later = [int(line) for line in began.read_text().split()[2:]]
    assert len(later) == 2
    assert min(later) >= 2000
    assert {path.suffix for path in out.rglob("*") if path.is_file()} == {".json"}

    records = read_records(out).records
    slab = JobSlab(tuple(Job(record.run, (1000, 6500)) for record in records))
    assert told(records) == told(carry_out_slab(slab))


def all_at_least(step: int, folder: Path, slabs: int) -> bool:
    headers = [read_header(path) for path in checkpoint_folder(folder).glob("*.safetensors")]
    return len(headers) == slabs and all(header is not None and header["step"] >= step for header in headers)
