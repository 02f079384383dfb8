"""What a gradient step costs: the stacked trainer beside d3rlpy end to end, taking turns, a process each.

The products a step cannot do without take their turn too, so that the distance to that limit is seen.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from statistics import median
from typing import Protocol

import numpy as np

from offline_bench.algorithms.device import select_device
from offline_bench.algorithms.learner import Member
from offline_bench.algorithms.stacked.learner import OURS_ALONE, STACKED, StackedLearner
from offline_bench.algorithms.stacked.memory import estimate_bytes
from offline_bench.algorithms.stacked.slab import Setting, SlabTraining
from offline_bench.algorithms.trainers import build_learner
from offline_bench.benchmarks.opponent import D3rlpyProcess, Size, period_of
from offline_bench.benchmarks.products import PlainProduct, Replay, record_products
from offline_bench.benchmarks.sampling_cost import synthetic_data
from offline_bench.core.provenance import read_peak_memory
from offline_bench.core.threads import one_thread
from offline_bench.data.dataset import Dataset
from offline_bench.data.extent import Extent

ALGORITHMS = tuple(name for name in STACKED if name not in OURS_ALONE)
SLABS = (1, 4, 12, 48)
# A single product of the smaller size is over before the call of it is: twelve go at once.
SIZES = (Size(256, 256), Size(64, 128, plain=12))


@dataclass(frozen=True)
class Pace:
    """Every side takes `rounds` turns of about `seconds`, but at least one step each."""

    rounds: int = 5
    seconds: float = 0.25


@dataclass(frozen=True)
class TrainingCost:
    """Medians over the rounds, in milliseconds of processor time per run and step; ratios are medians of each round's.

    ours         a slab of `runs`, minibatches and noise drawn, losses kept
    d3rlpy       one run: `update` on a minibatch from d3rlpy's own sampler and replay buffer
    products     the matrix products of our step alone, on operands of the same layouts
    plain        as many operations at the rate of a plain product of the network's width and the minibatch's size
    ratio        d3rlpy / ours
    to_products  ours / products
    to_plain     ours / plain
    gflop        10⁹ floating-point operations in the products, per run and step
    gflops       10⁹ operations per second, of the plain product
    """

    algorithm: str
    size: Size
    runs: int
    ratio: float
    to_products: float
    to_plain: float
    ours: float
    d3rlpy: float
    products: float
    plain: float
    gflop: float
    gflops: float


@dataclass(frozen=True)
class MemoryCost:
    """Bytes of a process that trains a slab of `runs`: the most it held, and what was estimated beforehand."""

    algorithm: str
    size: Size
    runs: int
    peak: int
    estimate: int


class Side(Protocol):
    """One of those that take turns; a turn is a multiple of `period` steps, and at most `longest`."""

    period: int
    longest: int | None

    def run(self, steps: int) -> float:
        """Seconds per step, over `steps` of them."""


class StackedSide:
    """A slab of `runs`, each with rewards and a stream of its own.

    Chance is drawn a block of steps ahead: a turn draws one block, counts its share per step, and trains within it.
    """

    def __init__(self, algorithm: str, size: Size, data: Dataset, runs: int) -> None:
        self.runs = runs
        self.learner = stacked_learner(algorithm, size)
        self.period = period_of(self.learner)
        self.training = start_training(self.learner, data, runs)
        self.longest: int | None = max(self.training.draws.block // self.period, 1) * self.period
        self.training.advance(self.period)

    def run(self, steps: int) -> float:
        return self.draw() + self.train(steps)

    def draw(self) -> float:
        """Go to the start of a new block; seconds per step to draw it."""
        block = self.training.draws.block
        self.training.step = (self.training.step // block + 1) * block
        started = time.process_time()
        self.training.draws.at(self.training.step)
        return (time.process_time() - started) / block

    def train(self, steps: int) -> float:
        """Seconds per step, over `steps` of a block that is drawn."""
        started = time.process_time()
        self.training.advance(self.training.step + steps)
        return (time.process_time() - started) / steps


class Turns:
    """Gives each side its turn, as long as `pace` says; seconds per step of each, a list with an entry per round."""

    def __init__(self, sides: Sequence[Side], pace: Pace) -> None:
        self.sides = sides
        self.pace = pace
        self.steps = [self._fit(side) for side in sides]

    def take(self) -> list[list[float]]:
        rounds = [
            [side.run(steps) for side, steps in zip(self.sides, self.steps, strict=True)]
            for _ in range(self.pace.rounds)
        ]
        return [list(times) for times in zip(*rounds, strict=True)]

    def _fit(self, side: Side) -> int:
        """How many steps a turn of `side` has; its first ones, which are slow, do not count unless one fills a turn."""
        for _ in range(2):
            started = time.perf_counter()
            side.run(side.period)
            seconds = time.perf_counter() - started
            if seconds > 4 * self.pace.seconds:
                return side.period
        steps = side.period * max(1, round(self.pace.seconds / seconds))
        return min(steps, side.longest or steps)


def measure_training(
    algorithm: str, size: Size, slabs: Sequence[int] = SLABS, pace: Pace | None = None
) -> list[TrainingCost]:
    """The cost of a step of `algorithm` in slabs of `slabs` runs, on one thread and synthetic transitions (11 + 3)."""
    data = synthetic_data()
    with one_thread(), closing(D3rlpyProcess(algorithm, size)) as theirs:
        ours = [StackedSide(algorithm, size, data, runs) for runs in slabs]
        replays = [Replay(record_products(side.training, side.period), side.period) for side in ours]
        plain = PlainProduct(size.batch, size.width, size.plain)
        taken = Turns([theirs, plain, *ours, *replays], pace or Pace()).take()
    d3rlpy, rate, times = taken[0], taken[1], taken[2:]
    costs = []
    for number, side in enumerate(ours):
        operations = replays[number].operations / side.runs
        mine = np.array(times[number]) / side.runs
        products = np.array(times[len(ours) + number]) / side.runs
        at_rate = operations * np.array(rate)
        costs.append(
            TrainingCost(
                algorithm,
                size,
                side.runs,
                ratio=_middle(np.array(d3rlpy) / mine),
                to_products=_middle(mine / products),
                to_plain=_middle(mine / at_rate),
                ours=1e3 * _middle(mine),
                d3rlpy=1e3 * median(d3rlpy),
                products=1e3 * _middle(products),
                plain=1e3 * _middle(at_rate),
                gflop=1e-9 * operations,
                gflops=1e-9 / median(rate),
            )
        )
    return costs


def measure_memory(algorithm: str, size: Size, runs: int, steps: int = 4) -> MemoryCost:
    """Train a slab for `steps` steps in a fresh process and ask it for the most memory it held."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        peak = process.submit(_peak_of, algorithm, size, runs, steps).result()
    return MemoryCost(
        algorithm,
        size,
        runs,
        peak,
        estimate_bytes(stacked_learner(algorithm, size), Extent.of(synthetic_data()), 0, runs),
    )


def stacked_learner(algorithm: str, size: Size, device: str = "cpu") -> StackedLearner:
    learner = build_learner(size.spec(algorithm), device)
    if not isinstance(learner, StackedLearner):
        raise TypeError(f"{algorithm} is not stacked")
    return learner


def start_training(learner: StackedLearner, data: Dataset, runs: int) -> SlabTraining:
    """A slab whose runs share nothing but the transitions."""
    rng = np.random.default_rng(0)
    members = [
        Member(
            learner.parameters,
            data.with_rewards(rng.standard_normal(data.n, dtype=np.float32), f"random-{run}"),
            np.random.SeedSequence(run),
        )
        for run in range(runs)
    ]
    device = select_device(learner.device)
    return SlabTraining(Setting(learner.algorithm(), learner.standardize, learner.reward_scaler, device), members)


def _middle(values: np.ndarray) -> float:
    return float(np.median(values))


def _peak_of(algorithm: str, size: Size, runs: int, steps: int) -> int:
    with one_thread():
        start_training(stacked_learner(algorithm, size), synthetic_data(), runs).advance(steps)
    return read_peak_memory()
