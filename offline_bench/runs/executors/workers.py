"""Tasks on worker processes of this machine, one thread each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from offline_bench.core.errors import OfflineBenchError
from offline_bench.core.plugins import load_entry_points, load_plugin
from offline_bench.environments.steppers import THREAD_VARIABLES
from offline_bench.runs.executors.events import Died, Done, Event, Progressed, Work

ATTEMPTS = 2


def execute_on_workers(
    work: Work, tasks: Sequence[Any], workers: int, plugins: Sequence[Path] = ()
) -> Generator[Event, None, None]:
    """Carry out `tasks`, in order of start, on `workers` processes; yields what happens as it happens.

    A worker that dies (killed, out of memory) is replaced and its task tried once more, then told of as `Died`.
    An `OfflineBenchError` of `work` is raised here. However this generator ends, no worker outlives it.
    """
    waiting = list(range(len(tasks)))
    attempts = dict.fromkeys(waiting, 0)
    crew: list[_Worker] = []
    try:
        crew.extend(_Worker(work, plugins) for _ in range(min(max(workers, 1), len(tasks))))
        while waiting or any(worker.task is not None for worker in crew):
            for worker in crew:
                if worker.task is None and waiting:
                    attempts[waiting[0]] += 1
                    worker.give(waiting[0], tasks[waiting.pop(0)])
            # Only the busy: one that dies without a task is found out, and replaced, when it is given one.
            busy = [(place, worker) for place, worker in enumerate(crew) if worker.task is not None]
            ready = wait([worker.connection for _, worker in busy])
            for place, worker in busy:
                if worker.connection not in ready:
                    continue
                event = worker.receive()
                if isinstance(event, Died):
                    crew[place] = _Worker(work, plugins)
                    if attempts[event.task] < ATTEMPTS:
                        waiting.insert(0, event.task)
                        continue
                yield event
    finally:
        for worker in crew:
            worker.process.kill()
        for worker in crew:
            worker.process.join()


class _Worker:
    """One process, the pipe to it, and the number of the task it has."""

    def __init__(self, work: Work, plugins: Sequence[Path]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there, work, tuple(plugins)), daemon=True)
        with _single_threaded_environment():
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
        if kind == "progress":
            return Progressed(number, content)
        self.task = None
        return Done(number, content)

    def _death(self, number: int) -> Died:
        self.process.join()
        code = self.process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        return Died(number, f"its process {how}, {ATTEMPTS} times")


@contextmanager
def _single_threaded_environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def _serve(connection: Connection, work: Work, plugins: Sequence[Path]) -> None:
    # Ctrl-C is the parent's to handle; a parent that is gone takes its workers along.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    try:
        load_entry_points()
        for plugin in plugins:
            load_plugin(plugin)
        while True:
            task = connection.recv()
            connection.send(("done", work(task, lambda share: connection.send(("progress", share)))))
    except OfflineBenchError as error:
        connection.send(("error", str(error)))
    except EOFError:
        pass


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
