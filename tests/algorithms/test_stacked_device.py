"""The device path without the device: every tensor lands where it is told to, and no step waits for the host."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from offline_bench import relabel
from offline_bench.algorithms import build_learner
from offline_bench.algorithms.device import describe_machine
from offline_bench.algorithms.learner import Member
from offline_bench.algorithms.stacked.learner import STACKED, StackedLearner
from offline_bench.algorithms.stacked.slab import Setting, SlabTraining
from offline_bench.core.provenance import read_machine
from offline_bench.schemes.checks import sample_dataset

# What makes the host wait for the device: reading a number, or an array whose size depends on numbers.
WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "unique_dim", "_unique2", "is_nonzero", "equal"}
# An attribute of the package hides its subpackage: classes are named here by what they do.
SETTINGS = {"atac": ", n_warm_start_steps=1, clip_values=True, actor_average_rate=0.1", "cql": ", n_action_samples=2"}
SETTINGS["onestep"] = ", n_critic_steps=3, critic_target='monte-carlo'"


class Watch(TorchDispatchMode):
    """Notes every operation that would have the host wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.waited: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function._schema.name.removeprefix("aten::")
        self.seen.append(name)
        if name in WAITING:
            self.waited.append(name)
        return function(*args, **(kwargs or {}))


def training(name: str, device: str) -> SlabTraining:
    learner = build_learner(f"{name}(batch_size=16, hidden_units=[8, 8]{SETTINGS.get(name, '')})")
    assert isinstance(learner, StackedLearner)
    data = sample_dataset([40] * 5, [True] * 5)
    members = [
        Member(learner.parameters, relabel(data, reward, 0), np.random.SeedSequence(seed))
        for reward, seed in (("original", 0), ("zero", 0), ("negative", 1))
    ]
    return SlabTraining(Setting(learner.algorithm(), learner.standardize, learner.reward_scaler, device), members)


def take_steps(slab: SlabTraining, first: int, last: int) -> None:
    for step in range(first, last):
        slab.history.note(step, slab.algorithm.update(slab.transitions.gather(slab.draws.at(step)), step))


@pytest.mark.slow
@pytest.mark.parametrize("name", STACKED)
def test_no_step_waits_for_the_host(name: str) -> None:
    # Layers of a new size are compared once, on the processor alone.
    take_steps(training(name, "cpu:0"), 0, 5)
    slab = training(name, "cpu:0")
    take_steps(slab, 0, 2)
    with Watch() as watch:
        take_steps(slab, 2, 5)
    assert len(watch.seen) > 20
    assert watch.waited == []


def test_waiting_would_be_noticed() -> None:
    with Watch() as watch:
        torch.ones(1).item()
    assert watch.waited == ["_local_scalar_dense"]


@pytest.mark.slow
@pytest.mark.parametrize("name", STACKED)
def test_every_tensor_of_a_step_lies_on_the_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A device without storage: an operation that mixes it with the processor is refused.
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)
    slab = training(name, "meta")
    take_steps(slab, 0, 3)
    assert {tensor.device.type for tensor in slab.algorithm.state().values()} == {"meta"}


def test_a_record_names_the_gpu_that_made_its_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert describe_machine("cpu") == read_machine()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert describe_machine("cuda") == read_machine()  # a driver without one records a failure
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"Card {number}")
    assert describe_machine("cuda+tf32") == f"{read_machine()}, Card 0"
