"""The time left: each slab weighs what its algorithm costs, whatever comes first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from offline_bench.runs.experiment import Job, JobSlab
from offline_bench.runs.pace import Pace
from offline_bench.runs.record import Record, Run

COSTS = {"cheap": 1.0, "dear": 9.0}
WORKERS = 2
SLICES = 20


def slab(algorithm: str, runs: int = 4) -> JobSlab:
    return JobSlab(tuple(Job(Run("d", "full", "zero", algorithm, seed, 100, 1), (100,)) for seed in range(runs)))


def record(algorithm: str, seconds: float) -> Record:
    return Record(slab(algorithm).jobs[0].run, "ok", provenance={"seconds": seconds})


class Campaign:
    """Slabs done by two workers, in simulated seconds: a run of a step takes what its algorithm costs."""

    def __init__(self, algorithms: list[str], past: list[Record]) -> None:
        self.now = 0.0
        self.durations = [COSTS[name] * 400 for name in algorithms]
        self.pace = Pace([slab(name) for name in algorithms], WORKERS, past, lambda: self.now)

    def estimates(self) -> Iterator[tuple[float, float | None, float]]:
        """Time gone by, the estimate of what is left, and the share, at every word of a slab."""
        waiting = list(range(len(self.durations)))
        free = [0.0] * WORKERS
        events: list[tuple[float, int, float]] = []
        begins: dict[int, float] = {}
        for number in waiting:
            worker = free.index(min(free))
            begins[number] = free[worker]
            free[worker] += self.durations[number]
            events += [
                (begins[number] + part / SLICES * self.durations[number], number, part / SLICES)
                for part in range(1, SLICES + 1)
            ]
        begun: set[int] = set()
        for when, number, share in sorted(events):
            for other, start in sorted(begins.items(), key=lambda item: item[1]):
                if other not in begun and start <= when:
                    self.now = start
                    self.pace.begin(other)
                    begun.add(other)
            self.now = when
            self.pace.note(number, share)
            yield when, self.pace.seconds_left(), self.pace.share()
        assert self.now == max(free)


@pytest.mark.parametrize("order", ["cheap first", "dear first", "in turns"])
def test_the_estimate_is_right_from_the_first_word_where_past_runs_tell_what_algorithms_cost(order: str) -> None:
    algorithms = {
        "cheap first": ["cheap"] * 12 + ["dear"] * 12,
        "dear first": ["dear"] * 12 + ["cheap"] * 12,
        "in turns": ["cheap", "dear"] * 12,
    }[order]
    # Another machine, seven times as fast: only how they compare counts.
    past = [record("cheap", 100 / 7), record("dear", 900 / 7), record("other", 1e6)]
    campaign = Campaign(algorithms, past)
    total = 12 * 400 * (1 + 9) / WORKERS
    for when, left, share in campaign.estimates():
        assert left is not None
        assert when + left == pytest.approx(total, rel=0.12)
        assert share == pytest.approx(when / total, abs=0.12)
    assert (left, share) == (0.0, 1.0)


def test_without_past_runs_the_estimate_is_right_once_every_algorithm_was_seen() -> None:
    campaign = Campaign(["cheap", "dear"] * 12, [])
    total = 12 * 400 * (1 + 9) / WORKERS
    seen = [(when, left) for when, left, _ in campaign.estimates() if when > 400 * 9 / SLICES]
    assert all(left is not None and when + left == pytest.approx(total, rel=0.12) for when, left in seen)


def test_while_nothing_is_measured_there_is_no_estimate() -> None:
    pace = Pace([slab("cheap")], 1, [record("cheap", 5.0)], lambda: 0.0)
    pace.begin(0)
    assert pace.seconds_left() is None
    assert pace.share() == 0.0


def test_what_a_resumed_slab_brings_along_is_not_taken_for_speed() -> None:
    now = [0.0]
    pace = Pace([slab("cheap")], 1, [], lambda: now[0])
    pace.begin(0)
    for now[0], share in ((10.0, 0.8), (20.0, 0.85), (30.0, 0.9)):
        pace.note(0, share, resumed=True)
    assert pace.seconds_left() == pytest.approx(20.0)


def test_what_others_do_is_not_waited_for() -> None:
    now = [0.0]
    pace = Pace([slab("cheap"), slab("cheap")], 1, [], lambda: now[0])
    pace.begin(0)
    now[0] = 10.0
    pace.note(0, 0.5)
    assert pace.seconds_left() == pytest.approx(30.0)
    pace.leave(1)
    assert pace.seconds_left() == pytest.approx(10.0)
    pace.note(0, 1.0)
    assert pace.share() == 1.0
