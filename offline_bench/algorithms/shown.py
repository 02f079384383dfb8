"""What a learner shows, looked at before anything is measured by it: every step it was asked for, in plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from offline_bench.algorithms.learner import Snapshot
from offline_bench.core.errors import AlgorithmError


def look_through(made: Iterable[Snapshot], at: Sequence[int], name: str = "the learner") -> Iterator[Snapshot]:
    """The snapshots of `made`, with plain numbers in each; `name` says in errors whose they are.

    Raises `AlgorithmError` unless there is one for each step of `at`, in this order and no more, and where the learner
    leaves the program: a score of another step would pass for one of the last. Raises what `made` raises.
    """
    steps: list[int] = []
    try:
        for snapshot in made:
            if not isinstance(snapshot, Snapshot):
                raise AlgorithmError(f"{name} yielded a {type(snapshot).__name__}, and not a Snapshot")
            steps.append(_read_step(snapshot.step, name))
            if steps != list(at[: len(steps)]):
                break
            yield _make_plain(snapshot, steps[-1], name)
    except SystemExit as error:
        raise AlgorithmError(f"{name} left the program (SystemExit: {error}): raise an error instead") from error
    if steps != list(at):
        raise AlgorithmError(f"{name} was asked for snapshots at steps {list(at)} and gave {steps}")


def _read_step(step: Any, name: str) -> int:
    try:
        if step == int(step):
            return int(step)
    except (TypeError, ValueError, OverflowError):
        pass
    raise AlgorithmError(f"{name} gave a snapshot whose step is no whole number: {step!r:.40}")


def _make_plain(snapshot: Snapshot, step: int, name: str) -> Snapshot:
    if not isinstance(snapshot.weights, str):
        kind = type(snapshot.weights).__name__
        raise AlgorithmError(f"{name} gave a snapshot whose weights are a {kind}, and not the text of hash_weights")
    losses, facts = (_read_numbers(getattr(snapshot, what), what, name) for what in ("losses", "facts"))
    return replace(snapshot, step=step, losses=losses, facts=facts)


def _read_numbers(numbers: Any, what: str, name: str) -> dict[str, float]:
    """`numbers` by name, as records take them: what a library gives as a scalar of its own becomes a number."""
    try:
        if isinstance(numbers, Mapping):
            return {_read_name(key): value if type(value) is int else float(value) for key, value in numbers.items()}
    except (TypeError, ValueError, OverflowError):
        pass
    raise AlgorithmError(f"{name} gave a snapshot whose {what} are not numbers by name: {numbers!r:.80}")


def _read_name(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(key)
    return key
