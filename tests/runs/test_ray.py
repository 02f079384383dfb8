"""Grids on a real Ray of three nodes in this machine: whatever dies, the records are those of an undisturbed run here.

One such cluster at a time, also where several processes test side by side.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from offline_bench.core.errors import StorageError
from offline_bench.environments.steppers import Steppers
from offline_bench.runs import outcome
from offline_bench.runs.campaign import carry_out_slabs
from offline_bench.runs.executors.ray_cluster import RayCluster, open_cluster
from offline_bench.runs.executors.ray_place import RayPlace, import_ray
from offline_bench.runs.experiment import Job, carry_out
from offline_bench.runs.record import Record, Run, to_text
from offline_bench.runs.slabs import checkpoint_folder, group_jobs
from offline_bench.runs.store import read_records
from tests.conftest import MEDIUM, RANDOM, without_time

pytest.importorskip("ray")
# Ray's own: files and sockets that it leaves to the collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

STORE = 80 * 2**20
ALGORITHM = "bc(batch_size=16, hidden_units=(16, 16))"
STEPS, HELD = 60, 40
CURATIONS = ("full", "terminals-as-timeouts", "drop-terminals", "fraction(p=0.5)")

# Steps environments in the worker, which is the quicker; writes down every word of progress; is killed, or waits, at a
# step for as long as a file wants it. In a module of its own, that has to travel with the plug-in.
PACE = """
import pace_of_tests
from offline_bench.algorithms.stacked import slab
from offline_bench.environments.steppers import Steppers
from offline_bench.runs import experiment, outcome
outcome.Steppers = lambda environment, count: Steppers(environment, 0)
slab.CHECKPOINT_EVERY, slab.PROGRESS_EVERY = 20, 10
train = experiment.train_members
def watched(learner, members, at, episodes, progress, checkpoint=None):
    seeds = [member.seed.entropy for member in members]
    tell = pace_of_tests.slowed(members[0].data.curation.partition("(")[0], seeds, progress)
    return train(learner, members, at, episodes, tell, checkpoint)
experiment.train_members = watched
"""
BESIDE = """
import os, signal, time
from pathlib import Path
HERE = Path({folder!r})
def slowed(name, seeds, progress):
    def tell(step):
        with open(HERE / "steps", "a") as file:
            file.write(f"{{name}} {{os.getpid()}} {{step}}\\n")
        progress(step)
        if step >= {held} and (HERE / f"kill-{{name}}").exists():
            (HERE / f"kill-{{name}}").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        if step >= {held} and 1 in seeds and (HERE / f"always-{{name}}").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        while step >= {held} and (HERE / f"hold-{{name}}").exists():
            time.sleep(0.05)
    return tell
"""


@dataclass
class Pace:
    """The plug-in, and what it has written down: for each curation the steps told by each process, in order."""

    folder: Path
    plugin: Path = field(init=False)

    def __post_init__(self) -> None:
        self.plugin = self.folder / "pace.py"
        self.plugin.write_text(PACE)
        (self.folder / "pace_of_tests.py").write_text(BESIDE.format(folder=str(self.folder), held=HELD))

    def steps(self) -> dict[str, dict[int, list[int]]]:
        found: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        file = self.folder / "steps"
        for line in file.read_text().splitlines() if file.exists() else []:
            name, pid, step = line.split()
            found[name][int(pid)].append(int(step))
        return found

    def hold(self, *names: str) -> None:
        for name in names:
            (self.folder / f"hold-{name}").touch()

    def release(self) -> None:
        for path in self.folder.glob("hold-*"):
            path.unlink()

    def held(self) -> set[str]:
        """The curations that a process has brought to the step at which it waits."""
        return {name for name, told in self.steps().items() if any(HELD in steps for steps in told.values())}


@pytest.fixture
def pace(tmp_path: Path) -> Pace:
    (tmp_path / "pace").mkdir()
    return Pace(tmp_path / "pace")


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Ray of three nodes with a processor each, and none with data of its own."""
    with FileLock(tmp_path_factory.getbasetemp().parent / "ray.lock"):
        import_ray()
        from ray.cluster_utils import Cluster

        cluster = Cluster()
        cluster.nowhere = tmp_path_factory.mktemp("nowhere")
        for _ in range(3):
            add_node(cluster)
        yield cluster
        cluster.shutdown()


def add_node(cluster: Any, **environment: str) -> Any:
    environment = {"OFFLINE_BENCH_HOME": str(cluster.nowhere), **environment}
    more = {} if cluster.head_node else {"include_dashboard": False}
    return cluster.add_node(num_cpus=1, object_store_memory=STORE, env_vars=environment, **more)


def jobs_of(curations: Sequence[str] = CURATIONS, dataset: str = MEDIUM) -> list[Job]:
    return [
        Job(Run(dataset, curation, "original", ALGORITHM, seed, STEPS, 1), (STEPS,))
        for curation in curations
        for seed in range(2)
    ]


