"""The stacked trainer as a learner: it loads torch when it trains, not before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from offline_bench.algorithms.device import select_device
from offline_bench.algorithms.learner import Learner, Member, SlabSnapshot, Snapshot
from offline_bench.algorithms.ranges import check_ranges
from offline_bench.algorithms.reward_scaling import check_reward_scaler
from offline_bench.core.errors import EnvironmentMismatchError
from offline_bench.data.dataset import Dataset

if TYPE_CHECKING:
    from offline_bench.algorithms.stacked.algorithm import StackedAlgorithm
    from offline_bench.algorithms.stacked.checkpoint import Checkpoint

# Those that d3rlpy does not have.
OURS_ALONE = frozenset({"onestep", "pct-bc"})
# Name in a spec -> module and class.
STACKED = {
    "atac": ("atac", "ATAC"),
    "bc": ("bc", "BC"),
    "cql": ("cql", "CQL"),
    "iql": ("iql", "IQL"),
    "onestep": ("onestep", "OneStep"),
    "pct-bc": ("pct_bc", "PctBC"),
    "pspi": ("pspi", "PSPI"),
    "rebrac": ("rebrac", "ReBRAC"),
    "sac": ("sac", "SAC"),
    "td3-plus-bc": ("td3_plus_bc", "TD3PlusBC"),
}


@dataclass(frozen=True)
class StackedLearner:
    """One of the stacked algorithms with its parameters; runs of one `shape` and one dataset can train together."""

    name: str
    parameters: Mapping[str, Any]
    standardize: bool = True
    reward_scaler: str = "none"
    device: str = "cpu"
    trainer: str = field(default="stacked", init=False)

    @property
    def reads_rewards(self) -> bool:
        """See `learner.reads_rewards`."""
        return self.name != "bc"

    def check(self) -> None:
        """Raise `SpecError` where a parameter does not fit."""
        select_device(self.device)
        check_ranges(self.name, self.parameters)
        check_reward_scaler(self.reward_scaler)

    def check_data(self, data: Dataset) -> None:
        """See `fit.ChoosyLearner`."""
        if data.action_space.discrete or data.observations.ndim != 2:
            raise EnvironmentMismatchError(
                f"dataset {data.id!r} has discrete actions or observations that are not vectors: "
                f"{self.name} learns continuous actions from vectors."
            )

    def shape(self) -> tuple[Any, ...]:
        """What two runs must have in common to train together: all but the parameters that are vectors of a slab."""
        from torch import Tensor

        from offline_bench.algorithms.stacked.algorithm import parameter_kinds

        vectors = {name for name, kind in parameter_kinds(self.algorithm()).items() if kind is Tensor}
        shared = tuple(sorted((k, v) for k, v in self.parameters.items() if k not in vectors))
        return (self.name, shared, self.standardize, self.reward_scaler, self.device)

    def algorithm(self) -> type[StackedAlgorithm]:
        """The class that trains; imports torch."""
        module, name = STACKED[self.name]
        found: type[StackedAlgorithm] = getattr(import_module(f"offline_bench.algorithms.stacked.{module}"), name)
        return found

    def learn(
        self, data: Dataset, at: Sequence[int], seed: np.random.SeedSequence, progress: Callable[[int], None]
    ) -> Iterator[Snapshot]:
        """See `Learner.learn`: a slab of one."""
        for snapshot in self.learn_together([Member(self.parameters, data, seed)], at, progress):
            (error,) = snapshot.diverged
            if error is not None:
                raise error
            policy = SinglePolicy(snapshot.policy)
            yield Snapshot(snapshot.step, policy, snapshot.losses[0], snapshot.weights[0], snapshot.facts[0])

    def learn_together(
        self,
        members: Sequence[Member],
        at: Sequence[int],
        progress: Callable[[int], None],
        checkpoint: Checkpoint | None = None,
    ) -> Iterator[SlabSnapshot]:
        """Train `members`, which share the transitions and `shape`, for `at[-1]` steps; a snapshot at each of `at`.

        With a `checkpoint`, training goes on from where its file left it, without the snapshots in its notes.
        """
        from offline_bench.algorithms.stacked.slab import Setting, train_slab
        from offline_bench.core.threads import one_thread

        self.check()
        self.check_data(members[0].data)
        setting = Setting(self.algorithm(), self.standardize, self.reward_scaler, select_device(self.device))
        with one_thread():
            yield from train_slab(setting, members, at, progress, checkpoint)


@dataclass(frozen=True)
class SinglePolicy:
    """The policy of a slab of one."""

    slab: Any

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Observations (b, o) to actions (b, a), float32."""
        actions: np.ndarray = self.slab.act(observations[None])[0]
        return actions


def parameters_of(learner: Learner) -> Mapping[str, Any]:
    """What `learner` brings to a slab; nothing for one that trains alone."""
    return learner.parameters if isinstance(learner, StackedLearner) else {}


def open_checkpoint(path: Path, name: str) -> Checkpoint:
    """The checkpoint of the slab called `name` at `path`."""
    from offline_bench.algorithms.stacked.checkpoint import Checkpoint

    return Checkpoint(path, name)


def read_checkpoint_name(path: Path) -> str | None:
    """Which slab the checkpoint at `path` is of; None where it is no readable checkpoint."""
    from offline_bench.algorithms.stacked.checkpoint import read_header

    header = read_header(path)
    return str(header["name"]) if header else None
