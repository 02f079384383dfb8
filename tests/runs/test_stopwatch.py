"""What a run took: by the clock and of the processor."""

from __future__ import annotations

import time

from offline_bench.runs.stopwatch import Stopwatch


def test_waiting_takes_time_and_no_processor() -> None:
    watch = Stopwatch()
    time.sleep(0.3)
    told = watch.read(runs=2, evaluating=0.2)
    assert told["seconds"] >= 0.1
    assert told["processor_seconds"] < told["seconds"]
    assert told["evaluation_seconds"] == 0.1


def test_of_a_resumed_slab_the_processor_is_not_told() -> None:
    watch = Stopwatch()
    watch.resumed = True
    assert watch.read(runs=1).keys() == {"seconds"}
