"""`check_algorithm` passes what is sound, and names what is broken: a fault of each kind is planted and found."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offline_bench import Dataset, Snapshot, algorithms, check_algorithm, hash_weights
from offline_bench.algorithms import build_learner, reads_rewards
from offline_bench.core.errors import AlgorithmError, EnvironmentMismatchError, SpecError, TrueRewardError

HELD: list[Any] = []


@dataclass(frozen=True)
class Constant:
    """One action for everything: what the best transition did, by its reward."""

    action: np.ndarray
    turn: Callable[[np.ndarray], np.ndarray] = lambda actions: actions

    def act(self, observations: np.ndarray) -> np.ndarray:
        return self.turn(np.repeat(self.action[None], len(observations), axis=0))


@dataclass(frozen=True)
class Greedy:
    """Sound but for what is planted: `during` is called as it learns, `turn` bends actions, `steps` its snapshots."""

    during: Callable[[Dataset], Any] = lambda data: None
    turn: Callable[[np.ndarray], np.ndarray] = lambda actions: actions
    steps: Callable[[Sequence[int]], Sequence[int]] = lambda at: at
    reads_rewards: bool = True
    blind: bool = False
    tells: Any = None
    trainer: str = "mine"

    def check(self) -> None: ...

    def learn(
        self, data: Dataset, at: Sequence[int], seed: np.random.SeedSequence, progress: Callable[[int], None]
    ) -> Iterator[Snapshot]:
        extra = self.during(data)
        best = 0 if self.blind else int(np.argmax(data.rewards))
        action = data.actions[best].copy()
        for step in self.steps(at):
            progress(self.tells or step)
            drawn = np.array(extra if isinstance(extra, float) else 0.0)
            yield Snapshot(step, Constant(action, self.turn), {}, hash_weights([action, drawn]))


@pytest.fixture(autouse=True)
def forget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import torch

    monkeypatch.chdir(tmp_path)
    with np.errstate():
        yield
    torch.set_default_dtype(torch.float32)
    algorithms._functions.pop("greedy", None)
    HELD.clear()


def check(**planted: Any) -> None:
    algorithms.register("greedy")(lambda: Greedy(**planted))
    check_algorithm("greedy")


def test_a_sound_one_passes_and_so_do_those_of_this_project() -> None:
    check()
    for text in ("bc(hidden_units=(4,))", "pct-bc(hidden_units=(4,))", "tabular-bc", "vi-lcb"):
        check_algorithm(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["iql(hidden_units=(4,))", "onestep(hidden_units=(4,))", "discrete-cql", "discrete-bc"]
)
def test_the_other_trainers_keep_it_too(text: str) -> None:
    check_algorithm(text)


def touch_numpy(data: Dataset) -> None:
    np.random.random()  # noqa: NPY002


def leave(data: Dataset) -> None:
    raise SystemExit(0)


def widen(data: Dataset) -> None:
    import torch

    torch.set_default_dtype(torch.float64)


def hold(data: Dataset) -> None:
    HELD.append(data.rewards)


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ({"steps": lambda at: at[:1]}, "asked for snapshots at steps [10, 20] and gave [10]"),
        ({"steps": lambda at: [*at, at[-1] + 1]}, "and gave [10, 20, 21]"),
        ({"turn": lambda actions: actions[:, :1]}, "gave actions of shape (1, 1), not (1, 2)"),
        ({"turn": lambda actions: actions[0]}, "gave actions of shape (2,), not (1, 2)"),
        ({"turn": lambda actions: actions * np.nan}, "not finite numbers"),
        ({"turn": lambda actions: np.clip(actions, -1.0, 1.0)}, "left the box of the action space"),
        ({"during": lambda data: random.random()}, "changed the global state of random"),
        ({"during": touch_numpy}, "changed the global state of numpy.random"),
        ({"during": lambda data: float(np.random.default_rng().random())}, "gave two results for one seed"),
        ({"blind": True}, "does not read rewards"),
        ({"reads_rewards": False}, "declares reads_rewards = False, but other rewards changed"),
        ({"steps": lambda at: itertools.repeat(at[0])}, "at steps [10, 20] and gave [10, 10]"),
        ({"during": leave}, "left the program (SystemExit: 0)"),
        ({"turn": leave}, "failed to act: SystemExit: 0"),
        ({"during": widen}, "changed the global state of torch's default dtype"),
        ({"during": lambda data: np.seterr(all="ignore")}, "changed the global state of numpy's errors"),
        ({"during": lambda data: os.chdir("/")}, "changed the global state of the current folder"),
        ({"tells": "half"}, "reported progress that is none of its 20 steps: 'half'"),
        ({"during": hold}, "does not give memory back: after its training, rewards"),
        ({"during": lambda data: 1 / 0}, "failed on a small dataset: ZeroDivisionError"),
    ],
)
def test_what_is_broken_is_named(planted: dict[str, Any], said: str) -> None:
    with pytest.raises(AlgorithmError) as caught:
        check(**planted)
    assert said in str(caught.value)
    assert "greedy" in str(caught.value)


def test_one_that_looks_at_a_global_generator_and_puts_it_back_is_found() -> None:
    def peek(data: Dataset) -> float:
        state = random.getstate()
        drawn = random.random()
        random.setstate(state)
        return drawn

    with pytest.raises(AlgorithmError, match="two results for one seed"):
        check(during=peek)


def test_the_true_reward_is_not_to_be_asked_for_and_the_data_not_to_be_written() -> None:
    with pytest.raises(TrueRewardError, match="gets no true reward"):
        check(during=lambda data: data.true_returns)
    algorithms._functions.pop("greedy", None)

    def write(data: Dataset) -> None:
        data.actions.flags.writeable = True
        data.actions[0] = 0.0

    with pytest.raises(AlgorithmError):
        check(during=write)


@pytest.mark.parametrize("made", [3, None, Constant(np.zeros(2))])
def test_what_is_no_learner_is_told_before_anything_trains(made: Any) -> None:
    algorithms.register("greedy")(lambda: made)
    with pytest.raises(SpecError, match=r"made a \w+ that is no learner: it lacks check, learn"):
        check_algorithm("greedy")


def test_one_that_is_blind_and_says_so_passes() -> None:
    check(blind=True, reads_rewards=False)


def test_whoever_takes_no_sample_was_not_tried_and_is_told_so() -> None:
    def refuse(data: Dataset) -> None:
        raise EnvironmentMismatchError("this learner takes pictures")

    with pytest.raises(AlgorithmError, match="was not tried: this learner takes pictures"):
        check(during=refuse)
    with pytest.raises(SpecError):
        check_algorithm("iql(gamma=2)")
    with pytest.raises(AlgorithmError, match="at least 2 steps"):
        check_algorithm("bc", steps=1)


def test_who_says_what_of_rewards() -> None:
    blind = {name for name in ("bc", "discrete-bc", "tabular-bc", "iql", "dqn", "pct-bc") if not says(name)}
    assert blind == {"bc", "discrete-bc", "tabular-bc"}
    algorithms.register("greedy")(lambda: Greedy(reads_rewards=False))
    assert not says("greedy")


def says(name: str) -> bool:
    return reads_rewards(build_learner(name))
