"""Tasks one after the other in this process: for a debugger, or a single run."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from offline_bench.core.errors import PlaceError
from offline_bench.runs.executors.events import Died, Done, Event, Work


def execute_here(work: Work, tasks: Iterable[Any]) -> Generator[Event, None, None]:
    """Carry out `tasks` in order. An exception of `work` is raised as it is; a fault of the place is an event."""
    for number, task in enumerate(tasks):
        event: Event
        try:
            event = Done(number, work(task, lambda share: None))
        except PlaceError as error:
            event = Died(number, str(error))
        yield event
