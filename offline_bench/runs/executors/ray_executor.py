"""Tasks on the nodes of a Ray cluster, a processor or a share of a GPU each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from offline_bench.core.errors import OfflineBenchError, StorageError
from offline_bench.runs.cargo import needed_by, pack_dataset, pack_outfit
from offline_bench.runs.executors.events import Died, Done, Event, Progressed, Work
from offline_bench.runs.executors.interrupts import interrupts_wait
from offline_bench.runs.executors.queue import ATTEMPTS, LOSSES, TaskQueue
from offline_bench.runs.executors.ray_cluster import PATIENCE, Node, RayCluster, last_line
from offline_bench.runs.executors.ray_node import serve

# Datasets that stay in the object store for the tasks to come; those in hand hold on to theirs.
KEPT = 4


def execute_on_ray(
    work: Work, tasks: Iterable[Any], cluster: RayCluster, plugins: Sequence[Path] = ()
) -> Generator[Event, None, None]:
    """Carry out `tasks`, slabs of jobs, on the nodes of `cluster`; yields what happens as it happens.

    Events are those of `execute_on_workers`. A task whose node is gone is begun again on another, and that is no
    attempt. However this generator ends, nothing of it is left on a node. Raises `StorageError` where the object store
    is full, `PlaceError` where no node is left.
    """
    queue, hands = TaskQueue(tasks), _Hands(work, cluster, plugins)
    alone_since: float | None = None
    try:
        while True:
            # Also while events are seen to: what has come in is saved before an interrupt.
            with interrupts_wait():
                cluster.refresh()
                hands.begin_tasks(queue)
                if hands.idle and not queue.waits():
                    return
                for event in hands.wait():
                    lost = isinstance(event, _Lost) and queue.take_back_lost(event.task)
                    if lost or (type(event) is Died and queue.take_back(event.task)):
                        continue
                    if isinstance(event, _Refused):
                        raise OfflineBenchError(event.reason)
                    yield event
                    if not isinstance(event, Progressed):
                        # What came of it is saved now; nobody goes on from where a process was killed each time.
                        over = isinstance(event, Done) or event.killed
                        hands.clear(queue.finish(event.task), over)
            alone_since = (alone_since or time.monotonic()) if hands.idle else None
            if alone_since is not None and (cluster.hopeless or time.monotonic() - alone_since > PATIENCE):
                cluster.check_fit()
    finally:
        with interrupts_wait():
            hands.drop_all()


class _Lost(Died):
    """The node of the task was taken away."""


class _Refused(Died):
    """The task raised what is a word to the user."""


@dataclass(frozen=True)
class _Begun:
    """A task that is under way on `node`."""

    number: int
    node: Node


class _Hands:
    """What is under way, by Ray's handle of it."""

    def __init__(self, work: Work, cluster: RayCluster, plugins: Sequence[Path]) -> None:
        self._work, self._cluster, self._ray = work, cluster, cluster.ray
        self._begun: dict[Any, _Begun] = {}
        self._sets: OrderedDict[str, Any] = OrderedDict()
        self._outfit = self._put(pack_outfit(plugins), "the plug-ins")

    @property
    def idle(self) -> bool:
        return not self._begun

    def begin_tasks(self, queue: TaskQueue) -> None:
        """Begin tasks while some wait and a node has room."""
        while (node := self._cluster.find_idle()) is not None and queue.waits():
            number, task = queue.take()
            sets = {name: self._find_set(name) for name in needed_by(task)}
            function = self._cluster.run_on(node, serve).options(num_returns="streaming")
            kept = task if self._cluster.keeps_checkpoints else replace(task, checkpoint=None)
            handle = function.remote(self._outfit, self._work, kept, sets, self._cluster.mirror)
            self._begun[handle] = _Begun(number, node)
            node.busy += 1

    def wait(self) -> list[Event]:
        """What happened within a second at most; last what stops everything."""
        if not self._begun:
            time.sleep(0.2)
            return []
        self._ray.wait(list(self._begun), num_returns=1, timeout=1.0)
        # All that is there, as one by one a thousand workers would not be kept up with.
        ready, _ = self._ray.wait(list(self._begun), num_returns=len(self._begun), timeout=0)
        return sorted(map(self._receive, ready), key=lambda event: isinstance(event, _Refused))

    def clear(self, task: Any, over: bool) -> None:
        """Delete the checkpoint of `task`, where it is `over` for good."""
        if over and self._cluster.mirror is not None and task.checkpoint is not None:
            self._cluster.mirror.drop(task.checkpoint.stem)

    def drop_all(self) -> None:
        """Kill what is under way."""
        for handle in self._begun:
            self._ray.cancel(handle, force=True)

    def _receive(self, handle: Any) -> Event:
        begun, errors = self._begun[handle], self._ray.exceptions
        try:
            kind, content = self._ray.get(next(handle))
        except (errors.NodeDiedError, errors.TaskUnschedulableError):
            return self._lose(handle)
        except errors.RayError as error:
            return self._judge(handle, error)
        if kind == "progress":
            return Progressed(begun.number, content)
        self._let_go(handle)
        if kind == "unfit":
            self._cluster.refuse(begun.node, content)
            return _Lost(begun.number, f"its node was not fit, {LOSSES} times")
        if kind == "error":
            return _Refused(begun.number, content)
        return Died(begun.number, content) if kind == "fault" else Done(begun.number, content)

    def _judge(self, handle: Any, error: Exception) -> Event:
        """What became of a task that Ray could not bring to its end."""
        begun, errors, killed = self._begun[handle], self._ray.exceptions, True
        if isinstance(error, errors.WorkerCrashedError):
            if not begun.node.is_there():
                return self._lose(handle)
            how = f"its process on node {begun.node.name} was killed, {ATTEMPTS} times"
        elif isinstance(error, errors.OutOfMemoryError):
            how = f"the memory of node {begun.node.name} ran out, {ATTEMPTS} times"
        else:
            how, killed = f"on node {begun.node.name}: {last_line(error)}", False
        self._let_go(handle)
        return Died(begun.number, how, killed)

    def _lose(self, handle: Any) -> Event:
        begun = self._begun[handle]
        self._let_go(handle)
        self._cluster.lose(begun.node)
        return _Lost(begun.number, f"its node was taken away, {LOSSES} times")

    def _let_go(self, handle: Any) -> None:
        self._begun.pop(handle).node.busy -= 1

    def _find_set(self, name: str) -> Any:
        """The reference of a dataset in the object store: put there once, and sent to a node once."""
        if name not in self._sets:
            self._sets[name] = self._put(pack_dataset(name), f"dataset {name}")
            while len(self._sets) > KEPT:
                self._sets.popitem(last=False)
        self._sets.move_to_end(name)
        return self._sets[name]

    def _put(self, content: Any, what: str) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.put(content)
        except (errors.ObjectStoreFullError, errors.OutOfDiskError) as error:
            raise StorageError(
                f"the object store of Ray on this machine has no room for {what}. Start Ray with a larger "
                "--object-store-memory, or free some space where it spills to. What is finished is saved, and the same "
                "command goes on from there."
            ) from error
