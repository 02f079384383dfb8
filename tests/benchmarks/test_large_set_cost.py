"""A set of any size, from its file to a record, takes no more memory than was estimated beforehand."""

from pathlib import Path

import pytest

from offline_bench.benchmarks.large_set_cost import LargeSetCost, measure_large_set
from offline_bench.commands import bench

ALGORITHM = "td3-plus-bc(hidden_units=(64, 64), batch_size=128)"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_memory_stays_within_the_estimate_and_grows_no_faster_with_the_set() -> None:
    # From the size on at which no more transitions are looked at to tell how far a policy stays with them.
    small, large = (measure_large_set(ALGORITHM, transitions) for transitions in (200_000, 500_000))
    assert (small.transitions, large.transitions) == (200_000, 500_000)
    assert small.peak <= small.estimate <= 2 * small.peak
    assert large.peak <= large.estimate <= 2 * large.peak
    assert large.peak - small.peak <= large.estimate - small.estimate


def test_a_million_is_told_beside_its_estimate_and_what_does_not_fit_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = LargeSetCost("iql", 1_000_000, peak=3 * 2**29, estimate=2**31, available=2**33, runs=8)
    monkeypatch.setattr(bench, "measure_large_set", lambda algorithm, runs: cost)
    ((what, ratio, wanted, told),) = bench._large_set()
    assert what == "loading 1000000 transitions, training 8 runs: memory / estimate"
    assert (ratio, wanted) == ("0.75", "≤ 1")
    assert told == "1536 MiB / 2048 MiB of this machine's 8192 MiB"
