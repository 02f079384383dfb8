"""The training of a slab, from where its checkpoint left it to the last step, with a snapshot wherever asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from offline_bench.algorithms.allocator import keep_freed_memory
from offline_bench.algorithms.learner import Member, SlabSnapshot
from offline_bench.algorithms.stacked.algorithm import Slab, StackedAlgorithm
from offline_bench.algorithms.stacked.checkpoint import Checkpoint, State
from offline_bench.algorithms.stacked.draws import Draw, Draws, weights_rng
from offline_bench.algorithms.stacked.history import LossHistory
from offline_bench.algorithms.stacked.transitions import Scaling, Transitions
from offline_bench.core.errors import DivergedError

PROGRESS_EVERY = 200
CHECKPOINT_EVERY = 2_000


@dataclass(frozen=True)
class Setting:
    """What the runs of a slab share beside their data."""

    algorithm: type[StackedAlgorithm]
    standardize: bool
    reward_scaler: str
    device: str = "cpu"


class SlabTraining:
    """A slab in training; `step` gradient steps are done."""

    def __init__(self, setting: Setting, members: Sequence[Member]) -> None:
        keep_freed_memory()
        self.members = members
        self.transitions = Transitions(
            [member.data for member in members],
            setting.standardize,
            setting.reward_scaler,
            setting.device,
            [setting.algorithm.select(member) for member in members],
        )
        slab = Slab(
            observation_size=self.transitions.observation_size,
            action_size=self.transitions.action_size,
            parameters=[member.parameters for member in members],
            weights_rngs=[weights_rng(member.seed) for member in members],
            reward_ranges=self.transitions.reward_ranges,
            n_starts=self.transitions.n_starts,
            device=setting.device,
        )
        self.algorithm = setting.algorithm(slab)
        rows = Draw("index", (self.algorithm.batch_size,), self.transitions.counts)
        plan = {"rows": rows, **self.algorithm.plan_draws()}
        self.draws = Draws(plan, [member.seed for member in members], setting.device)
        self.history = LossHistory(len(members))
        self.step = 0

    def advance(self, until: int) -> None:
        """Train to step `until`; nothing on the way waits for the device."""
        for step in range(self.step, until):
            batch = self.transitions.gather(self.draws.at(step))
            self.history.note(step, self.algorithm.update(batch, step))
        self.step = until
        for run in self.history.flush():
            self.algorithm.freeze(run)

    def state(self) -> State:
        """The slab as it stands, for a checkpoint."""
        tensors = {name: tensor.contiguous().cpu().numpy() for name, tensor in self.algorithm.state().items()}
        history = self.history
        return State(self.step, tensors, history.told_sums(), dict(history.counts), history.told_diverged())

    def resume(self, state: State) -> None:
        """Go on from `state`, whose tensors have the shapes of this slab's."""
        with torch.no_grad():
            for name, tensor in self.algorithm.state().items():
                tensor.copy_(torch.from_numpy(state.tensors[name]))
        self.history.resume(state.sums, state.counts, state.diverged)
        self.step = state.step

    def snapshot(self) -> SlabSnapshot:
        """The slab as it stands; the losses are means since the snapshot before."""
        weights = []
        for run in range(len(self.members)):
            digest, finite = _digest(self.algorithm, run)
            weights.append(digest)
            if not finite and self.history.diverged[run] is None:
                self.history.diverged[run] = DivergedError(self.step, "a weight")
        policy = StackedPolicy(self.algorithm, self.transitions.scaling)
        return SlabSnapshot(
            self.step, policy, self.history.take_means(), weights, list(self.history.diverged), self.transitions.facts
        )


@dataclass(frozen=True)
class StackedPolicy:
    """The greedy policies of a slab, as they stand when asked."""

    algorithm: StackedAlgorithm
    scaling: Scaling

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Observations (runs, e, o) to actions (runs, e, a), float32."""
        scaled = torch.from_numpy(self.scaling.observations(observations)).to(self.algorithm.slab.device)
        with torch.no_grad():
            # A policy that diverged stands still; what it does is not looked at.
            actions = self.algorithm.act(scaled).nan_to_num().cpu().numpy()
        return self.scaling.actions_to_box(actions)


def train_slab(
    setting: Setting,
    members: Sequence[Member],
    at: Sequence[int],
    progress: Callable[[int], None],
    checkpoint: Checkpoint | None = None,
) -> Iterator[SlabSnapshot]:
    """Train `members` together for `at[-1]` steps, yielding a snapshot at each step of `at` not yet in `checkpoint`.

    Where all runs have diverged, the last snapshot comes at once. Where a checkpoint is given, it is written every
    `CHECKPOINT_EVERY` steps and before each snapshot, and training goes on from it to the bit as if it had never
    stopped.
    """
    training = SlabTraining(setting, members)
    if checkpoint is not None:
        shapes = {name: tuple(tensor.shape) for name, tensor in training.algorithm.state().items()}
        state = checkpoint.restore(shapes)
        if state is not None:
            training.resume(state)
    shown = checkpoint.shown() if checkpoint is not None else set()
    every = {step for size in (PROGRESS_EVERY, CHECKPOINT_EVERY) for step in range(size, at[-1], size)}
    for stop in sorted({*at, *every}):
        if stop < training.step or (stop == training.step and stop not in at) or stop in shown:
            continue
        training.advance(stop)
        progress(stop)
        if checkpoint is not None and (stop % CHECKPOINT_EVERY == 0 or stop in at):
            checkpoint.save(training.state())
        if stop in at or all(training.history.diverged):
            yield training.snapshot()
        if all(training.history.diverged):
            return


def _digest(algorithm: StackedAlgorithm, run: int) -> tuple[str, bool]:
    digest, finite = hashlib.sha256(), True
    for name, tensor in algorithm.weights_of(run).items():
        array = tensor.cpu().numpy()
        finite &= bool(np.isfinite(array).all())
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16], finite
