"""How long a folder's runs took, and how much of it their evaluations."""

from __future__ import annotations

from collections.abc import Mapping

from offline_bench.analysis.origin import collect_provenance, tell_time
from offline_bench.runs.record import Record, Run

RUN = Run("offline-bench/hopper/medium-v1", "full", "original", "bc", seed=0, steps=1, episodes=1)


def told(*made: Mapping[str, float]) -> str:
    return tell_time(collect_provenance([Record(RUN, "ok", provenance=dict(entry)) for entry in made]))


def test_the_share_of_evaluation_is_of_the_runs_that_tell_it() -> None:
    timed, other = {"seconds": 40.0, "evaluation_seconds": 4.0}, {"seconds": 40.0, "evaluation_seconds": 8.0}
    assert (
        told(timed, other)
        == "0:01:20 of training and evaluation in all. Evaluation took 15% of it, in the runs that tell."
    )
    assert told(timed, {"seconds": 20.0}).endswith("Evaluation took 10% of it, in the runs that tell.")


def test_without_a_run_that_tells_nothing_is_said() -> None:
    assert told({"seconds": 20.0}) == "0:00:20 of training and evaluation in all."
