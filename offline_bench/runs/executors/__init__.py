"""Where tasks are carried out: this process, or worker processes on this machine."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

from offline_bench.runs.executors.events import Died, Done, Event, Progressed, Work
from offline_bench.runs.executors.serial import execute_here
from offline_bench.runs.executors.workers import execute_on_workers

__all__ = ["Died", "Done", "Event", "Progressed", "Work", "execute", "execute_here", "execute_on_workers"]


def execute(
    work: Work, tasks: Iterable[Any], workers: int, plugins: Sequence[Path] = ()
) -> Generator[Event, None, None]:
    """Carry out `tasks` on `workers` processes; with 0 of them, in this one. Close it to stop what is under way.

    A task is taken from `tasks` when it is begun, not before. What an exception of `work` becomes: a `PlaceError` a
    `Died`; any other is raised, but that a worker's which is none of ours is a `Died` too.
    """
    return execute_on_workers(work, tasks, workers, plugins) if workers else execute_here(work, tasks)
