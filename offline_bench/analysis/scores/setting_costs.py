"""What a gradient step of each setting costs, measured on one machine: `costs.json` of a suite with a frontier."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from offline_bench.core.errors import RecordError

COSTS = "costs.json"


@dataclass(frozen=True)
class SettingCosts:
    """Processor seconds that training takes for one run of a slab, by algorithm and environment.

    machine   where all of them were measured, in turns
    together  runs of the slab
    steps     gradient steps that `seconds` are for
    """

    machine: str
    together: int
    steps: int
    seconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, algorithm: str, environments: Sequence[str], steps: int) -> float:
        """Seconds of one run of `steps`, the mean over `environments`; NaN where one was not measured."""
        found = self.seconds.get(algorithm, {})
        return float(np.mean([found.get(name, np.nan) for name in environments])) * steps / self.steps


def load_costs(folder: Path) -> SettingCosts | None:
    """`costs.json` of a suite's folder; None where there is none. Raises `RecordError` for another file."""
    path = folder / COSTS
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        costs = SettingCosts(**content)
        _check(costs)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise RecordError(f"{path} is not a file of `describe costs` ({error}): run that command again") from error
    return costs


def _check(costs: SettingCosts) -> None:
    """Raise `ValueError` or `TypeError` where a field is of another type."""
    if not (_is_positive(costs.together) and _is_positive(costs.steps) and isinstance(costs.machine, str)):
        raise ValueError("machine, together or steps is of another type")
    for algorithm, by_environment in costs.seconds.items():
        for environment, seconds in by_environment.items():
            if not _is_positive(seconds):
                raise ValueError(f"{algorithm} on {environment} takes {seconds!r:.40}, not a number of seconds")


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(0 < value < np.inf)