def told(records: Sequence[Record]) -> dict[Run, str]:
    """The records to the last bit, but for how long they took."""
    return {record.run: to_text(without_time(record)) for record in records}


_alone: dict[Run, str] = {}


def undisturbed(jobs: Sequence[Job]) -> dict[Run, str]:
    """What comes of `jobs` one by one in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcome, "Steppers", lambda environment, count: Steppers(environment, 0))
        for job in jobs:
            if job.run not in _alone:
                _alone.update(told([carry_out(job)]))
    return {job.run: _alone[job.run] for job in jobs}


def wait_until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.05)


def carry_out_on(cluster: RayCluster, jobs: Sequence[Job], folder: Path, pace: Pace) -> list[str]:
    """Carry out `jobs`; what was told of nodes."""
    slabs = group_jobs(jobs, folder, cluster.slots, memory=cluster.memory)
    notes = cluster.take_notes()
    for step in carry_out_slabs(slabs, folder, cluster.slots, [pace.plugin], cluster=cluster):
        assert not step.undone
        notes += cluster.take_notes()
    return notes


def test_a_killed_worker_and_a_lost_node_cost_the_way_from_a_checkpoint_and_no_record(
    grounds: Any, at_home: Path, pace: Pace, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    checkpoint_folder(out).mkdir(parents=True)
    (pace.folder / "kill-full").touch()
    pace.hold("full", "terminals-as-timeouts", "drop-terminals")
    lost = next(node for node in grounds.worker_nodes)

    def take_away() -> None:
        # Three are on their way, and the one that was killed is there again.
        wait_until(lambda: len(pace.held()) == 3 and len(pace.steps()["full"]) == 2)
        grounds.remove_node(lost, allow_graceful=False)
        pace.release()

    thread = threading.Thread(target=take_away, daemon=True)
    thread.start()
    with open_cluster(RayPlace(grounds.address, shared=out)) as cluster:
        assert cluster.describe() == "3 nodes, 3 slabs at once"
        notes = carry_out_on(cluster, jobs_of(), out, pace)
        assert cluster.describe() == "2 nodes, 2 slabs at once"
    thread.join()
    assert len(notes) == 1
    assert "is gone" in notes[0]
    assert told(read_records(out).records) == undisturbed(jobs_of())
    tries = [list(by_process.values()) for by_process in pace.steps().values()]
    # One worker and one node: two slabs were begun once more, or one of them twice.
    assert sum(len(steps) - 1 for steps in tries) == 2
    assert all(steps[-1][-1] == STEPS for steps in tries)
    assert all(again[0] > HELD // 2 for steps in tries for again in steps[1:])
    assert list(checkpoint_folder(out).iterdir()) == []
    add_node(grounds)


def test_a_run_that_kills_its_worker_wherever_it_is_fails_alone(
    grounds: Any, at_home: Path, pace: Pace, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    checkpoint_folder(out).mkdir(parents=True)
    (pace.folder / "always-full").touch()
    jobs = jobs_of(["full", "terminals-as-timeouts"])
    with open_cluster(RayPlace(grounds.address, shared=out)) as cluster:
        slabs = group_jobs(jobs, out, 1, memory=cluster.memory)
        assert [len(slab.jobs) for slab in slabs] == [2, 2]
        steps = list(carry_out_slabs(slabs, out, cluster.slots, [pace.plugin], cluster=cluster))
    assert not any(step.undone for step in steps)
    records = {record.run: record for record in read_records(out).records}
    bad = records.pop(jobs[1].run)
    assert bad.status == "failed"
    assert "was killed, 2 times, with this run alone in it." in bad.reason
    assert told(list(records.values())) == undisturbed([jobs[0], *jobs[2:]])
    # Twice together, the other run alone, twice alone.
    assert len(pace.steps()["full"]) == 5
    assert list(checkpoint_folder(out).iterdir()) == []


def test_a_node_with_another_torch_or_other_data_is_named_and_not_used(
    grounds: Any, at_home: Path, pace: Pace, tmp_path: Path
) -> None:
    (tmp_path / "old" / "torch-0.1.dist-info").mkdir(parents=True)
    (tmp_path / "old" / "torch-0.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torch\nVersion: 0.1\n"
    )
    other = tmp_path / "other"
    shutil.copytree(at_home / "datasets" / "cache" / RANDOM, other / "datasets" / "cache" / MEDIUM)
    shutil.copy(at_home / "datasets" / "cards.toml", other / "datasets")
    unfit = [add_node(grounds, PYTHONPATH=str(tmp_path / "old")), add_node(grounds, OFFLINE_BENCH_HOME=str(other))]
    out = tmp_path / "out"
    with open_cluster(RayPlace(grounds.address)) as cluster:
        assert cluster.slots == 4
        pace.hold("full")
        threading.Thread(target=lambda: (wait_until(lambda: "full" in pace.held()), pace.release())).start()
        notes = carry_out_on(cluster, jobs_of(), out, pace)
    assert len(notes) == 2, "\n".join(notes)
    assert "is not used: it has torch 0.1, and this machine has" in notes[0]
    assert f"is not used: its {MEDIUM} has another content" in notes[1]
    assert told(read_records(out).records) == undisturbed(jobs_of())
    # None was begun where it should not be, and without a folder that all see no checkpoint was kept.
    assert all(len(by_process) == 1 for by_process in pace.steps().values())
    assert not checkpoint_folder(out).exists()
    for node in unfit:
        grounds.remove_node(node)


def test_a_full_object_store_is_told_and_what_was_finished_stays(
    grounds: Any, at_home: Path, pace: Pace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = import_ray()
    put, datasets = ray.put, [0]

    def full(content: Any) -> Any:
        datasets[0] += hasattr(content, "fingerprint")
        if datasets[0] > 1:
            raise ray.exceptions.ObjectStoreFullError("no room")
        return put(content)

    monkeypatch.setattr(ray, "put", full)
    out, first = tmp_path / "out", jobs_of(CURATIONS)
    with (
        open_cluster(RayPlace(grounds.address)) as cluster,
        pytest.raises(StorageError, match=f"object store .* has no room for dataset {RANDOM}"),
    ):
        carry_out_on(cluster, [*first, *jobs_of(["full"], RANDOM)], out, pace)
    kept = told(read_records(out).records)
    assert kept
    assert kept.items() <= undisturbed(first).items()


def command(pace: Pace, out: Path, *more: str) -> list[str]:
    words = [sys.executable, "-m", "offline_bench.cli", "--plugin", str(pace.plugin), "run", "--dataset", MEDIUM]
    words += ["--algorithm", ALGORITHM, "--seed", "0", "--seed", "1", "--steps", str(STEPS), "--episodes", "1"]
    words += [word for curation in CURATIONS for word in ("--curation", curation)]
    return [*words, "--results", str(out), "--executor", "ray", *more]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "OFFLINE_BENCH_HOME": str(home), "PYTHONWARNINGS": "ignore"}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(pid: int) -> set[int]:
    children = defaultdict(set)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            children[int(path.read_text().rpartition(")")[2].split()[1])].add(int(path.parent.name))
        except OSError:
            continue
    found, new = set[int](), {pid}
    while new:
        new = {child for parent in new for child in children[parent]} - found
        found |= new
    return found


def test_a_killed_driver_leaves_no_worker_and_the_next_start_goes_on(
    grounds: Any, at_home: Path, pace: Pace, tmp_path: Path
) -> None:
    out, shared = tmp_path / "out", tmp_path / "shared"
    words = command(pace, out, "--ray-address", grounds.address, "--checkpoints", f"file://{shared}")
    held = {"terminals-as-timeouts", "drop-terminals", "fraction"}
    pace.hold(*held)
    with subprocess.Popen(words, env=environment(at_home), stderr=subprocess.PIPE, stdout=subprocess.PIPE) as driver:
        wait_until(lambda: held <= pace.held() and len(read_records(out).records) == 2)
        driver.kill()
    pids = {pid for by_process in pace.steps().values() for pid in by_process}
    wait_until(lambda: not any(map(alive, pids)), 60)
    before = {path: path.read_bytes() for path in out.rglob("*.json")}
    assert len(before) == 2
    pace.release()
    ended = subprocess.run(words, env=environment(at_home), capture_output=True, text=True, check=False, timeout=200)
    assert ended.returncode == 0, ended.stderr
    assert "run: 2 of 8 runs are done" in ended.stdout
    assert "Traceback" not in ended.stderr
    assert "3 nodes, 3 slabs at once, " in ended.stderr
    assert told(read_records(out).records) == undisturbed(jobs_of())
    assert all(path.read_bytes() == content for path, content in before.items())
    steps = {name: list(by_process.values()) for name, by_process in pace.steps().items()}
    assert {name: len(tries) for name, tries in steps.items()} == {"full": 1, **dict.fromkeys(held, 2)}
    assert all(steps[name][1][0] > HELD // 2 for name in held)
    assert list(shared.iterdir()) == []
    assert list(checkpoint_folder(out).iterdir()) == []


def test_an_interrupted_local_ray_leaves_no_process(at_home: Path, pace: Pace, tmp_path: Path, grounds: Any) -> None:
    pace.hold("full")
    words = command(pace, tmp_path / "out", "--workers", "1")
    with subprocess.Popen(
        words, env=environment(at_home), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as driver:
        wait_until(lambda: "full" in pace.held())
        started = descendants(driver.pid)
        assert set(pace.steps()["full"]) <= started
        driver.send_signal(signal.SIGINT)
        _, errors = driver.communicate(timeout=60)
    assert driver.returncode == 130, errors
    assert "\ninterrupted: " in errors
    assert "Traceback" not in errors
    wait_until(lambda: not any(map(alive, started)), 30)
