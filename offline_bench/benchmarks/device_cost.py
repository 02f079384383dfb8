"""What a gradient step costs on a GPU, in slabs that a processor would not hold, and whether its bits are the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch

from offline_bench.algorithms.device import select_device
from offline_bench.algorithms.stacked.memory import estimate_bytes
from offline_bench.algorithms.stacked.slab import SlabTraining
from offline_bench.benchmarks.opponent import Size
from offline_bench.benchmarks.sampling_cost import synthetic_data
from offline_bench.benchmarks.training_cost import Pace, StackedSide, Turns, stacked_learner, start_training
from offline_bench.core.threads import one_thread
from offline_bench.data.extent import Extent

DEVICE_SLABS = (1, 8, 64, 512)
DEVICE_WIDTHS = (64, 256)
BATCH, USUAL_SLAB = 256, 8
BIT_STEPS = 40  # a warm start and targets that move are within


@dataclass(frozen=True)
class DeviceCost:
    """Of a slab of `runs` on `device`, two hidden layers of `width`; medians.

    milliseconds  wall-clock milliseconds of a step of the whole slab, its chance drawn
    drawing       those of them in which the processor draws the chance
    processor     the same milliseconds on one thread of this machine's processor, for a slab of `USUAL_SLAB`
    peak          bytes that the device held at most
    estimate      bytes that were estimated beforehand, libraries and all
    """

    algorithm: str
    device: str
    runs: int
    width: int
    milliseconds: float
    drawing: float
    processor: float
    peak: int
    estimate: int

    @property
    def ratio(self) -> float:
        """How many times more steps of runs a second gives than one thread of the processor does."""
        return (self.processor / USUAL_SLAB) / (self.milliseconds / self.runs)


@dataclass(frozen=True)
class DeviceBits:
    """What becomes of the weights of one run after `BIT_STEPS` steps on `device`.

    again       whether the same slab, trained once more, has the same bits
    alone       whether the run has the same bits in a slab of its own
    difference  the largest difference of a weight from the processor's, over the largest move of a weight there
    """

    algorithm: str
    device: str
    again: bool
    alone: bool
    difference: float


class DeviceSide:
    """A slab on a device, by the clock on the wall: the device works on while the processor goes ahead."""

    def __init__(self, algorithm: str, size: Size, runs: int, device: str) -> None:
        self.device = select_device(device)
        self.training = start_training(stacked_learner(algorithm, size, device), synthetic_data(), runs)
        self.training.advance(2)
        _wait(self.device)

    def run(self, seconds: float) -> tuple[float, float]:
        """Seconds per step, within a block of chance and over at least `seconds`; and those to draw a block's share."""
        training, block = self.training, self.training.draws.block
        training.step = (training.step // block + 1) * block
        started = time.perf_counter()
        training.draws.at(training.step)
        _wait(self.device)
        drawing = (time.perf_counter() - started) / block
        first, started = training.step, time.perf_counter()
        while (time.perf_counter() - started < seconds and training.step < first + block) or training.step == first:
            training.advance(min(training.step + 10, first + block))
            _wait(self.device)
        return (time.perf_counter() - started) / (training.step - first) + drawing, drawing


def measure_device(
    algorithm: str, width: int, device: str, slabs: Sequence[int] = DEVICE_SLABS, pace: Pace | None = None
) -> list[DeviceCost]:
    """The cost of a step on `device` in slabs of `slabs` runs, and on one thread of the processor; see `DeviceCost`.

    Raises `SpecError` where there is no such device.
    """
    pace, size = pace or Pace(), Size(width, BATCH)
    with one_thread():
        ours = StackedSide(algorithm, size, synthetic_data(), USUAL_SLAB)
        processor = 1e3 * median(Turns([ours], pace).take()[0])
        return [_measure(algorithm, size, device, runs, processor, pace) for runs in slabs]


def _measure(algorithm: str, size: Size, device: str, runs: int, processor: float, pace: Pace) -> DeviceCost:
    on_card = select_device(device).startswith("cuda")
    if on_card:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    side = DeviceSide(algorithm, size, runs, device)
    taken = [side.run(pace.seconds) for _ in range(pace.rounds)]
    return DeviceCost(
        *(algorithm, device, runs, size.width),
        milliseconds=1e3 * median(whole for whole, _ in taken),
        drawing=1e3 * median(drawing for _, drawing in taken),
        processor=processor,
        peak=torch.cuda.max_memory_allocated() if on_card else 0,
        estimate=estimate_bytes(stacked_learner(algorithm, size, device), Extent.of(synthetic_data()), 0, runs),
    )


def compare_bits(algorithm: str, width: int, device: str, steps: int = BIT_STEPS) -> DeviceBits:
    """Train a slab of `USUAL_SLAB` runs on `device` twice, its first run alone, and that on the processor."""
    size = Size(width, BATCH)
    with one_thread():
        slab, again, alone, plain, first = (
            _weights(_trained(algorithm, size, runs, where, steps))
            for runs, where, steps in (
                (USUAL_SLAB, device, steps),
                (USUAL_SLAB, device, steps),
                (1, device, steps),
                (1, "cpu", steps),
                (1, "cpu", 0),
            )
        )
    moved = max(float((plain[name] - first[name]).abs().max()) for name in plain)
    return DeviceBits(
        *(algorithm, device),
        again=all(torch.equal(slab[name], again[name]) for name in slab),
        alone=all(torch.equal(slab[name], alone[name]) for name in slab),
        difference=max(float((plain[name] - alone[name]).abs().max()) for name in plain) / moved,
    )


def _trained(algorithm: str, size: Size, runs: int, device: str, steps: int) -> SlabTraining:
    training = start_training(stacked_learner(algorithm, size, device), synthetic_data(), runs)
    training.advance(steps)
    return training


def _weights(training: SlabTraining) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in training.algorithm.weights_of(0).items()}


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
