"""The steppers of one environment, and the rows they share out among themselves."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import OfflineBenchError
from offline_bench.environments.name import find_spec
from offline_bench.environments.steppers.process import Process
from offline_bench.environments.steppers.rows import Rows, map_parts

Array = npt.NDArray[Any]


class Steppers:
    """Environments of one kind, stepped by `count` processes; by this process with a count of 0.

    The rows to be stepped come in parts; what `collect` gives of a part is a structured array (rows,) with the fields
    `observation` (*observation_shape), `reward` (float64) and `state` (`RUNNING`, `TERMINATED` or `TRUNCATED`).
    `begin` puts every row of every part at the start of an episode; then `step` and `collect` take turns in each
    part, so that one part can be stepped while another is thought about. A row whose episode has ended stays as it is.

    An environment that another process cannot make, as that of a class in a script, is stepped by this one.
    The processes stand by until `close`, or until this process ends in whatever way. Ctrl-C is this one's to handle.
    An exception in one of them, or its death, is raised here as `OfflineBenchError` by `begin`, `step` or `collect`;
    with a count of 0 an exception of the environment is raised as it is.
    """

    def __init__(self, environment: str, count: int = 1) -> None:
        self.environment = environment
        # What is registered here need not be there.
        spec = find_spec(environment)
        count = count if _travels(spec) else 0
        self._parts: list[Array] = []
        self._hands: list[_Hand] = []
        try:
            for place in range(max(count, 1)):
                self._hands.append(Process(spec, environment, place, count) if count else Rows(spec))
        except BaseException:
            self.close()
            raise

    @property
    def pids(self) -> list[int]:
        """The process numbers of the steppers."""
        return [hand.process.pid for hand in self._hands if isinstance(hand, Process)]

    def begin(self, seeds: Sequence[Sequence[int]]) -> None:
        """Reset one row per seed, in as many parts as there are lists of seeds; `collect` each part next."""
        if not self._hands:
            raise OfflineBenchError(f"the steppers of {self.environment!r} are closed.")
        row = self._hands[0].row_type()
        sizes = [len(part) for part in seeds]
        with tempfile.TemporaryFile() if sys.platform != "linux" else os.fdopen(os.memfd_create("rows"), "wb") as file:
            os.truncate(file.fileno(), max(row.itemsize * sum(sizes), 1))
            self._parts = map_parts(file.fileno(), row, sizes)
            for place, hand in enumerate(self._hands):
                hand.begin(self._parts, file.fileno(), [list(part[place :: len(self._hands)]) for part in seeds])

    def step(self, part: int, actions: Array) -> None:
        """Take `actions` (rows, *action_shape) in the rows of `part` whose episodes run, without waiting for it."""
        for place, hand in enumerate(self._hands):
            hand.step(part, actions[place :: len(self._hands)])

    def collect(self, part: int) -> Array:
        """Where the rows of `part` stand once what was last asked for is done; written over by the next `step`."""
        for hand in self._hands:
            hand.wait()
        return self._parts[part]

    def close(self) -> None:
        """End the processes; also what `with` does. Closing twice does nothing."""
        hands, self._hands, self._parts = self._hands, [], []
        for hand in hands:
            hand.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _travels(spec: Any) -> bool:
    """Whether another process can make something of `spec`: classes go by the names of their modules."""
    try:
        return b"__main__" not in pickle.dumps(spec)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False


class _Hand(Protocol):
    """Who steps a share of the rows. What is asked for is done in order; `wait` waits for the oldest of it."""

    def row_type(self) -> np.dtype[Any]: ...
    def begin(self, parts: list[Array], file: int, seeds: list[list[int]]) -> None: ...
    def step(self, part: int, actions: Array) -> None: ...
    def wait(self) -> None: ...
    def close(self) -> None: ...
