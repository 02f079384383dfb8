"""A learner that is a program of its own: it is handed a D4RL file, and acts over a pipe or tells its returns."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.algorithms.handed_file import hand_over
from offline_bench.algorithms.learner import Learner, Snapshot, algorithms, hash_weights
from offline_bench.algorithms.pipe import Program
from offline_bench.core.errors import AlgorithmError, SpecError
from offline_bench.core.registry import unknown_name
from offline_bench.data.dataset import Dataset
from offline_bench.evaluation.policy import ToldReturns

Array = npt.NDArray[Any]

PROGRAMS = ("command", "external-command")
PLACES = ("data", "out", "seed", "steps", "at")
LONGEST_PATIENCE = 1e6  # seconds
PROBES = 64  # rows of the data by whose actions a policy is known again


@algorithms.register("command")
def command(*, line: str, patience: float = 600.0, reads_rewards: bool = True) -> Learner:
    """A program of its own, as 'python train.py {data} {out} --seed {seed} --steps {steps}', that acts over a pipe.

    No shell reads `line`. `patience` is in seconds without a word of the program.
    """
    return CommandLearner(line, patience, reads_rewards)


@algorithms.register("external-command")
def external_command(*, line: str, patience: float = 600.0, reads_rewards: bool = True) -> Learner:
    """As `command`, of a program that evaluates itself: its returns are external, and none is measured here."""
    return CommandLearner(line, patience, reads_rewards, external=True)


@dataclass(frozen=True)
class CommandLearner:
    """The program of `line`, started anew for every run."""

    line: str
    patience: float
    reads_rewards: bool = True
    external: bool = False

    @property
    def trainer(self) -> str:
        """Who trained and, where it is another, who evaluated."""
        return "external" if self.external else "command"

    def check(self) -> None:
        """Raise `SpecError` for a line that cannot be split, lacks {data}, or has a place that is not known."""
        words = self._words()
        for place in re.findall(r"\{(\w*)\}", self.line):
            if place not in PLACES:
                raise SpecError(f"in the command {self.line!r}: {unknown_name('place', place, PLACES)}")
        if not words or "{data}" not in self.line:
            raise SpecError(
                f"the command {self.line!r} lacks {{data}}: put it where the program is given the path of its data file"
            )
        if not 0.0 < self.patience <= LONGEST_PATIENCE:
            raise SpecError(f"patience is from above 0 to {LONGEST_PATIENCE:,.0f} seconds, not {self.patience!r}")

    def learn(
        self, data: Dataset, at: Sequence[int], seed: np.random.SeedSequence, progress: Callable[[int], None]
    ) -> Iterator[Snapshot]:
        """See `Learner.learn`. A line without {at} is started once for each step of `at`, which is its {steps}.

        Raises `AlgorithmError`, with the last lines of the program, where that does not keep to the protocol.
        """
        self.check()
        starts = [tuple(at)] if "{at}" in self.line else [(step,) for step in at]
        with tempfile.TemporaryDirectory(prefix="offline-bench-") as scratch:
            path = Path(scratch) / "data.hdf5"
            hand_over(data, path)
            for number, steps in enumerate(starts):
                out = Path(scratch) / f"out-{number}"
                out.mkdir()
                places = {
                    "data": path,
                    "out": out,
                    "seed": int(seed.generate_state(1)[0]),
                    "steps": steps[-1],
                    "at": ",".join(map(str, steps)),
                }
                program = Program(fill(self._words(), places), Path(scratch) / f"log-{number}", self.patience)
                try:
                    yield from self._follow(program, data, steps, progress)
                finally:
                    program.close()

    def _follow(
        self, program: Program, data: Dataset, steps: Sequence[int], progress: Callable[[int], None]
    ) -> Iterator[Snapshot]:
        for step in steps:
            said = _hear_snapshot(program, step, progress)
            if self.external != ("returns" in said):
                tells, name = ("no returns", "command") if self.external else ("returns", "external-command")
                raise AlgorithmError(f"the program sent {tells} at step {step}: use `{name}` for such a program")
            losses = _read_losses(said)
            if self.external:
                returns = _read_numbers(said["returns"], "returns")
                if returns.ndim != 1:
                    raise AlgorithmError(f"the program sent returns of shape {returns.shape}, not one for each episode")
                yield Snapshot(step, ToldReturns(tuple(returns.tolist())), losses, hash_weights([returns]))
            else:
                policy = PipePolicy(program, data.action_space.discrete, data.actions.shape[1:])
                probes = policy.act(data.observations[:PROBES])
                yield Snapshot(step, policy, losses, hash_weights([probes]))
            program.say({"continue": True})

    def _words(self) -> list[str]:
        try:
            return shlex.split(self.line)
        except ValueError as error:
            raise SpecError(f"the command {self.line!r} cannot be split into words: {error}") from error


@dataclass(frozen=True)
class PipePolicy:
    """A policy at the other end of a pipe. A program with memory goes by the numbers of the episodes."""

    program: Program
    discrete: bool
    shape: tuple[int, ...]
    trained_by: str = field(default="command", init=False)

    def act(self, observations: Array) -> Array:
        """Actions (b, *shape) for observations (b, size), each of an episode of its own."""
        return self.act_in(np.full(len(observations), -1), observations)

    def act_in(self, episodes: Array, observations: Array) -> Array:
        """See `EpisodicPolicy`. Raises `AlgorithmError` where what comes back are no actions."""
        question = {"observations": np.asarray(observations).tolist(), "episodes": np.asarray(episodes).tolist()}
        answer = self.program.ask(question)
        actions = _read_numbers(answer.get("actions"), "actions")
        if actions.shape != (len(observations), *self.shape):
            wanted = (len(observations), *self.shape)
            raise AlgorithmError(f"the program gave actions of shape {actions.shape}, not {wanted}")
        if self.discrete and (actions % 1.0).any():
            raise AlgorithmError(f"the program gave actions that are not whole numbers: {actions[:4].tolist()}")
        return actions.astype(np.int64) if self.discrete else actions.astype(np.float32)


def fill(words: Sequence[str], places: Mapping[str, object]) -> list[str]:
    """`words` with each {place} filled; no word is split again, whatever is filled in."""
    return [re.sub(r"\{(\w+)\}", lambda found: str(places[found[1]]), word) for word in words]


def _hear_snapshot(program: Program, step: int, progress: Callable[[int], None]) -> dict[str, Any]:
    while True:
        said = program.hear()
        if "snapshot" in said:
            if said["snapshot"] != step:
                raise AlgorithmError(
                    f"the program sent a snapshot of step {said['snapshot']!r:.40}, not of step {step}"
                )
            return said
        if type(said.get("progress")) is not int:
            raise AlgorithmError(
                f"the program sent {said!r:.120} before step {step}: it may send only progress or a snapshot there"
            )
        progress(min(max(said["progress"], 0), step))


def _read_losses(said: Mapping[str, Any]) -> dict[str, float]:
    losses = said.get("losses", {})
    try:
        if isinstance(losses, dict) and all(type(value) in (int, float) for value in losses.values()):
            return {str(name): float(value) for name, value in losses.items()}
    except OverflowError:  # JSON knows whole numbers of any length
        pass
    raise AlgorithmError(f"the program sent losses that are not numbers by name: {losses!r:.120}")


def _read_numbers(value: Any, what: str) -> Array:
    try:
        numbers = np.array(value)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    # Texts, truth values and whole numbers beyond 64 bits are of other kinds.
    if not numbers.size or numbers.dtype.kind not in "iuf" or not np.isfinite(numbers).all():
        raise AlgorithmError(f"the program sent {what} that are not finite numbers: {value!r:.120}")
    return numbers.astype(np.float64)
