"""Tasks one after the other in this process: for a debugger, or a single run."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from offline_bench.runs.executors.events import Done, Event, Work


def execute_here(work: Work, tasks: Sequence[Any]) -> Generator[Event, None, None]:
    """Carry out `tasks` in order; an exception of `work` is raised as it is."""
    for number, task in enumerate(tasks):
        yield Done(number, work(task, lambda share: None))
