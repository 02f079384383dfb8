"""Findings made up from nothing but names, for tests of how they are laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from offline_bench.analysis import findings as found
from offline_bench.analysis.behavior.lengths import LengthTable, RunPoint
from offline_bench.analysis.scores.entries import AlgorithmEntry, Cell, DatasetTable, FewSeeds, Leaderboard, Row
from offline_bench.analysis.scores.learning_curves import Curve
from offline_bench.data.loaders.cards import Task
from offline_bench.report.behavior.lengths import draw_lengths
from offline_bench.report.behavior.permanova import partition_tables
from offline_bench.report.behavior.policy_map import draw_policy_maps
from offline_bench.report.decides.sensitivity import leaning_tables
from offline_bench.report.decides.shares import draw_shares, share_tables
from offline_bench.report.figures.figure import Figure
from offline_bench.report.predictions.verdicts import verdict_tables
from offline_bench.report.published.bias import bias_tables, draw_positive_bias
from offline_bench.report.scores.aggregates import aggregate_tables, draw_aggregates
from offline_bench.report.scores.by_dataset import completeness_tables, leaderboard_tables
from offline_bench.report.scores.heat_map import draw_heat_maps
from offline_bench.report.scores.improvement import improvement_tables
from offline_bench.report.scores.learning_curves import draw_curves
from offline_bench.report.scores.performance_profiles import draw_profiles
from offline_bench.report.scores.reward_effects import cell_tables
from offline_bench.report.tables.table import Table

SEEDS = range(2)
TASK = Task("walk", "", random_return=0.0, expert_return=10.0, source="made up")
THRESHOLDS = (0.0, 50.0, 100.0)


@dataclass(frozen=True)
class Made:
    """All findings on all combinations of these names; `shift` moves every number a little."""

    datasets: Sequence[str] = ("lab/hopper/medium-v0", "lab/walker2d/medium-v0")
    curations: Sequence[str] = ("full", "top(p=0.5)")
    rewards: Sequence[str] = ("original", "zero", "flip(p=0.5)")
    algorithms: Sequence[str] = ("bc", "iql(tau=0.9)")
    shift: float = 0.0
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def number(self, low: float = 0.0, high: float = 100.0) -> float:
        return float(self.rng.uniform(low, high)) * (1.0 + self.shift)

    def estimate(self, low: float = 0.0, high: float = 100.0) -> found.Estimate:
        value = self.number(low, high)
        return found.Estimate(value, value - 0.1 * (high - low), value + 0.2 * (high - low), 5)

    def board(self) -> Leaderboard:
        entries = tuple(AlgorithmEntry(name.split("(")[0], name, (10,), (5,), (0, 1)) for name in self.algorithms)
        parts = tuple(
            DatasetTable(dataset, TASK, tuple(self.row(*at) for at in product(self.curations, self.algorithms)))
            for dataset in self.datasets
        )
        count = len(parts) * len(parts[0].rows) if parts else 0
        few = FewSeeds(0, 0, 0, 0)
        lost = (("failed", 1),)
        return Leaderboard(tuple(self.rewards), parts, (), entries, (), (), (), few, count, 2 * count, lost)

    def row(self, curation: str, algorithm: str) -> Row:
        cells = [Cell(name, value := self.number(-5.0), value - 5.0, value + 5.0, 2, 2) for name in self.rewards]
        cells[-1] = Cell(self.rewards[-1], n_expected=2, outcomes=(("failed", 2),))
        known = self.number()
        return Row(curation, algorithm, algorithm.split("(")[0], 10, 5, known, tuple(cells), 4, 6)

    def shares(self) -> tuple[found.Shares, ...]:
        sources = ("coverage", "reward", "algorithm", "seed")
        return tuple(
            found.Shares(
                dataset, tuple((name, self.estimate(0.0, 0.5)) for name in sources), self.estimate(1.0, 3.0), ()
            )
            for dataset in ("", *self.datasets)
        )

    def leanings(self) -> tuple[found.Leaning, ...]:
        return tuple(
            found.Leaning("without", "algorithm", name, shares)
            for name, shares in zip(self.algorithms, self.shares(), strict=False)
        )

    def biases(self) -> tuple[found.PositiveBias, ...]:
        made = [
            found.PositiveBias(*at, self.estimate(0.0, 1.0), self.estimate(1.0, 8.0), "zero", 2.5, "a paper")
            for at in product(self.datasets, self.curations, self.algorithms)
        ]
        endless = found.Estimate(np.inf, 9.0, np.inf, 5)
        return (*made[1:], found.PositiveBias(*list(vars(made[0]).values())[:4], endless, "zero")) if made else ()

    def maps(self) -> tuple[found.PolicyMap, ...]:
        return tuple(
            found.PolicyMap(
                dataset,
                tuple(
                    found.MapPoint(f"{at:016x}", self.number(), self.number(), *names, seed, self.number())
                    for at, (*names, seed) in enumerate(product(self.curations, self.rewards, self.algorithms, SEEDS))
                ),
                (0.4, 0.2),
            )
            for dataset in self.datasets
        )

    def aggregates(self) -> tuple[found.Aggregate, ...]:
        return tuple(
            found.Aggregate(*at, *(self.estimate() for _ in range(4)), 4, ("a task",))
            for at in product(self.algorithms, self.rewards)
        )

    def profiles(self) -> tuple[found.Profile, ...]:
        made = (1.0, 0.5, 0.1)
        return tuple(found.Profile(*at, THRESHOLDS, made, made, made) for at in product(self.algorithms, self.rewards))

    def curves(self) -> tuple[Curve, ...]:
        return tuple(
            Curve(*at, 30, True, (10, 20, 30), tuple(self.estimate() for _ in range(3)), 40.0)
            for at in product(self.datasets, self.curations, self.algorithms, self.rewards)
        )

    def lengths(self) -> tuple[LengthTable, ...]:
        return tuple(
            LengthTable(
                *at,
                True,
                self.number(),
                self.number(),
                tuple(
                    RunPoint(*names, self.number(10.0, 1000.0), self.number())
                    for names in product(self.rewards, self.algorithms, SEEDS)
                ),
            )
            for at in product(self.datasets, self.curations)
        )

    def cells(self) -> tuple[found.CellFacts, ...]:
        names = product(self.datasets, self.curations, self.algorithms, self.rewards)
        return tuple(found.CellFacts(*at, *(self.estimate() for _ in range(7))) for at in names)

    def improvements(self) -> tuple[found.Improvement, ...]:
        return tuple(
            found.Improvement(a, "original", r, self.estimate(0.0, 1.0), 4)
            for a, r in product(self.algorithms, self.rewards)
        )

    def partitions(self) -> tuple[found.Partition, ...]:
        return tuple(
            found.Partition(d, "reward", self.number(), self.estimate(0.0, 1.0), 0.0125, 999) for d in self.datasets
        )

    def verdicts(self) -> tuple[found.Verdict, ...]:
        return tuple(
            found.Verdict(
                name, f"{name} hurts", "holds", "3.2 [1.0, 5.0]", tuple((d, "holds", "3") for d in self.datasets)
            )
            for name in self.rewards
        )


DRAWN: tuple[tuple[Callable[..., tuple[Figure, ...]], str], ...] = (
    (draw_heat_maps, "board"),
    (draw_lengths, "lengths"),
    (draw_positive_bias, "biases"),
    (draw_shares, "shares"),
    (draw_policy_maps, "maps"),
    (draw_aggregates, "aggregates"),
    (draw_profiles, "profiles"),
    (draw_curves, "curves"),
)
LAID_OUT: tuple[tuple[Callable[..., tuple[Table, ...]], str], ...] = (
    (leaderboard_tables, "board"),
    (completeness_tables, "board"),
    (share_tables, "shares"),
    (leaning_tables, "leanings"),
    (aggregate_tables, "aggregates"),
    (improvement_tables, "improvements"),
    (bias_tables, "biases"),
    (cell_tables, "cells"),
    (partition_tables, "partitions"),
    (verdict_tables, "verdicts"),
)


def draw_all(made: Made) -> tuple[Figure, ...]:
    """Every figure of these findings."""
    return tuple(figure for draw, name in DRAWN for figure in draw(getattr(made, name)()))


def lay_out_all(made: Made) -> tuple[Table, ...]:
    """Every table of these findings."""
    return tuple(table for lay_out, name in LAID_OUT for table in lay_out(getattr(made, name)()))
