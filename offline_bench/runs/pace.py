"""How far a campaign is in time: each slab weighs what its algorithm costs, as measured so far."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from offline_bench.runs.experiment import Job, JobSlab
from offline_bench.runs.record import Record


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
        names = [slab.jobs[0].run.algorithm for slab in slabs]
        self._algorithms = list(dict.fromkeys(names))
        number = {name: place for place, name in enumerate(self._algorithms)}
        # Arrays, as a thousand workers each tell of their progress, and every word asks for the whole.
        self._kind = np.array([number[name] for name in names], np.int64)
        self._work = np.array([work_of(slab.jobs) for slab in slabs], np.float64)
        self._begun, self._share, self._begun_at, self._seen_at = np.zeros((4, len(names)))
        self._workers, self._clock = max(workers, 1), clock
        self._past = _costs_of(past)

    def begin(self, slab: int) -> None:
        """Note that slab number `slab` begins now."""
        self._begun_at[slab] = self._seen_at[slab] = self._clock()

    def note(self, slab: int, share: float, resumed: bool = False) -> None:
        """Slab number `slab` is done to `share`; the first word of a `resumed` one tells where it goes on from."""
        if resumed and self._share[slab] == 0.0:
            self._begun[slab], self._begun_at[slab] = share, self._clock()
        self._share[slab], self._seen_at[slab] = share, self._clock()

    def leave(self, slab: int) -> None:
        """Slab number `slab` is not done here."""
        self._work[slab] = 0.0

    def share(self) -> float:
        """Which share of the time of all slabs has gone by, in [0, 1]."""
        weights = self._weigh(self._measured())
        return float(weights @ self._share / weights.sum()) if weights.sum() else 1.0

    def seconds_left(self) -> float | None:
        """How long the rest takes; None while nothing is measured."""
        measured = self._measured()
        if not measured:
            return None
        left = self._weigh(measured) * (1.0 - self._share)
        # Side by side, but no slab is shared out.
        return float(max(left.sum() / self._workers, left.max()))

    def _weigh(self, measured: Mapping[str, float]) -> npt.NDArray[np.float64]:
        """What each slab costs."""
        both = [name for name in measured if name in self._past]
        scale = sum(measured[name] for name in both) / sum(self._past[name] for name in both) if both else 1.0
        known = {name: cost * scale for name, cost in self._past.items()} if both or not measured else {}
        costs = np.array(_fill_up(self._algorithms, known | dict(measured)), np.float64)
        weights: npt.NDArray[np.float64] = self._work * costs[self._kind]
        return weights

    def _measured(self) -> dict[str, float]:
        """Seconds per run and step of the algorithms under way."""
        seconds, work = (
            np.bincount(self._kind, amounts, len(self._algorithms))
            for amounts in (self._seen_at - self._begun_at, self._work * (self._share - self._begun))
        )
        found = zip(self._algorithms, seconds.tolist(), work.tolist(), strict=True)
        return {name: took / done for name, took, done in found if done > 0.0 and took > 0.0}


def work_of(jobs: Iterable[Job]) -> float:
    """Gradient steps of `jobs`, all their runs together."""
    return float(sum(job.run.steps for job in jobs))


def compare_costs(algorithms: Iterable[str], past: Iterable[Record]) -> dict[str, float]:
    """What a step of a run of each algorithm costs beside the others, as `past` records tell; 1 where none do."""
    names = list(dict.fromkeys(algorithms))
    return dict(zip(names, _fill_up(names, _costs_of(past)), strict=True))


def _fill_up(algorithms: Sequence[str], costs: Mapping[str, float]) -> list[float]:
    """The cost of each; of one that is not known, the mean of the known ones here."""
    here = [costs[name] for name in algorithms if name in costs]
    mean = sum(here) / len(here) if here else 1.0
    return [costs.get(name, mean) for name in algorithms]


def _costs_of(records: Iterable[Record]) -> dict[str, float]:
    found: dict[str, list[float]] = defaultdict(list)
    for record in records:
        seconds = record.provenance.get("seconds")
        if record.status == "ok" and isinstance(seconds, int | float) and seconds > 0 < record.run.steps:
            found[record.run.algorithm].append(seconds / record.run.steps)
    return {name: sum(costs) / len(costs) for name, costs in found.items()}
