"""What an executor tells of the tasks it carries out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from offline_bench.core.errors import OfflineBenchError, PlaceError, describe_exception

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
    """Task number `task` has no result: the machine failed it, more than once where another try could help.

    killed  whether its process ended with it each time, and no exception says why
    """

    task: int
    reason: str
    killed: bool = False


Event = Progressed | Done | Died


def judge_failure(error: Exception) -> tuple[str, str]:
    """What an exception of `work` in another process is, with its message.

    'fault': of the place, and so is what is no error of ours; 'error': a word to the user.
    """
    ours = isinstance(error, OfflineBenchError) and not isinstance(error, PlaceError)
    return ("error", str(error)) if ours else ("fault", describe_exception(error))
