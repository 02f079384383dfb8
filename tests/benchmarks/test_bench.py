"""The benchmarks measure what they say they do; no number of theirs is asserted, for machines differ."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from offline_bench.algorithms.sampler import MinibatchSampler
from offline_bench.benchmarks import folder_cost
from offline_bench.benchmarks.opponent import D3rlpySide, Size
from offline_bench.benchmarks.products import Layout, Product, Replay, record_products
from offline_bench.benchmarks.sampling_cost import d3rlpy_buffer, synthetic_data
from offline_bench.benchmarks.step_profile import profile_training
from offline_bench.benchmarks.training_cost import (
    ALGORITHMS,
    Pace,
    StackedSide,
    measure_memory,
    measure_training,
    stacked_learner,
    start_training,
)
from offline_bench.commands import bench
from offline_bench.core.errors import SpecError
from offline_bench.data.dataset import Dataset
from offline_bench.runs.store import pack_records, read_records

TINY = Size(16, 32)
BRIEF = Pace(rounds=2, seconds=0.001)
OBS, ACT, H, B = 11, 3, 16, 32


@pytest.fixture(scope="module")
def data() -> Dataset:
    return synthetic_data()


@pytest.fixture
def threads() -> Iterator[int]:
    before = torch.get_num_threads()
    yield before
    assert torch.get_num_threads() == before


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_measured_beside_its_counterpart(algorithm: str, threads: int) -> None:
    costs = measure_training(algorithm, TINY, (1, 2), BRIEF)
    assert [cost.runs for cost in costs] == [1, 2]
    for cost in costs:
        numbers = [value for value in asdict(cost).values() if isinstance(value, float)]
        assert len(numbers) == 9
        assert all(math.isfinite(number) and number > 0 for number in numbers)


def test_products_of_bc_are_those_of_its_layers(data: Dataset) -> None:
    runs, steps = 3, 2
    products = record_products(start_training(stacked_learner("bc", TINY), data, runs), steps)
    forward = OBS * H + H * H + H * ACT
    weights = forward
    inputs = H * H + H * ACT
    assert sum(product.operations for product in products) == steps * runs * 2 * B * (forward + weights + inputs)
    assert Replay(products, steps).operations == runs * 2 * B * (forward + weights + inputs)


def test_products_of_td3_plus_bc_count_an_actor_step_every_second_step(data: Dataset) -> None:
    training = start_training(stacked_learner("td3-plus-bc", TINY), data, 2)
    with_actor, without = record_products(training, 1), record_products(training, 1)
    assert 0 < len(without) < len(with_actor)
    assert sum(p.operations for p in without) < sum(p.operations for p in with_actor)


def test_a_replay_runs_on_the_recorded_layouts() -> None:
    left, right = torch.rand(2, 5, 7).transpose(1, 2), torch.rand(1, 5, 3).expand(2, -1, -1)
    product = Product(Layout.of(left), Layout.of(right))
    assert product.result == (2, 7, 3)
    assert product.operations == 2 * 2 * 7 * 5 * 3
    assert product.left.extent == 2 * 5 * 7
    assert product.right.extent == 5 * 3
    assert torch.equal(product.left.view(left.transpose(1, 2).reshape(-1)), left)
    assert Replay([product], 1).run(2) > 0


def test_the_other_side_samples_as_d3rlpy_does(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = d3rlpy_buffer(data)
    assert type(buffer).__module__.startswith("d3rlpy.")
    batches: list[Any] = []
    sample = buffer.sample_transition_batch

    def watch(size: int) -> Any:
        batches.append(sample(size))
        return batches[-1]

    buffer.sample_transition_batch = watch
    monkeypatch.setattr(MinibatchSampler, "sample", None)
    side = D3rlpySide("td3-plus-bc", TINY, data, buffer)
    assert side.period == 2
    assert side.run(4) > 0
    assert [batch.observations.shape for batch in batches] == [(B, OBS)] * 4


def test_both_sides_have_the_same_size_and_minibatches(data: Dataset) -> None:
    theirs = D3rlpySide("iql", TINY, data, d3rlpy_buffer(data)).algorithm
    ours = StackedSide("iql", TINY, data, 2).training.algorithm
    assert theirs.batch_size == ours.batch_size == B
    shapes = [p.shape for p in theirs.impl.modules.value_func.parameters()]
    assert shapes[0] == (H, OBS)
    assert ours.hidden_units == (H, H)


def test_a_turn_stays_within_the_block_that_it_draws(data: Dataset) -> None:
    side = StackedSide("cql", Size(16, 256), data, 1)
    block = side.training.draws.block
    assert side.longest == block
    side.run(block)
    assert side.training.step == 2 * block
    side.run(1)
    assert side.training.step == 2 * block + block + 1


@pytest.mark.slow
def test_memory_is_of_a_process_of_its_own() -> None:
    ballast = torch.zeros(2**28)
    cost = measure_memory("bc", TINY, 2, steps=1)
    assert 2**26 < cost.peak < ballast.numel() * 4
    assert cost.estimate > 0


@pytest.mark.slow
def test_the_parts_of_a_profile_make_up_the_whole() -> None:
    found = profile_training("td3-plus-bc", TINY, 2, BRIEF)
    assert all(share >= 0 for share in found.shares().values())
    assert sum(found.shares().values()) == pytest.approx(1.0)
    assert found.parts["matrix products"] + found.parts["compiled layers"] > 0
    assert found.parts["optimizer and targets"] > 0


@pytest.mark.slow
def test_the_command_prints_tables_and_writes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "SIZES", (TINY,))
    monkeypatch.setattr(bench.Choice, "pace", BRIEF)
    choice = bench.Choice(["td3-plus-bc"], [16], [2, 12])
    bench.print_benchmarks(choice, tmp_path / "bench.json")
    printed = capsys.readouterr().out
    assert "| td3-plus-bc | 16×16, 32 | 12 | " in printed
    assert "≥ 1.5" in printed
    assert "estimate / peak" in printed
    written = json.loads((tmp_path / "bench.json").read_text())
    assert [cost["runs"] for cost in written["training"]] == [2, 12]
    assert [cost["runs"] for cost in written["memory"]] == [12]
    assert "data" not in written

    bench.print_profiles(choice)
    printed = capsys.readouterr().out
    assert "matrix products" in printed
    assert "| td3-plus-bc | 16×16, 32 | 2 | " in printed


def test_a_choice_that_is_none_is_refused() -> None:
    with pytest.raises(SpecError, match="td3-plus-bc"):
        bench.Choice(["td3-plus-cb"]).check()
    with pytest.raises(SpecError, match="width is 256 or 64, not 100"):
        bench.Choice(widths=[100]).check()


def test_all_is_measured_where_nothing_is_chosen() -> None:
    choice = bench.Choice()
    assert not choice.is_narrow
    assert len(choice.cells()) == 2 * len(ALGORITHMS)
    assert choice.runs() == [1, 4, 12, 48]
    assert len(choice.memory_cells()) == 2 * 2 * 2
    assert bench.Choice(quick=True).runs() == [12]


def test_what_was_wanted_and_missed_is_said() -> None:
    cost = bench.TrainingCost("td3-plus-bc", bench.SIZES[1], 12, 9.0, 1.4, 1.6, 1.0, 9.0, 0.7, 0.6, 0.1, 100.0)
    row = bench._training_row(cost)
    assert "≥ 10.0, missed" in row
    assert "≤ 1.5" in row


def test_a_folder_is_read_three_ways_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    for name in ("read_heads", "read_briefs", "read_records"):
        read = getattr(folder_cost, name)
        seen = partial(lambda name, read, folder: (order.append(name), read(folder))[1], name, read)
        monkeypatch.setattr(folder_cost, name, seen)
    cost = folder_cost.measure_folder(records=20, rounds=2)
    assert order == ["read_heads", "read_briefs", "read_records"] * 2
    assert min(asdict(cost).values()) > 0


def test_made_up_records_are_of_different_runs_and_are_read_as_they_were_written(tmp_path: Path) -> None:
    made = folder_cost.make_records(30)
    pack_records(tmp_path, made)
    reading = read_records(tmp_path)
    assert reading.problems == []
    assert reading.records == sorted(made, key=lambda record: record.run)
