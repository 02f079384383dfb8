"""Where tasks are carried out: this process, worker processes on this machine, or the nodes of a Ray cluster."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offline_bench.runs.executors.events import Died, Done, Event, Progressed, Work
from offline_bench.runs.executors.serial import execute_here
from offline_bench.runs.executors.workers import execute_on_workers

if TYPE_CHECKING:
    from offline_bench.runs.executors.ray_cluster import RayCluster

__all__ = ["Died", "Done", "Event", "Progressed", "Work", "execute", "execute_here", "execute_on_workers"]


def execute(
    work: Work,
    tasks: Iterable[Any],
    workers: int,
    plugins: Sequence[Path] = (),
    cluster: RayCluster | None = None,
) -> Generator[Event, None, None]:
    """Carry out `tasks` on `workers` processes; with 0 of them, in this one. Close it to stop what is under way.

    With a `cluster`, on its nodes: `tasks` are slabs of jobs then.

    A task is taken from `tasks` when it is begun, not before. What an exception of `work` becomes: a `PlaceError` a
    `Died`; any other is raised, but that a worker's which is none of ours is a `Died` too.
    """
    if cluster is not None:
        from offline_bench.runs.executors.ray_executor import execute_on_ray

        return execute_on_ray(work, tasks, cluster, plugins)
    return execute_on_workers(work, tasks, workers, plugins) if workers else execute_here(work, tasks)
