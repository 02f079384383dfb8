"""A learner from a plug-in is shown no true reward, and one that writes into the data is refused by name."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offline_bench import Dataset, Job, Record, Run, algorithms, carry_out, load, relabelings
from offline_bench.algorithms import DISCRETE, Snapshot, build_learner
from offline_bench.algorithms.stacked.learner import StackedLearner
from offline_bench.algorithms.watched import WatchedLearner
from offline_bench.core.errors import AlgorithmError, RelabelingError
from offline_bench.core.seeds import training_seed
from offline_bench.data.dataset import ActionSpace
from offline_bench.data.learner_view import LearnerView
from offline_bench.runs.experiment import prepare_data
from offline_bench.schemes.checks import sample_dataset
from tests.conftest import MEDIUM

Act = Callable[[Dataset], Any]


def overwrite(array: np.ndarray) -> None:
    ctypes.memset(array.ctypes.data, 1, 8)


@dataclass(frozen=True)
class Simple:
    """Does `first` when it learns, and `acting` when its policy acts; else it stands still."""

    first: Act = lambda data: None
    acting: Act = lambda data: None
    trainer: str = "mine"

    def check(self) -> None: ...

    def learn(self, data: Dataset, at: Sequence[int], *_: Any) -> Iterator[Snapshot]:
        self.first(data)
        yield Snapshot(at[-1], Standing(data, self.acting), {}, "weights")


@dataclass(frozen=True)
class Standing:
    data: Dataset
    acting: Act

    def act(self, observations: np.ndarray) -> np.ndarray:
        self.acting(self.data)
        return np.zeros((len(observations), 3), np.float32)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    algorithms._functions.pop("simple", None)
    relabelings._functions.pop("writes", None)


def run(relabeling: str = "original", algorithm: str = "simple") -> Run:
    return Run(MEDIUM, "full", relabeling, algorithm, seed=0, steps=1, episodes=1)


def carry_out_simple(**does: Act) -> Record:
    algorithms.register("simple")(lambda: Simple(**does))
    return carry_out(Job(run(), at=(1,)))


def test_one_that_only_looks_is_well(at_home: Path) -> None:
    seen = []
    assert carry_out_simple(first=seen.append, acting=lambda data: data.observations.sum()).status == "ok"
    assert isinstance(seen[0], LearnerView)


def test_whatever_learner_is_built_in_or_not_is_shown_no_true_reward(
    at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Dataset] = []
    monkeypatch.setattr("offline_bench.runs.experiment.build_learner", lambda text, device: Simple(seen.append))
    record = carry_out(Job(run("zero", "bc"), at=(1,)))
    assert record.status == "ok" and [type(data) for data in seen] == [LearnerView]
    assert record.data["mean_return"] == load(MEDIUM).true_returns.mean()


@pytest.mark.parametrize("name", ["true_rewards", "true_returns", "behavior_returns"])
@pytest.mark.parametrize("when", ["first", "acting"])
def test_one_that_reads_the_true_reward_by_a_slip_fails_with_a_sentence(name: str, when: str, at_home: Path) -> None:
    record = carry_out_simple(**{when: lambda data: getattr(data, name)})
    assert record.status == "failed"
    assert record.reason.startswith(f"a learner gets no true reward, and `{name}` of dataset {MEDIUM!r}")


@pytest.mark.parametrize("when", ["first", "acting"])
@pytest.mark.parametrize("field", ["observations", "rewards", "action_space.low"])
def test_one_that_writes_fails_by_name_and_the_next_run_learns_from_what_was_loaded(
    field: str, when: str, at_home: Path
) -> None:
    before = prepare_data(run())
    held = {name: getattr(before, name).copy() for name in ("observations", "true_rewards", "rewards")}

    def write(data: Dataset) -> None:
        overwrite(data.action_space.low if "." in field else getattr(data, field))

    record = carry_out_simple(**{when: write})
    assert record.status == "failed" and record.returns == []
    assert record.reason.startswith(f"algorithm simple changed the data it was given (changed: {field})")
    after = prepare_data(run())
    for name, array in held.items():
        assert np.array_equal(getattr(after, name), array)
    assert after.action_space.low.tolist() == [-1.0] * 3


def test_a_relabeling_that_writes_swaps_no_neighbors(at_home: Path) -> None:
    @relabelings.register("writes")
    def writes(data: Dataset, rng: np.random.Generator) -> Any:
        overwrite(data.true_rewards)
        return data.true_rewards

    original = prepare_data(run()).rewards.copy()
    for _ in range(2):
        with pytest.raises(RelabelingError, match="relabeling writes changed the data"):
            prepare_data(run("writes"))
        assert np.array_equal(prepare_data(run()).rewards, original)
        assert np.array_equal(prepare_data(run("negative")).rewards, -original)


def test_only_learners_of_plugins_are_watched() -> None:
    algorithms.register("simple")(lambda: Simple())
    assert isinstance(build_learner("simple"), WatchedLearner)
    assert build_learner("simple").trainer == "mine"
    assert isinstance(build_learner("bc"), StackedLearner)
    algorithms._functions.pop("simple")
    algorithms.register("simple")(lambda: StackedLearner("bc", {}))
    assert type(build_learner("simple")) is StackedLearner

    class Own(StackedLearner):
        def learn(self, data: Dataset, *_: Any) -> Iterator[Any]:
            overwrite(data.rewards)
            yield None

    algorithms._functions.pop("simple")
    algorithms.register("simple")(lambda: Own("bc", {}))
    with pytest.raises(AlgorithmError, match="simple changed"):
        list(build_learner("simple").learn(sample_dataset([9], [True]), [1], training_seed(0), lambda step: None))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in DISCRETE if name != "planning"])
def test_every_discrete_learner_learns_from_the_view(name: str) -> None:
    # Those of continuous actions: `test_algorithms` hands all of them the view.
    rng = np.random.default_rng(0)
    whole = sample_dataset([40] * 3, [True] * 3)
    parts = {field: getattr(whole, field) for field in ("true_rewards", "terminals", "timeouts")}
    states = rng.integers(0, 4, whole.n)[:, None].astype(np.float32)
    data = Dataset(
        id="discrete",
        environment="",
        action_space=ActionSpace(np.empty(0, np.float32), np.empty(0, np.float32), 2),
        observations=states,
        actions=rng.integers(0, 2, whole.n),
        next_observations=states.copy(),
        **parts,
    )
    view = LearnerView.of(data)
    (snapshot,) = build_learner(name).learn(view, [2], training_seed(0), lambda step: None)
    assert snapshot.policy.act(states[:5]).shape == (5,)
