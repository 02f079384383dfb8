"""The measurement of a GPU, tried on the processor: no test has a GPU."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from offline_bench.benchmarks import device_cost
from offline_bench.benchmarks.device_cost import USUAL_SLAB, compare_bits, measure_device
from offline_bench.benchmarks.training_cost import Pace
from offline_bench.cli import app
from offline_bench.commands import bench_device
from offline_bench.core.errors import SpecError

BRIEF = Pace(rounds=2, seconds=0.001)


@pytest.mark.slow
def test_a_slab_is_measured_beside_one_thread() -> None:
    one, three = measure_device("bc", 16, "cpu", (1, 3), BRIEF)
    assert (one.runs, three.runs) == (1, 3)
    assert one.processor == three.processor > 0
    for cost in (one, three):
        assert 0 < cost.drawing < cost.milliseconds
        assert cost.ratio == pytest.approx(cost.processor / USUAL_SLAB / (cost.milliseconds / cost.runs))


@pytest.mark.slow
def test_the_processor_agrees_with_itself_in_every_way() -> None:
    found = compare_bits("td3-plus-bc", 16, "cpu", 5)
    assert (found.again, found.alone, found.difference) == (True, True, 0.0)


@pytest.mark.slow
def test_a_device_that_errs_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    train = device_cost._trained
    calls: list[int] = []

    def errs(*told: Any) -> Any:
        training = train(*told)
        calls.append(len(calls))
        if len(calls) == 2:  # the second time the same slab is trained
            next(iter(training.algorithm.weights_of(0).values())).mul_(1 + 1e-6)
        return training

    monkeypatch.setattr(device_cost, "_trained", errs)
    found = compare_bits("bc", 16, "cpu", 3)
    assert (found.again, found.alone) == (False, True)


def test_a_difference_is_told_in_moves_of_a_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = iter(
        [torch.tensor([2.0]), torch.tensor([2.0]), torch.tensor([1.5]), torch.tensor([1.0]), torch.tensor([0.0])]
    )
    monkeypatch.setattr(device_cost, "_trained", lambda *told: None)
    monkeypatch.setattr(device_cost, "_weights", lambda training: {"w": next(weights)})
    found = compare_bits("bc", 16, "cpu")
    assert (found.again, found.alone, found.difference) == (True, False, 0.5)


def test_without_a_gpu_the_command_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = CliRunner().invoke(app, ["bench", "--device", "cuda"])
    assert isinstance(found.exception, SpecError)
    assert "finds no CUDA device here" in str(found.exception)


def test_rows_say_in_words_what_is_not_the_same() -> None:
    bits = device_cost.DeviceBits("iql", "cuda", again=True, alone=False, difference=1e-4)
    assert bench_device._bits_row(bits) == ("iql", "yes", "NO", "1.0e-04")
    assert bench_device._bits_row(replace(bits, again=False))[1] == "NO"
