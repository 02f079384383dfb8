"""How far a campaign is in time: each slab weighs what its algorithm costs, as measured so far."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from offline_bench.runs.experiment import JobSlab
from offline_bench.runs.record import Record


@dataclass
class _Course:
    """One slab: where and when it was first and last seen, as shares in [0, 1] and seconds."""

    algorithm: str
    work: float
    begun: float = 0.0
    begun_at: float = 0.0
    share: float = 0.0
    seen_at: float = 0.0


class Pace:
    """The pace of `slabs` that `workers` processes do side by side.

    A slab's work is its runs times their gradient steps; its cost the seconds of one of these, by algorithm: measured
    from the slabs under way, and before that known by `past` records, whose machine may be another one: only how they
    compare counts then. An algorithm that nothing is known of is taken to cost what the others do on average.
    """

    def __init__(
        self,
        slabs: Sequence[JobSlab],
        workers: int = 1,
        past: Iterable[Record] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._courses = [
            _Course(slab.jobs[0].run.algorithm, float(sum(job.run.steps for job in slab.jobs))) for slab in slabs
        ]
        self._workers, self._clock = max(workers, 1), clock
        self._past = _costs_of(past)

    def begin(self, slab: int) -> None:
        """Note that slab number `slab` begins now."""
        course = self._courses[slab]
        course.begun_at = course.seen_at = self._clock()

    def note(self, slab: int, share: float, resumed: bool = False) -> None:
        """Slab number `slab` is done to `share`; the first word of a `resumed` one tells where it goes on from."""
        course = self._courses[slab]
        if resumed and course.share == 0.0:
            course.begun, course.begun_at = share, self._clock()
        course.share, course.seen_at = share, self._clock()

    def leave(self, slab: int) -> None:
        """Slab number `slab` is not done here."""
        self._courses[slab].work = 0.0

    def share(self) -> float:
        """Which share of the time of all slabs has gone by, in [0, 1]."""
        costs = self._costs()
        weights = [course.work * self._cost(costs, course.algorithm) for course in self._courses]
        done = sum(weight * course.share for weight, course in zip(weights, self._courses, strict=True))
        return done / sum(weights) if sum(weights) else 1.0

    def seconds_left(self) -> float | None:
        """How long the rest takes; None while nothing is measured."""
        costs = self._costs()
        if not self._measured():
            return None
        left = [course.work * (1.0 - course.share) * self._cost(costs, course.algorithm) for course in self._courses]
        # Side by side, but no slab is shared out.
        return max(sum(left) / self._workers, max(left))

    def _measured(self) -> dict[str, float]:
        """Seconds per run and step of the algorithms under way."""
        seconds: dict[str, float] = defaultdict(float)
        work: dict[str, float] = defaultdict(float)
        for course in self._courses:
            seconds[course.algorithm] += course.seen_at - course.begun_at
            work[course.algorithm] += course.work * (course.share - course.begun)
        return {name: seconds[name] / work[name] for name in work if work[name] > 0.0 and seconds[name] > 0.0}

    def _costs(self) -> dict[str, float]:
        measured = self._measured()
        both = [name for name in measured if name in self._past]
        scale = sum(measured[name] for name in both) / sum(self._past[name] for name in both) if both else 1.0
        known = {name: cost * scale for name, cost in self._past.items()} if both or not measured else {}
        return known | measured

    def _cost(self, costs: dict[str, float], algorithm: str) -> float:
        if algorithm in costs:
            return costs[algorithm]
        here = {course.algorithm for course in self._courses} & set(costs)
        return sum(costs[name] for name in here) / len(here) if here else 1.0


def _costs_of(records: Iterable[Record]) -> dict[str, float]:
    found: dict[str, list[float]] = defaultdict(list)
    for record in records:
        seconds = record.provenance.get("seconds")
        if record.status == "ok" and isinstance(seconds, int | float) and seconds > 0:
            found[record.run.algorithm].append(seconds / record.run.steps)
    return {name: sum(costs) / len(costs) for name, costs in found.items()}
