"""The peer in JAX learns what it is said to, and the command goes on without it."""

from typing import Any

import numpy as np
import pytest

from offline_bench.benchmarks import library_cost
from offline_bench.benchmarks.opponent import Size
from offline_bench.benchmarks.peer_cost import PEERS, has_jax, measure_peer
from offline_bench.benchmarks.training_cost import Pace
from offline_bench.commands import bench_peers as bench

needs_jax = pytest.mark.skipif(not has_jax(), reason="the extra jax is not installed")


@needs_jax
@pytest.mark.slow
@pytest.mark.parametrize("algorithm", PEERS)
def test_a_run_beside_others_learns_to_value_a_constant_reward(algorithm: str) -> None:
    """Where every step ends the task and pays c, the critics' loss, Σ_i mean (Q_i - c)², falls to nothing."""
    from offline_bench.benchmarks.jax_peer import JaxTraining

    rng = np.random.default_rng(0)
    n, paid = 500, np.array([0.5, -1.0, 2.0], np.float32)
    arrays = {
        "observations": rng.standard_normal((n, 4), np.float32),
        "actions": rng.uniform(-1, 1, (n, 2)).astype(np.float32),
        "next_observations": rng.standard_normal((n, 4), np.float32),
        "continues": np.zeros(n, np.float32),
    }
    training = JaxTraining(algorithm, arrays, np.repeat(paid[:, None], n, axis=1), 16, 32)
    training.train(2)
    before = training.losses
    training.train(3000)
    assert before.shape == (3,)
    assert (before > 0.1).all()
    assert (training.losses < 0.01 * before).all()


@needs_jax
@pytest.mark.slow
@pytest.mark.parametrize("algorithm", PEERS)
def test_ours_and_the_peer_take_turns(algorithm: str) -> None:
    (cost,) = measure_peer(algorithm, Size(16, 32), (2,), Pace(2, 0.001))
    assert (cost.algorithm, cost.runs) == (algorithm, 2)
    assert min(cost.ratio, cost.ours, cost.jax) > 0


def test_without_the_extra_the_command_says_so_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "has_jax", lambda: False)
    assert bench.measure_peers([], [], [], Pace()) == []
    (line,) = capsys.readouterr().out.strip().splitlines()
    assert "offline-bench[jax]" in line


def test_what_has_no_peer_is_not_looked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.measure_peers(["bc"], [], [], Pace()) == []
    assert capsys.readouterr().out == ""


def test_a_ratio_above_one_is_said_to_be_missed() -> None:
    def row(ratio: float) -> Any:
        return bench._peer_row(bench.PeerCost("iql", Size(64, 256), 8, ratio, 0.4, 0.5))

    assert row(0.8)[4] == "< 1"
    assert row(1.2)[4] == "< 1, missed"


def test_libraries_are_measured_on_the_products_of_a_step() -> None:
    costs = library_cost.measure_libraries(16, rounds=1)
    assert [cost.what for cost in costs] == ["256×14 by 14×16", "256×16 by 16×16", "16×256 by 256×16"]
    assert all(rate > 0 for cost in costs for rate in (cost.torch, cost.openblas))
    layers = library_cost.measure_layers(16, rounds=1)
    assert layers.library > 0
