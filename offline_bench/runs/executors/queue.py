"""The tasks of an executor that wait, and how often each was begun."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any

ATTEMPTS = 2
# A place that is taken away is no fault of the task; one that takes its place along every time is.
LOSSES = 20


class TaskQueue:
    """Tasks, each taken from its source when somebody is there to do it."""

    def __init__(self, tasks: Iterable[Any]) -> None:
        self._source = enumerate(tasks)
        self._waiting: list[tuple[int, Any]] = []
        self._begun: dict[int, Any] = {}
        self._attempts: Counter[int] = Counter()
        self._losses: Counter[int] = Counter()

    def waits(self) -> bool:
        """Whether there is another task."""
        if not self._waiting:
            self._waiting.extend(islice(self._source, 1))
        return bool(self._waiting)

    def take(self) -> tuple[int, Any]:
        """The next task and its number; there must be one."""
        number, task = self._waiting.pop(0)
        self._begun[number] = task
        self._attempts[number] += 1
        return number, task

    def take_back(self, number: int) -> bool:
        """Whether the task of that number, which came to nothing, is tried again."""
        return self._repeat(number, self._attempts[number] < ATTEMPTS)

    def take_back_lost(self, number: int) -> bool:
        """Likewise, of a task whose place was taken away: that counts as no attempt."""
        self._attempts[number] -= 1
        self._losses[number] += 1
        return self._repeat(number, self._losses[number] < LOSSES)

    def finish(self, number: int) -> Any:
        """The task of that number, which is over."""
        return self._begun.pop(number)

    def _repeat(self, number: int, again: bool) -> bool:
        if again:
            self._waiting.insert(0, (number, self._begun[number]))
        return again
