"""How long a slab took: by the clock, and of the processor."""

from __future__ import annotations

import os
import time


class Stopwatch:
    """Starts when made. A slab that went on from a checkpoint is `resumed`: what went before is not known."""

    def __init__(self) -> None:
        self._clock = time.monotonic()
        self._processor = _processor_seconds()
        self.resumed = False

    def read(self, runs: int, evaluating: float = 0.0) -> dict[str, float]:
        """Of each of `runs` runs: `seconds` by the clock; unless the slab was resumed, `processor_seconds` too, and
        `evaluation_seconds`, by the clock, of its evaluations, which took `evaluating` seconds together.

        `processor_seconds` are of this process and of the steppers that it started and that have ended; other
        processes on the machine hardly lengthen them, while they do lengthen those by the clock.
        """
        told = {"seconds": round((time.monotonic() - self._clock) / runs, 1)}
        if not self.resumed:
            told["processor_seconds"] = round((_processor_seconds() - self._processor) / runs, 1)
            told["evaluation_seconds"] = round(evaluating / runs, 1)
        return told


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
