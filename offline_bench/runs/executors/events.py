"""What an executor tells of the tasks it carries out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Carries out one task, telling now and then which share of it, in [0, 1], is done.
Work = Callable[[Any, Callable[[float], None]], Any]


@dataclass(frozen=True)
class Progressed:
    """Task number `task` is done to `share` in [0, 1]."""

    task: int
    share: float


@dataclass(frozen=True)
class Done:
    """Task number `task` returned `result`."""

    task: int
    result: Any


@dataclass(frozen=True)
class Died:
    """There is no result of task number `task`: the place let it down, more than once where that could help."""

    task: int
    reason: str


Event = Progressed | Done | Died
