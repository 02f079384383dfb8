"""A Ray cluster: which of its nodes are fit, and how many slabs each takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from offline_bench.core.errors import PlaceError
from offline_bench.runs.cargo import remove_outfits
from offline_bench.runs.executors.interrupts import interrupts_wait
from offline_bench.runs.executors.ray_address import answers
from offline_bench.runs.executors.ray_node import Driver, describe_driver, look
from offline_bench.runs.executors.ray_place import RayPlace, connect, import_ray
from offline_bench.runs.mirror import Mirror

# Seconds between two looks at which nodes there are, and for which a node may take to be looked at.
EVERY = 2.0
PATIENCE = 120.0


@dataclass
class Node:
    """One node: `slots` slabs fit on it at once, `busy` are there now; `memory` bytes its device has."""

    id: str
    name: str
    host: str
    port: int
    slots: int
    busy: int = 0
    memory: int = 0
    gone: bool = False

    def is_there(self) -> bool:
        """Whether its Ray is still running."""
        return not self.gone and answers(self.host, self.port)


class RayCluster:
    """The nodes of a Ray that this process is connected to. Nodes may come and go."""

    def __init__(self, ray: Any, place: RayPlace, driver: Driver) -> None:
        self.ray, self._place, self._driver = ray, place, driver
        self._known: dict[str, Node] = {}
        self._asked: dict[str, Any] = {}
        self._fit: dict[str, Node] = {}
        self._refused: dict[str, str] = {}
        self._looked = -EVERY
        self._notes: list[str] = []

    @property
    def nodes(self) -> list[Node]:
        """The nodes that are fit and there."""
        return list(self._fit.values())

    @property
    def keeps_checkpoints(self) -> bool:
        """Whether its nodes see where the checkpoints are."""
        return self._place.shared is not None or self._place.mirror is not None

    @property
    def mirror(self) -> Mirror | None:
        """What has the checkpoints where no folder does."""
        return self._place.mirror

    @property
    def hopeless(self) -> bool:
        """Whether no node is fit, and none is there that may still be."""
        return not self._fit and not self._asked and not any(node.gone for node in self._known.values())

    @property
    def slots(self) -> int:
        """How many slabs they take at once."""
        return sum(node.slots for node in self.nodes)

    @property
    def memory(self) -> int:
        """Bytes for all slabs together, where each has what the narrowest node has for one."""
        return min((node.memory // node.slots for node in self.nodes), default=0) * self.slots

    def describe(self) -> str:
        """In words: how many nodes and slabs at once."""
        nodes = len(self.nodes)
        return f"{nodes} node{'s' * (nodes != 1)}, {self.slots} slab{'s' * (self.slots != 1)} at once"

    def take_notes(self) -> list[str]:
        """What became of nodes since the last call, a sentence each."""
        notes, self._notes = self._notes, []
        return notes

    def find_idle(self) -> Node | None:
        """The node with most room for another slab; None where there is none."""
        free = [node for node in self.nodes if node.busy < node.slots]
        return max(free, key=lambda node: node.slots - node.busy, default=None)

    def run_on(self, node: Node, function: Callable[..., Any], takes_room: bool = True) -> Any:
        """`function` as one of Ray, that is carried out on `node`; each time it is begun there and nowhere else."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        needs = {"num_cpus": 1.0} if takes_room else {"num_cpus": 0.0}
        if self._place.device != "cpu":
            needs["num_gpus"] = 1.0 / self._place.workers if takes_room else 0.001
        where = NodeAffinitySchedulingStrategy(node.id, soft=False)
        return self.ray.remote(max_retries=0, scheduling_strategy=where, **needs)(function)

    def lose(self, node: Node) -> None:
        """`node` is gone."""
        if not node.gone:
            node.gone = True
            self._fit.pop(node.id, None)
            self._notes.append(f"node {node.name} is gone: what it had in hand is done on another")

    def refresh(self) -> None:
        """Look which nodes there are, and ask the new ones, without waiting for an answer."""
        if time.monotonic() - self._looked < EVERY:
            return
        self._looked = time.monotonic()
        alive = {entry["NodeID"]: entry for entry in self.ray.nodes() if entry["Alive"]}
        for node in [node for node in self.nodes if node.id not in alive]:
            self.lose(node)
        for entry in [entry for id_, entry in alive.items() if id_ not in self._known]:
            self._ask(entry)
        self._hear()

    def wait_until_fit(self) -> None:
        """Wait until every node has answered. Raises `PlaceError` naming what speaks against each where none is fit."""
        limit = time.monotonic() + PATIENCE
        self._looked = -EVERY
        self.refresh()
        while self._asked and time.monotonic() < limit:
            with interrupts_wait():
                self.ray.wait(list(self._asked.values()), num_returns=len(self._asked), timeout=1.0)
                self._hear()
        self.check_fit()

    def check_fit(self) -> None:
        """Raise `PlaceError` where no node is fit, naming what speaks against each."""
        if not self._fit:
            told = [f"{self._known[id_].name}: {why}" for id_, why in self._refused.items()]
            late = [f"{self._known[id_].name} does not answer" for id_ in self._asked]
            gone = [f"{node.name} is gone" for node in self._known.values() if node.gone]
            why = ". ".join([*told, *late, *gone] or [f"there is none with room for a slab on {self._place.device}"])
            raise PlaceError(
                f"no node of the cluster can be used. {why}. What is finished is saved, and the same command goes on."
            )

    def refuse(self, node: Node, against: str) -> None:
        """`node` is not used: `against` says why."""
        if self._fit.pop(node.id, None) or node.id not in self._refused:
            self._refused[node.id] = against
            self._notes.append(f"node {node.name} is not used: {against}")

    def _ask(self, entry: Mapping[str, Any]) -> None:
        node = Node(
            id=entry["NodeID"],
            name=f"{entry['NodeManagerHostname']} ({entry['NodeManagerAddress']})",
            host=entry["NodeManagerAddress"],
            port=entry["NodeManagerPort"],
            slots=self.count_slots(entry["Resources"]),
        )
        self._known[node.id] = node
        # A node without processors for work, as heads often are, is no node of ours.
        if node.slots:
            self._asked[node.id] = self.run_on(node, look, takes_room=False).remote(self._driver)

    def count_slots(self, resources: Mapping[str, float]) -> int:
        """How many slabs a node with these `resources` takes at once."""
        slots = int(resources.get("CPU", 0))
        if self._place.device != "cpu":
            slots = min(slots, int(resources.get("GPU", 0)) * self._place.workers)
        return slots

    def _hear(self) -> None:
        """Take up the nodes that have answered and are fit."""
        ready, _ = (
            self.ray.wait(list(self._asked.values()), num_returns=len(self._asked), timeout=0)
            if self._asked
            else ([], [])
        )
        for id_, asked in list(self._asked.items()):
            if asked in ready:
                del self._asked[id_]
                self._judge(self._known[id_], *self._receive(self._known[id_], asked))

    def _receive(self, node: Node, asked: Any) -> tuple[str, int]:
        errors = self.ray.exceptions
        try:
            against, memory = self.ray.get(asked)
        except (errors.NodeDiedError, errors.TaskUnschedulableError):
            # Ray lists a node for some seconds after it was taken away.
            node.gone = True
            return "", 0
        except errors.RayError as error:
            return f"it could not be looked at: {last_line(error)}", 0
        return against, memory

    def _judge(self, node: Node, against: str, memory: int) -> None:
        if against:
            self.refuse(node, against)
        elif not node.gone:
            node.memory = memory
            self._fit[node.id] = node


@contextmanager
def open_cluster(place: RayPlace) -> Iterator[RayCluster]:
    """The cluster of `place`, with the nodes that are fit for work, until the block ends.

    Raises what `RayPlace.check` and `RayCluster.wait_until_fit` raise.
    """
    place.check()
    ray = import_ray()
    try:
        with interrupts_wait():
            connect(ray, place)
        cluster = RayCluster(ray, place, describe_driver(place.device, place.shared))
        cluster.wait_until_fit()
        yield cluster
    finally:
        with interrupts_wait():
            ray.shutdown()
            remove_outfits()


def last_line(error: BaseException) -> str:
    """What `error` of Ray says in the end: before that come traces and advice."""
    cause = getattr(error, "cause", None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return lines[-1] if lines else type(cause).__name__
