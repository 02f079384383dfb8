"""The contract of an algorithm, tried on small datasets: what a learner of one's own keeps before it is trusted."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.algorithms.learner import Snapshot, reads_rewards
from offline_bench.algorithms.shown import look_through
from offline_bench.algorithms.trainers import build_learner
from offline_bench.core.errors import AlgorithmError, EnvironmentMismatchError, OfflineBenchError, describe_exception
from offline_bench.core.seeds import training_seed
from offline_bench.data.action_range import find_action_range
from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.data.learner_view import LearnerView
from offline_bench.evaluation.policy import EpisodicPolicy
from offline_bench.schemes.checks import sample_dataset

Array = npt.NDArray[Any]

STEPS = 20
# Of the width of the box: an action may be outside by rounding.
ROUNDING = 1e-5
REWARDS: dict[str, Callable[[Array], Array]] = {
    "zero": np.zeros_like,
    "negative": np.negative,
    "reversed": lambda rewards: rewards[::-1].copy(),
}
_names = count()


@dataclass(frozen=True)
class _Shown:
    """What a snapshot showed: its step, the fingerprint of its weights, and its actions on some observations."""

    step: int
    weights: str
    actions: Array


def check_algorithm(text: str, steps: int = STEPS) -> None:
    """The contract of the algorithm that `text` names, e.g. 'iql(expectile=0.9)', tried by training for `steps` steps.

        snapshots   one at each step that is asked for, ascending, and no other
        actions     finite, of shape (b, action_size), in the box of the action space; discrete: (b,), one of n
        same bits   one seed gives the same weights and actions twice, whatever the global generators stand at
        globals     random, numpy.random and torch's generator stand where they did, and torch has as many threads;
                    other settings that runs share are as they were: torch's dtype and gradients, numpy's errors, folder
        no truth    the true reward is not asked for, and the data is not written to
        rewards     other rewards change weights or actions just where the learner says `reads_rewards`, as it does
                    where it has no such attribute
        memory      nothing holds on to the data or the policies once training is over

    Discrete actions are tried where it does not learn from continuous ones. A learner that ignores rewards at first, as
    a warm start does, is to be tried with `steps` beyond that. Raises `AlgorithmError` saying what it broke,
    `TrueRewardError`, `SpecError`, `UnknownNameError`.
    """
    if steps < 2:
        raise AlgorithmError(f"the check of an algorithm needs at least 2 steps, not {steps}")
    build_learner(text).check()
    at = (steps // 2, steps)
    before = _global_states()
    try:
        first, make = _train(text, _continuous(), at), _continuous
    except (EnvironmentMismatchError, _FailedError) as refusal:
        try:
            first, make = _train(text, _discrete(), at), _discrete
        except (EnvironmentMismatchError, _FailedError):
            if isinstance(refusal, _FailedError):
                raise AlgorithmError(str(refusal)) from refusal
            told = f"refused every sample dataset, so it was not tried: {refusal}"
            raise AlgorithmError(f"algorithm {text} {told}") from refusal
    _check_states(text, before)
    _check_same(text, make, at, first)
    _check_reading(text, make, at, first)
    _check_memory(text, make, at)


class _FailedError(AlgorithmError):
    """Something that is no deliberate error was raised."""


def _check_states(text: str, before: dict[str, Array]) -> None:
    touched = [name for name, state in before.items() if not np.array_equal(state, _global_states()[name])]
    if touched:
        raise AlgorithmError(
            f"algorithm {text} changed the global state of {', '.join(touched)}, which other runs share. Draw from a "
            "generator made from the given seed, or restore the global state"
        )


def _check_same(text: str, make: Callable[[], Dataset], at: tuple[int, int], first: Sequence[_Shown]) -> None:
    from offline_bench.algorithms.determinism import seeded

    with seeded(np.random.SeedSequence(1)):
        again = _train(text, make(), at)
    if not _are_same(first, again):
        raise AlgorithmError(
            f"algorithm {text} gave two results for one seed. Draw all random numbers from the given seed, not from a "
            "global generator, a clock or the order of a set"
        )


def _check_reading(text: str, make: Callable[[], Dataset], at: tuple[int, int], first: Sequence[_Shown]) -> None:
    said = reads_rewards(build_learner(text))
    changed = [
        name
        for name, other in REWARDS.items()
        if not _are_same(first, _train(text, make().with_rewards(other(make().rewards), name), at))
    ]
    if changed and not said:
        raise AlgorithmError(
            f"algorithm {text} declares reads_rewards = False, but other rewards changed what it learned ({changed[0]})"
        )
    if said and not changed:
        raise AlgorithmError(
            f"algorithm {text} does not read rewards: true, {', '.join(REWARDS)} ones gave the same weights and the "
            f"same actions after {at[-1]} steps. Declare `reads_rewards = False` on the learner. If its warm start "
            "reads no rewards, check it with more steps instead"
        )


def _check_memory(text: str, make: Callable[[], Dataset], at: tuple[int, int]) -> None:
    kept: dict[str, weakref.ref[Any]] = {}
    _train(text, make(), at, kept)
    gc.collect()
    held = sorted({name for name, one in kept.items() if one() is not None})
    if held:
        raise AlgorithmError(
            f"algorithm {text} does not give memory back: after its training, {', '.join(held)} are still held, "
            "perhaps by a cache or a list outside `learn`. A suite trains thousands of runs in one process, so free "
            "them"
        )


def _train(
    text: str, data: Dataset, at: tuple[int, int], kept: dict[str, weakref.ref[Any]] | None = None
) -> list[_Shown]:
    """What each snapshot of a training on `data` shows. Raises `AlgorithmError` for what breaks on the way."""
    view, learner, told = LearnerView.of(data), build_learner(text), list[int]()
    seen = data.observations.astype(np.float64)  # as environments give them
    if kept is not None:
        kept |= {name: weakref.ref(getattr(view, name)) for name in ("observations", "actions", "rewards")}
    shown = []
    for snapshot in _snapshots(text, learner.learn(view, at, training_seed(0), told.append), at):
        if kept is not None:
            with suppress(TypeError):  # some objects cannot be referred to weakly
                kept["policies"] = weakref.ref(snapshot.policy)
        actions = [_act(text, snapshot, rows) for rows in (seen[:1], seen[:7])]
        for rows, found in zip((1, 7), actions, strict=True):
            _check_actions(text, found, rows, data)
        shown.append(_Shown(snapshot.step, snapshot.weights, actions[1]))
        del snapshot
    odd = [step for step in told if not isinstance(step, Integral) or not 0 <= step <= at[-1]]
    if odd:
        raise AlgorithmError(f"algorithm {text} reported progress that is none of its {at[-1]} steps: {odd[0]!r:.40}")
    return shown


def _snapshots(text: str, made: Iterator[Snapshot], at: tuple[int, int]) -> Iterator[Snapshot]:
    try:
        yield from look_through(made, at, f"algorithm {text}")
    except OfflineBenchError:
        raise
    except Exception as error:
        raise _FailedError(f"algorithm {text} failed on a small dataset: {describe_exception(error)}") from error


def _act(text: str, snapshot: Snapshot, seen: Array) -> Array:
    policy = snapshot.policy
    try:
        if isinstance(policy, EpisodicPolicy):
            return np.asarray(policy.act_in(np.array([next(_names) for _ in seen]), seen))
        return np.asarray(policy.act(seen))
    except OfflineBenchError:
        raise
    except (Exception, SystemExit) as error:
        raise _FailedError(f"the policy of algorithm {text} failed to act: {describe_exception(error)}") from error


def _check_actions(text: str, actions: Array, rows: int, data: Dataset) -> None:
    wanted = (rows, *data.actions.shape[1:])
    told = f"the policy of algorithm {text}, shown observations ({rows}, {data.observations.shape[1]}),"
    if actions.shape != wanted:
        raise AlgorithmError(f"{told} gave actions of shape {actions.shape}, not {wanted}")
    if actions.dtype.kind not in "iuf" or not np.isfinite(actions).all():
        raise AlgorithmError(f"{told} gave actions that are not finite numbers")
    if data.action_space.discrete:
        if not (np.isin(actions, np.arange(data.action_space.n))).all():
            raise AlgorithmError(f"{told} gave an action outside 0 to {data.action_space.n - 1}")
        return
    box = find_action_range(data)
    reach = ROUNDING * (box.high - box.low)
    if (actions < box.low - reach).any() or (actions > box.high + reach).any():
        worst = actions[np.unravel_index(np.argmax(np.abs(actions)), actions.shape)]
        raise AlgorithmError(
            f"{told} left the box of the action space, {box.low.tolist()} to {box.high.tolist()}, with {worst:.4g}"
        )


def _are_same(one: Sequence[_Shown], other: Sequence[_Shown]) -> bool:
    return all(a.weights == b.weights and np.array_equal(a.actions, b.actions) for a, b in zip(one, other, strict=True))


def _global_states() -> dict[str, Array]:
    import torch

    _, words, *legacy = np.random.get_state()  # noqa: NPY002
    return {
        "random": np.array(hash(random.getstate())),
        "numpy.random": np.array([*np.asarray(words, float), *map(float, legacy)]),
        "torch's generator": torch.random.get_rng_state().numpy(),
        "torch's threads": np.array(torch.get_num_threads()),
        "torch's default dtype": np.array(str(torch.get_default_dtype())),
        "torch's gradients": np.array(torch.is_grad_enabled()),
        "numpy's errors": np.array(sorted(np.geterr().items())),
        "the current folder": np.array(str(Path.cwd())),
    }


def _continuous() -> Dataset:
    """Episodes that end either way, in a box that is not [-1, 1]: a policy that takes it for that is found out."""
    data = sample_dataset([20, 3, 30, 11], [True, False, True, False])
    low, high = np.array([-0.5, 2.0], np.float32), np.array([0.5, 6.0], np.float32)
    actions = low + (data.actions + 1.0) / 2.0 * (high - low)
    return replace(data, action_space=ActionSpace(low, high), actions=actions.astype(np.float32))


def _discrete() -> Dataset:
    """The same with one of three actions, and observations that repeat."""
    data = sample_dataset([20, 3, 30, 11], [True, False, True, False])
    rng, none = np.random.default_rng(0), np.empty(0, np.float32)
    states = rng.integers(0, 4, (data.n, 3)).astype(np.float32)
    return replace(
        data,
        action_space=ActionSpace(none, none, 3),
        actions=rng.integers(0, 3, data.n),
        observations=states,
        next_observations=np.roll(states, -1, axis=0),
    )
