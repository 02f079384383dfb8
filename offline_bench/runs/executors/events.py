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
    """Task number `task` has no result: the machine failed it, more than once where another try could help."""

    task: int
    reason: str


Event = Progressed | Done | Died
