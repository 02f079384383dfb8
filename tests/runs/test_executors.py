"""Executors: every task is told of once, whatever becomes of the processes, and no process is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from offline_bench.core.errors import OfflineBenchError, PlaceError, StorageError
from offline_bench.runs.executors import Died, Done, Event, Progressed, execute, execute_here, execute_on_workers

Progress = Callable[[float], None]


def square(task: int, progress: Progress) -> int:
    progress(0.5)
    return task * task


def tell_threads(task: int, progress: Progress) -> tuple[int, str]:
    return os.getpid(), os.environ["OMP_NUM_THREADS"]


def die_at_first(task: tuple[str, Path], progress: Progress) -> str:
    """Dies without a word for as long as the folder has fewer marks than the task wants."""
    name, folder = task
    deaths = int(name.split("-")[1])
    mark = folder / f"{name}.{len(list(folder.glob(f'{name}.*')))}"
    mark.touch()
    if int(mark.suffix[1:]) < deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def leave(task: int, progress: Progress) -> None:
    os._exit(7)


def refuse(task: int, progress: Progress) -> int:
    if task == 2:
        raise StorageError(f"no room for {task}")
    return task


def linger(task: Path, progress: Progress) -> None:
    """Says which process it is in, and neither ends nor heeds a polite request to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (task / str(os.getpid())).touch()
    progress(0.1)
    time.sleep(60)


def linger_with_a_stepper(task: Path, progress: Progress) -> None:
    """`linger`, and a stepper that does so too."""
    from offline_bench.environments.steppers import Steppers

    with Steppers("Hopper-v5", 1) as steppers:
        steppers.begin([[1]])
        steppers.collect(0)
        (task / str(steppers.pids[0])).touch()
        linger(task, progress)


def results(events: Iterator[Event]) -> dict[int, Any]:
    done = [event for event in events if isinstance(event, Done)]
    assert len({event.task for event in done}) == len(done)
    return {event.task: event.result for event in done}


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def all_gone(pids: list[int], seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while any(alive(pid) for pid in pids):
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def test_here_tasks_are_done_in_order() -> None:
    assert list(execute_here(square, [3, 4])) == [Done(0, 9), Done(1, 16)]
    assert list(execute_here(square, [])) == []


def test_here_an_error_is_raised_as_it_is() -> None:
    with pytest.raises(StorageError, match="no room for 2"):
        list(execute_here(refuse, [1, 2]))


def test_no_tasks_need_no_workers() -> None:
    assert list(execute_on_workers(square, [], 3)) == []


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "tasks"), [(2, 5), (3, 1), (0, 1)])
def test_every_task_is_done_once(workers: int, tasks: int) -> None:
    events = list(execute_on_workers(square, list(range(tasks)), workers))
    assert results(iter(events)) == {task: task * task for task in range(tasks)}
    assert sorted(e.task for e in events if isinstance(e, Progressed)) == list(range(tasks))
    assert len(events) == 2 * tasks


@pytest.mark.slow
def test_workers_are_other_processes_of_one_thread_and_this_one_is_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    before = dict(os.environ)
    told = results(execute_on_workers(tell_threads, [0, 1], 2))
    assert {threads for _, threads in told.values()} == {"1"}
    assert os.getpid() not in {pid for pid, _ in told.values()}
    assert dict(os.environ) == before


@pytest.mark.slow
def test_a_task_whose_worker_is_killed_is_tried_once_more_then_told_of(tmp_path: Path) -> None:
    tasks = [(name, tmp_path) for name in ("a-0", "b-1", "c-9", "d-0")]
    events = list(execute_on_workers(die_at_first, tasks, 2))
    assert results(iter(events)) == {0: "a-0", 1: "b-1", 3: "d-0"}
    assert [event for event in events if isinstance(event, Died)] == [
        Died(2, "its process was killed by SIGKILL, 2 times", killed=True)
    ]
    assert len(list(tmp_path.glob("b-1.*"))) == 2
    assert len(list(tmp_path.glob("c-9.*"))) == 2


@pytest.mark.slow
def test_a_task_that_ends_its_process_is_told_of_with_the_exit_status() -> None:
    # It may be one that cannot start here: no result, as it would be where a run killed it.
    died = Died(0, "its process ended with exit status 7, 2 times")
    assert list(execute_on_workers(leave, [0], 1)) == [died]


@pytest.mark.slow
def test_an_idle_worker_may_be_killed(tmp_path: Path) -> None:
    events = execute_on_workers(wait_for_the_end_of_the_other, [(0, tmp_path), (1, tmp_path)], 2)
    assert results(events) == {0: 0, 1: 1}


def wait_for_the_end_of_the_other(task: tuple[int, Path], progress: Progress) -> int:
    """Task 0 leaves its process number; task 1 waits until that process is idle, and kills it."""
    number, folder = task
    file = folder / "pid"
    if number == 0:
        file.with_suffix(".new").write_text(str(os.getpid()))
        file.with_suffix(".new").rename(file)
        return number
    while not file.exists():
        time.sleep(0.02)
    time.sleep(0.3)
    os.kill(int(file.read_text()), signal.SIGKILL)
    time.sleep(0.3)
    return number


@pytest.mark.slow
def test_an_error_of_ours_in_a_worker_is_raised_here() -> None:
    with pytest.raises(OfflineBenchError, match="no room for 2"):
        list(execute_on_workers(refuse, [1, 2, 3], 1))


