"""What training and evaluating made of runs: of one alone, or of a slab together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from offline_bench.algorithms import Learner, Member, SlabSnapshot, StackedLearner, look_through, open_checkpoint
from offline_bench.core.errors import (
    DivergedError,
    EnvironmentMismatchError,
    EvaluationError,
    PlaceError,
    StorageError,
    describe_exception,
)
from offline_bench.data.dataset import Dataset
from offline_bench.data.episode import Episode
from offline_bench.environments.steppers import Steppers
from offline_bench.evaluation.evaluate import evaluate, evaluate_slab
from offline_bench.evaluation.exact import exact_outcomes
from offline_bench.evaluation.policy import ToldReturns
from offline_bench.runs.faults import describe_fault, is_of_the_place
from offline_bench.runs.record import CurvePoint

if TYPE_CHECKING:
    from offline_bench.algorithms.stacked.checkpoint import Checkpoint


@dataclass
class Outcome:
    """What became of one run.

    curve    what each evaluation found, the last included
    last     the episodes of the last evaluation
    told     its returns as an external program told them; there are no episodes then
    weights  the policy's fingerprint then
    facts    what the learner decided from the data, and where it can be computed what comes of the policy, see `exact`
    evaluating  seconds by the clock that its evaluations took; of a slab, its share
    """

    status: str = "ok"
    reason: str = ""
    curve: list[CurvePoint] = field(default_factory=list)
    last: list[Episode] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    weights: str = ""
    facts: dict[str, float] = field(default_factory=dict)
    ended_at: int | None = None
    evaluating: float = 0.0

    def end_with(self, error: Exception | SystemExit) -> None:
        """End as diverged or failed: evaluations on the way stay, and there is no last one."""
        self.status = "diverged" if isinstance(error, DivergedError) else "failed"
        self.reason = describe_exception(error)
        self.ended_at = error.step if isinstance(error, DivergedError) else None
        self.last, self.told, self.weights = [], [], ""

    @property
    def returns(self) -> list[float]:
        """The true return of each episode of the last evaluation."""
        return self.told or returns_of(self.last)


def train_members(
    learner: Learner,
    members: Sequence[Member],
    at: Sequence[int],
    episodes: int,
    progress: Callable[[int], None],
    checkpoint: Checkpoint | None = None,
) -> list[Outcome]:
    """Train `members` and evaluate each at the steps of `at`, together where the learner can.

    What goes wrong in training becomes a run's status. Raises `StorageError` where a checkpoint cannot be written, and
    `PlaceError` where this machine let the runs down: that is no status of theirs.
    """
    if not isinstance(learner, StackedLearner):
        return [train_alone(learner, member, at, episodes, progress) for member in members]
    try:
        return train_together(learner, members, at, episodes, progress, checkpoint)
    except (StorageError, PlaceError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a learner raises is data, and the suite goes on
        if len(members) > 1:
            # One of them may be to blame, or all of them too large: the halves meet their own fates.
            return _train_halves(learner, members, at, episodes, progress, checkpoint)
        outcome = Outcome()
        _end(outcome, error)
        return [outcome]


def _train_halves(
    learner: StackedLearner,
    members: Sequence[Member],
    at: Sequence[int],
    episodes: int,
    progress: Callable[[int], None],
    checkpoint: Checkpoint | None,
) -> list[Outcome]:
    """`train_members` of one half, then of the other, each with a checkpoint of its own."""
    middle = len(members) // 2
    outcomes: list[Outcome] = []
    for number, half in enumerate((members[:middle], members[middle:])):
        kept = None
        if checkpoint is not None:
            path = checkpoint.path.with_name(f"{checkpoint.path.stem}.{number}{checkpoint.path.suffix}")
            kept = open_checkpoint(path, f"{checkpoint.name} half {number}")
        tell = partial(_tell_of_half, progress, len(outcomes) * at[-1] // len(members), len(half) / len(members))
        outcomes += train_members(learner, half, at, episodes, tell, kept)
    return outcomes


def _tell_of_half(progress: Callable[[int], None], before: int, share: float, step: int) -> None:
    progress(before + int(share * step))


def train_alone(
    learner: Learner, member: Member, at: Sequence[int], episodes: int, progress: Callable[[int], None]
) -> Outcome:
    """Train one run and evaluate it at each step of `at`."""
    outcome = Outcome()
    try:
        environment = _environment(member.data)
        for snapshot in look_through(learner.learn(member.data, at, member.seed, progress), at):
            outcome.weights = snapshot.weights
            if isinstance(snapshot.policy, ToldReturns):
                outcome.told = list(snapshot.policy.returns)
                check_told(outcome.told, episodes, snapshot.step)
                outcome.curve.append(CurvePoint(snapshot.step, outcome.told, snapshot.losses))
                continue
            started = time.monotonic()
            outcome.last = evaluate(snapshot.policy, environment, episodes)
            outcome.evaluating += time.monotonic() - started
            check_returns(returns_of(outcome.last), snapshot.step)
            outcome.curve.append(CurvePoint(snapshot.step, returns_of(outcome.last), snapshot.losses))
            outcome.facts = {**snapshot.facts, **exact_outcomes(snapshot.policy, environment)}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as above; a policy may leave the program too
        _end(outcome, error)
    return outcome


def train_together(
    learner: StackedLearner,
    members: Sequence[Member],
    at: Sequence[int],
    episodes: int,
    progress: Callable[[int], None],
    checkpoint: Checkpoint | None = None,
) -> list[Outcome]:
    """Train the runs of a slab and evaluate all of them at each step of `at`; raises what goes wrong with the slab.

    A run that diverged says so in its outcome. With a `checkpoint`, what an earlier start found is not found again.
    """
    environment = _environment(members[0].data)
    outcomes = [Outcome() for _ in members]
    notes: dict[str, Any] = checkpoint.notes if checkpoint is not None else {}
    with Steppers(environment, 1) as steppers:
        for snapshot in learner.learn_together(members, at, progress, checkpoint):
            started = time.monotonic()
            found = evaluate_slab(snapshot.policy, len(members), environment, episodes, steppers)
            share = (time.monotonic() - started) / len(members)
            notes[str(snapshot.step)] = [
                [returns_of(run), losses] for run, losses in zip(found, snapshot.losses, strict=True)
            ]
            _conclude(outcomes, snapshot, found, share)
    for run, outcome in enumerate(outcomes):
        _draw_curve(outcome, {int(step): told[run] for step, told in notes.items()})
    return outcomes


def check_returns(returns: Sequence[float], step: int) -> None:
    """Raise `EvaluationError` where the evaluation at `step` found a true return that is no finite number."""
    for episode, value in enumerate(returns, start=1):
        if not math.isfinite(value):
            raise EvaluationError(
                f"the true return of evaluation episode {episode} at step {step} is {value}: its rewards do not add "
                "up to a finite number"
            )


def check_told(returns: Sequence[float], episodes: int, step: int) -> None:
    """Raise `EvaluationError` unless a program sent one finite return for each of `episodes`."""
    check_returns(returns, step)
    if len(returns) != episodes:
        raise EvaluationError(
            f"the program sent {len(returns)} returns at step {step}, but the run has {episodes} evaluation episodes. "
            "Make the two numbers equal: change the command, or --episodes of the run"
        )


def _end(outcome: Outcome, error: Exception | SystemExit) -> None:
    """End `outcome` as `error` wants it. Raises `PlaceError`, and `StorageError` as it is, where it is no status."""
    if isinstance(error, PlaceError | StorageError):
        raise error
    if is_of_the_place(error):
        raise PlaceError(describe_fault(error)) from error
    outcome.end_with(error)


def returns_of(episodes: Sequence[Episode]) -> list[float]:
    """The true return of each episode."""
    return [float(np.sum(episode.rewards)) for episode in episodes]


def _draw_curve(outcome: Outcome, notes: dict[int, Any]) -> None:
    """Fill the curve of `outcome` from what was noted of it at each step, up to where it ended."""
    for step, (returns, losses) in sorted(notes.items()):
        if outcome.ended_at is not None and step >= outcome.ended_at:
            return
        try:
            check_returns(returns, step)
        except EvaluationError as error:
            outcome.end_with(error)
            return
        outcome.curve.append(CurvePoint(step, returns, losses))


def _conclude(
    outcomes: Sequence[Outcome], snapshot: SlabSnapshot, found: Sequence[list[Episode]], evaluating: float
) -> None:
    told = zip(outcomes, found, snapshot.weights, snapshot.diverged, snapshot.facts, strict=True)
    for outcome, episodes, weights, error, facts in told:
        outcome.evaluating += evaluating
        if error is None:
            outcome.last, outcome.weights, outcome.facts = episodes, weights, facts
        else:
            outcome.end_with(error)


def _environment(data: Dataset) -> str:
    if not data.environment:
        raise EnvironmentMismatchError(f"dataset {data.id!r} names no environment, so no policy can be evaluated.")
    return data.environment
