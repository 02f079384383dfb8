"""What Ray carries out on a node: a look at it before anything trains there, and tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any

from offline_bench.core.errors import OfflineBenchError
from offline_bench.core.provenance import hash_package, read_versions
from offline_bench.core.threads import one_thread
from offline_bench.runs.cargo import Outfit, find_other_content, put_on, unpack_datasets
from offline_bench.runs.executors.events import Work, judge_failure
from offline_bench.runs.mirror import Mirror

# Seconds between two words on how far a task is.
EVERY = 2.0


@dataclass(frozen=True)
class Driver:
    """What a node is compared with: the process that hands out the work.

    code    hash of the package's files
    device  what a task computes on
    shared  the folder with the checkpoints that a node is to see too; None where none are kept
    """

    versions: Mapping[str, str]
    code: str
    device: str
    shared: Path | None


def describe_driver(device: str, shared: Path | None) -> Driver:
    """This process, as it wants a node to be."""
    return Driver(read_versions(), hash_package(), device, shared)


def look(driver: Driver) -> tuple[str, int]:
    """What speaks against working here for `driver`, '' for nothing; and the bytes of the device's memory."""
    from offline_bench.algorithms.device import memory_of, select_device

    here = read_versions()
    for name, version in driver.versions.items():
        if here.get(name) != version:
            return f"it has {name} {here.get(name)}, and this machine has {version}", 0
    if hash_package() != driver.code:
        return f"its offline-bench {here['offline-bench']} has other code than this machine's of that number", 0
    try:
        select_device(driver.device)
    except OfflineBenchError as error:
        return str(error), 0
    if driver.shared is not None and not driver.shared.is_dir():
        return f"it does not see the folder of checkpoints {driver.shared}", 0
    return "", memory_of(driver.device.partition("+")[0])


def serve(
    outfit: Outfit, work: Work, task: Any, sets: Mapping[str, Any], mirror: Mirror | None = None
) -> Iterator[tuple[str, Any]]:
    """Carry out `task`; tells ("progress", share) on the way, then ("done", result), or a failure as it is judged.

    Or ("unfit", why) of this node, and nothing else. `sets` are references to the datasets by their ids; a `mirror` has
    the checkpoint of the task.
    """
    import ray

    said: SimpleQueue[tuple[str, Any]] = SimpleQueue()
    try:
        put_on(outfit)
        handed = {name: ray.get(reference) for name, reference in sets.items()}
        against = find_other_content(outfit, handed)
        if against:
            yield "unfit", against
            return
        unpack_datasets(handed)
    except Exception as error:  # noqa: BLE001 - told by the driver
        yield judge_failure(error)
        return
    Thread(target=_carry_out, args=(work, task, said.put, mirror), daemon=True).start()
    kind = "progress"
    while kind == "progress":
        kind, content = said.get()
        yield kind, content


def _carry_out(work: Work, task: Any, say: Callable[[tuple[str, Any]], None], mirror: Mirror | None) -> None:
    from threadpoolctl import threadpool_limits

    last = [0.0]
    send: Callable[[], None] = lambda: None  # noqa: E731

    def tell(share: float) -> None:
        send()
        if monotonic() - last[0] >= EVERY:
            last[0] = monotonic()
            say(("progress", share))

    try:
        with one_thread(), threadpool_limits(1), ExitStack() as stack:
            if mirror is not None and task.checkpoint is not None:
                path, send = stack.enter_context(mirror.at_hand(task.checkpoint.name))
                task = replace(task, checkpoint=path)
            say(("done", work(task, tell)))
    except Exception as error:  # noqa: BLE001 - told by the driver
        say(judge_failure(error))
    except BaseException as error:
        say(("fault", f"it ended by {type(error).__name__}"))
        raise
