"""The tabular learners that learn from data: cloning, and value iteration with and without pessimism."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.algorithms.learner import Snapshot
from offline_bench.algorithms.tabular.counts import Table, check_countable, tabulate
from offline_bench.algorithms.tabular.table_policy import TablePolicy, draw_best
from offline_bench.core.errors import SpecError
from offline_bench.data.dataset import Dataset

Array = npt.NDArray[Any]

# Of the largest value: closer than this, two values are one, and iteration has ended.
PRECISION = 1e-10


@dataclass(frozen=True)
class CountingLearner:
    """Behavior cloning: the action taken most often in each state; equals are drawn from."""

    trainer: str = field(default="tabular", init=False)
    reads_rewards: bool = field(default=False, init=False)

    def check(self) -> None:
        """There is nothing to check."""

    def check_data(self, data: Dataset) -> None:
        """See `fit.ChoosyLearner`; too many states are found when they are counted."""
        check_countable(data)

    def learn(
        self, data: Dataset, at: Sequence[int], seed: np.random.SeedSequence, progress: Callable[[int], None]
    ) -> Iterator[Snapshot]:
        """See `Learner.learn`; exact, so that every step shows the same policy, and none reads a reward."""
        table = tabulate(data)
        values = table.taken.astype(np.float64)
        yield from show(table, values, at, seed, {"states": float(len(table.states))})


@dataclass(frozen=True)
class IteratingLearner:
    """Value iteration on the empirical model, its rewards lowered by what the counts leave open.

    Q(s, a) = r̂(s, a) − b(n(s, a)) + γ Σ p̂(s' | s, a) max Q(s', ·), of what was seen, to convergence, with

        b(n) = beta · (high − low) / (1 − γ) · sqrt(log(2 · pairs / delta) / (2 n))

    the half-width of Hoeffding's interval for a mean of n values from an interval of (high − low) / (1 − γ), for all
    pairs of a state and an action at once with probability 1 − delta. low and high are the extremes of the rewards
    learned from, so that scaling or shifting them changes no policy; where they are equal, low is taken to be 1 below:
    having seen one reward says nothing against others. Values are not clipped at the least possible one, as the
    proofs do: below it everything would be equal. A pair never taken has the worst of both, (low − b(1)) / (1 − γ).

    With beta = None there is no pessimism: b = 0, and a pair never taken has the value `unseen`.
    Source: Rashidinejad et al. 2021 (VI-LCB) and Xie et al. 2021, with one constant instead of theirs.
    """

    gamma: float
    beta: float | None = None
    delta: float = 0.1
    unseen: float = 0.0
    trainer: str = field(default="tabular", init=False)

    def check(self) -> None:
        """Raise `SpecError` where a parameter is out of range."""
        if not 0.0 <= self.gamma < 1.0:
            raise SpecError(f"gamma must be in [0, 1), not {self.gamma!r}: otherwise values do not converge")
        if self.beta is not None and self.beta < 0.0:
            raise SpecError(f"beta is a number from 0, not {self.beta!r}")
        if not 0.0 < self.delta < 1.0:
            raise SpecError(f"delta must be in (0, 1), not {self.delta!r}")

    def check_data(self, data: Dataset) -> None:
        """See `fit.ChoosyLearner`; too many states are found when they are counted."""
        check_countable(data)

    def learn(
        self, data: Dataset, at: Sequence[int], seed: np.random.SeedSequence, progress: Callable[[int], None]
    ) -> Iterator[Snapshot]:
        """See `Learner.learn`; exact, so that every step shows the same policy."""
        self.check()
        table = tabulate(data)
        penalties, never = self._bounds(table, float(data.rewards.min()), float(data.rewards.max()))
        values = iterate(table, table.rewards - penalties, never, self.gamma)
        facts = {"states": float(len(table.states)), "never_taken": never, "largest_penalty": float(penalties.max())}
        yield from show(table, values, at, seed, facts)

    def _bounds(self, table: Table, low: float, high: float) -> tuple[Array, float]:
        """The penalty (pairs,) of each pair, and the value of one never taken."""
        if self.beta is None:
            return np.zeros(len(table.visits)), self.unseen
        low = high - 1.0 if low == high else low
        width = self.beta * (high - low) / (1.0 - self.gamma)
        one = width * math.sqrt(math.log(2 * len(table.visits) / self.delta) / 2)
        return one / np.sqrt(np.maximum(table.visits, 1)), (low - one) / (1.0 - self.gamma)


def iterate(table: Table, rewards: Array, never: float, gamma: float) -> Array:
    """Q (states, actions) at convergence for `rewards` (pairs,), with `never` where a pair was never taken."""
    values = np.where(table.visits > 0, 0.0, never)
    while True:
        ahead = values.reshape(-1, table.n_actions).max(axis=1)
        following = np.bincount(table.pair, table.share * ahead[table.onto], minlength=len(values))
        updated = np.where(table.visits > 0, rewards + gamma * following, never)
        moved, values = np.abs(updated - values).max(), updated
        if moved <= PRECISION * max(1.0, np.abs(values).max()):
            return values.reshape(-1, table.n_actions)


def show(
    table: Table, values: Array, at: Sequence[int], seed: np.random.SeedSequence, facts: dict[str, float]
) -> Iterator[Snapshot]:
    """A snapshot for each step of `at` of the policy that is greedy in `values` (states, actions)."""
    (draws,) = seed.spawn(1)
    near = 100 * PRECISION * max(1.0, float(np.abs(values).max()))
    best = values >= values.max(axis=1, keepdims=True) - near
    actions = draw_best(best, np.random.default_rng(draws))
    policy = TablePolicy(table.states, actions, table.n_actions, int(draws.generate_state(1)[0]))
    digest = hashlib.sha256(b"".join(table.states.number_of) + values.tobytes() + actions.tobytes()).hexdigest()[:16]
    for step in at:
        yield Snapshot(step, policy, {}, digest, facts)