@pytest.mark.slow
def test_a_plugin_that_fails_in_a_worker_is_raised_here(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("oh no\n")
    with pytest.raises(OfflineBenchError, match=r"bad\.py, line 1: oh no: SyntaxError"):
        list(execute_on_workers(square, [1], 1, [tmp_path / "bad.py"]))


@pytest.mark.slow
def test_no_worker_outlives_a_generator_that_is_closed(tmp_path: Path) -> None:
    events = execute_on_workers(linger, [tmp_path, tmp_path], 2)
    assert isinstance(next(events), Progressed)
    assert isinstance(next(events), Progressed)
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert len(workers) == 2
    assert all(alive(pid) for pid in workers)
    started = time.monotonic()
    events.close()
    assert not any(alive(pid) for pid in workers)
    assert time.monotonic() - started < 5


@pytest.mark.slow
def test_a_worker_that_is_closed_takes_its_stepper_along(tmp_path: Path) -> None:
    events = execute_on_workers(linger_with_a_stepper, [tmp_path], 1)
    assert isinstance(next(events), Progressed)
    pids = [int(path.name) for path in tmp_path.iterdir()]
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)
    events.close()
    assert all_gone(pids, seconds=5)


PARENT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from offline_bench.runs.executors import execute_on_workers
from tests.runs import test_executors
if __name__ == "__main__":
    for event in execute_on_workers(getattr(test_executors, sys.argv[3]), [Path(sys.argv[2])] * 2, 2):
        print("event", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("work", "processes"), [(linger, 2), (linger_with_a_stepper, 4)])
def test_neither_worker_nor_stepper_outlives_a_parent_that_is_killed(
    tmp_path: Path, work: Callable[..., None], processes: int
) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    (tmp_path / "pids").mkdir()
    folders = [str(Path(__file__).resolve().parents[2]), str(tmp_path / "pids")]
    command = [sys.executable, str(tmp_path / "parent.py"), *folders, work.__name__]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert [parent.stdout.readline() for _ in range(2)] == ["event\n"] * 2
        workers = [int(path.name) for path in (tmp_path / "pids").iterdir()]
        assert len(workers) == processes
        assert all(alive(pid) for pid in workers)
        parent.kill()
        gone = all_gone(workers, seconds=5)
        for pid in filter(alive, workers):
            os.kill(pid, signal.SIGKILL)
    assert gone


@pytest.mark.slow
def test_no_worker_goes_on_while_an_error_of_a_campaign_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from offline_bench.runs import campaign
    from offline_bench.runs.experiment import Job, JobSlab
    from offline_bench.runs.record import Run

    def full(folder: Path, record: object) -> None:
        raise StorageError("no room")

    monkeypatch.setattr(campaign, "save_record", full)
    monkeypatch.setattr(campaign, "carry_out_slab", wait_for_seed)
    slabs = [JobSlab((Job(Run("d", "full", "zero", "bc", seed, 1, 1), (1,)),)) for seed in (1, 60)]
    with pytest.raises(StorageError, match="no room") as caught:
        list(campaign.carry_out_slabs(slabs, tmp_path, workers=2))
    assert caught.tb is not None  # the frames are still there, and what they hold
    assert multiprocessing.active_children() == []


def wait_for_seed(slab: Any, progress: Progress) -> list[Any]:
    from offline_bench.runs.record import Record

    time.sleep(slab.jobs[0].run.seed - 1)
    return [Record(slab.jobs[0].run, "ok")]


def stumble(task: str, progress: Progress) -> str:
    errors: dict[str, Exception] = {
        "place": PlaceError("no memory"),
        "bug": ValueError("odd"),
        "ours": StorageError("full"),
    }
    if task in errors:
        raise errors[task]
    return task


def test_here_a_fault_of_the_place_is_told_and_the_rest_goes_on() -> None:
    assert list(execute_here(stumble, ["place", "well"])) == [Died(0, "no memory"), Done(1, "well")]


@pytest.mark.slow
def test_what_a_worker_raises_that_is_no_word_to_the_user_costs_its_task_alone() -> None:
    events = {event.task: event for event in execute_on_workers(stumble, ["place", "bug", "well"], 1)}
    assert events[0] == Died(0, "no memory")
    assert events[2] == Done(2, "well")
    assert isinstance(events[1], Died)
    assert events[1].reason.startswith("ValueError: odd (test_executors.py, line")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_task_is_taken_when_somebody_is_there_to_do_it(workers: int) -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for task in range(6):
            taken.append(task)
            yield task

    done = 0
    for event in execute(square, tasks(), workers):
        done += isinstance(event, Done)
        # None is taken before a worker is idle: one each, and one to see whether there is another.
        assert len(taken) <= done + workers + 1
    assert (done, taken) == (6, list(range(6)))


FOREIGN = """
import sys
sys.path.insert(0, sys.argv[1])
from offline_bench.environments.steppers import Steppers
from offline_bench.runs.executors import Done, execute_on_workers
from tests.runs.test_executors import square
if __name__ == "__main__":
    if sys.argv[2] == "beside":
        sys.path.insert(0, "")
    print([event for event in execute_on_workers(square, [7], 1) if isinstance(event, Done)])
    with Steppers("Hopper-v5", 1) as steppers:
        steppers.begin([[1]])
        print(steppers.collect(0)["observation"].shape)
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["elsewhere", "beside"])
def test_a_file_in_the_current_folder_is_not_taken_for_a_module_of_pythons(tmp_path: Path, where: str) -> None:
    (tmp_path / "parent").mkdir()
    (tmp_path / "parent" / "parent.py").write_text(FOREIGN)
    (tmp_path / "here").mkdir()
    for name in ("json", "signal", "socket", "random", "numpy", "mmap"):
        (tmp_path / "here" / f"{name}.py").write_text("raise SystemExit('a stranger')")
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, str(tmp_path / "parent" / "parent.py"), root, where]
    shown = subprocess.run(command, cwd=tmp_path / "here", capture_output=True, text=True, check=False, timeout=200)
    assert shown.stdout == "[Done(task=0, result=49)]\n(1, 11)\n", shown.stderr
