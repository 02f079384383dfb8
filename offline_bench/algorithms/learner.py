"""What an algorithm is: something that learns from a dataset and shows its policy at the steps asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from offline_bench.core.errors import DivergedError
from offline_bench.core.registry import Registry
from offline_bench.data.dataset import Dataset
from offline_bench.evaluation.policy import Policy
from offline_bench.evaluation.rollout import SlabPolicy


@dataclass(frozen=True)
class Snapshot:
    """A learner at one step. `policy` is good until the learner is asked for its next snapshot.

    losses    mean of each loss since the snapshot before
    weights   sixteen hex digits over all weights, exact to the bit
    facts     what the learner decided from the data, for the record
    """

    step: int
    policy: Policy
    losses: dict[str, float]
    weights: str
    facts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """One run of a slab: its algorithm's parameters, what it learns from, and the seed of its stream."""

    parameters: Mapping[str, Any]
    data: Dataset
    seed: np.random.SeedSequence


@dataclass(frozen=True)
class SlabSnapshot:
    """Runs that train together, at one step; lists have an entry per run.

    policy     all their policies at once, good until the next snapshot is asked for
    losses     mean of each loss since the snapshot before
    weights    sixteen hex digits over all weights, exact to the bit
    diverged   when and how the run left the finite numbers; None where it did not
    facts      what the learner decided from the data, for the record
    """

    step: int
    policy: SlabPolicy
    losses: list[dict[str, float]]
    weights: list[str]
    diverged: list[DivergedError | None]
    facts: list[dict[str, float]]


class Learner(Protocol):
    """An algorithm with its parameters bound.

    One that learns the same whatever the rewards are says so by an attribute, `reads_rewards = False`; see
    `reads_rewards`.
    """

    @property
    def trainer(self) -> str:
        """Which implementation trains, for the record."""

    def check(self) -> None:
        """Raise `SpecError` where the parameters do not fit; called once before anything trains."""

    def learn(
        self, data: Dataset, at: Sequence[int], seed: np.random.SeedSequence, progress: Callable[[int], None]
    ) -> Iterator[Snapshot]:
        """Train on `data.rewards` for `at[-1]` gradient steps, yielding a snapshot at each step of `at`, ascending.

        Calls `progress(step)` now and then. Raises `DivergedError` where a loss or weight stops being finite.
        """


def reads_rewards(learner: Learner) -> bool:
    """Whether `learner` says that it learns from rewards; one that says nothing is taken to."""
    return bool(getattr(learner, "reads_rewards", True))


def hash_weights(arrays: Iterable[Any]) -> str:
    """Sixteen hex digits over all numbers of `arrays`, to the bit: a `Snapshot`'s `weights`. Tensors will do."""
    digest = hashlib.sha256()
    for array in arrays:
        numbers = np.ascontiguousarray(array)
        digest.update(f"{numbers.dtype.str}{numbers.shape}".encode() + numbers.tobytes())
    return digest.hexdigest()[:16]


algorithms: Registry[Callable[..., Learner]] = Registry("algorithm")
