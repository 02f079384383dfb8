"""Tasks on worker processes of this machine, one thread each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from offline_bench.core.errors import OfflineBenchError
from offline_bench.core.plugins import load_entry_points, load_plugin
from offline_bench.environments.steppers import THREAD_VARIABLES, child_path
from offline_bench.runs.executors.events import Died, Done, Event, Progressed, Work, judge_failure
from offline_bench.runs.executors.queue import ATTEMPTS, TaskQueue


def execute_on_workers(
    work: Work, tasks: Iterable[Any], workers: int, plugins: Sequence[Path] = ()
) -> Generator[Event, None, None]:
    """Carry out `tasks`, in order of start, on up to `workers` processes; yields what happens as it happens.

    A worker that dies (killed, out of memory), or whose `work` raises a `PlaceError` or what is no error of ours, is
    replaced and its task tried once more, then told of as `Died`. Any other `OfflineBenchError` of `work` is raised
    here. However this generator ends, no worker outlives it.
    """
    queue = TaskQueue(tasks)
    crew: list[_Worker] = []
    try:
        while True:
            _occupy(crew, queue, max(workers, 1), partial(_Worker, work, plugins))
            # Only the busy: one that dies without a task is found out, and replaced, when it is given one.
            busy = [(place, worker) for place, worker in enumerate(crew) if worker.task is not None]
            if not busy:
                return
            ready = wait([worker.connection for _, worker in busy])
            for place, worker in busy:
                if worker.connection not in ready:
                    continue
                event = worker.receive()
                if isinstance(event, Died):
                    crew[place] = _Worker(work, plugins)
                    if queue.take_back(event.task):
                        continue
                if not isinstance(event, Progressed):
                    queue.finish(event.task)
                yield event
    finally:
        for worker in crew:
            worker.process.kill()
        for worker in crew:
            worker.process.join()


def _occupy(crew: list[_Worker], queue: TaskQueue, most: int, hire: Callable[[], _Worker]) -> None:
    """Give every idle worker a task, and hire more, up to `most`, while tasks wait."""
    for worker in crew:
        if worker.task is None and queue.waits():
            worker.give(*queue.take())
    while len(crew) < most and queue.waits():
        crew.append(hire())
        crew[-1].give(*queue.take())


class _Worker:
    """One process, the pipe to it, and the number of the task it has."""

    def __init__(self, work: Work, plugins: Sequence[Path]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there, work, tuple(plugins)), daemon=True)
        with environment_of_workers():
            self.process.start()
        there.close()
        self.task: int | None = None

    def give(self, number: int, task: Any) -> None:
        self.task = number
        # A worker already dead is found out on receiving.
        with suppress(OSError):
            self.connection.send(task)

    def receive(self) -> Event:
        """What the worker tells of its task; it must have one."""
        assert self.task is not None
        number = self.task
        try:
            kind, content = self.connection.recv()
        except (EOFError, OSError):
            return self._death(number)
        if kind == "error":
            raise OfflineBenchError(content)
        if kind == "fault":
            self.process.join()
            return Died(number, content)
        if kind == "progress":
            return Progressed(number, content)
        self.task = None
        return Done(number, content)

    def _death(self, number: int) -> Died:
        self.process.join()
        code = self.process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        # One that ended by itself may be one that cannot start here.
        return Died(number, f"its process {how}, {ATTEMPTS} times", killed=code < 0)


@contextmanager
def environment_of_workers() -> Iterator[None]:
    """While the block runs, a process that is started has one thread, and does not look into the current folder."""
    ours = {**dict.fromkeys(THREAD_VARIABLES, "1"), "PYTHONSAFEPATH": "1"}
    before, path = {name: os.environ.get(name) for name in ours}, list(sys.path)
    os.environ.update(ours)
    sys.path[:] = child_path()
    try:
        yield
    finally:
        sys.path[:] = path
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def _serve(connection: Connection, work: Work, plugins: Sequence[Path]) -> None:
    # Ctrl-C is the parent's to handle; a parent that is gone takes its workers along.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(_serve_until_it_fails(connection, work, plugins))


def _serve_until_it_fails(connection: Connection, work: Work, plugins: Sequence[Path]) -> tuple[str, str]:
    """Carry out what comes over `connection`; what went wrong at last, as a message. Raises where nobody listens."""
    try:
        load_entry_points()
        for plugin in plugins:
            load_plugin(plugin)
        while True:
            task = connection.recv()
            connection.send(("done", work(task, lambda share: connection.send(("progress", share)))))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 - told by the parent: nobody reads a worker's traceback
        return judge_failure(error)


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
