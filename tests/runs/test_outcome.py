"""What became of a run: none is ok whose true return is no finite number, and a record says where it acted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from offline_bench.algorithms import Member, Snapshot, build_learner
from offline_bench.algorithms.learner import SlabSnapshot
from offline_bench.core.errors import EvaluationError
from offline_bench.core.seeds import training_seed
from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.runs.experiment import Job, carry_out
from offline_bench.runs.outcome import Outcome, check_returns, train_members, train_together
from offline_bench.runs.record import Run, from_text, to_text
from offline_bench.schemes.checks import sample_dataset
from tests.environments.quirks import registered

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:gymnasium")
SMALL = "bc(batch_size=8, hidden_units=[8])"


def data_for(environment: str, low: float = -1.0, high: float = 1.0) -> Dataset:
    data = sample_dataset([4] * 3, [True] * 3)
    space = ActionSpace(np.array([low], np.float32), np.array([high], np.float32))
    actions = np.clip(data.actions[:, :1], low, high)
    seen = {name: getattr(data, name)[:, :2].copy() for name in ("observations", "next_observations")}
    return replace(data, environment=environment, actions=actions, action_space=space, **seen)


@dataclass(frozen=True)
class Standing:
    """Does nothing, at three steps."""

    trainer: str = "test"

    def check(self) -> None: ...

    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.zeros((len(observations), 1), np.float32)

    def learn(self, data: Any, at: Any, *_: Any) -> Iterator[Snapshot]:
        for step in at:
            yield Snapshot(step, self, {"loss": 0.5}, "weights")


class Together(Standing):
    """As it, for a slab of two."""

    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.zeros((*observations.shape[:-1], 1), np.float32)

    def learn_together(self, members: Any, at: Any, *_: Any) -> Iterator[SlabSnapshot]:
        for step in at:
            yield SlabSnapshot(step, self, [{"loss": 0.5}] * 2, ["weights"] * 2, [None, None], [{}, {}])


def assert_ended(outcome: Outcome, value: float) -> None:
    assert outcome.status == "failed"
    assert outcome.reason.startswith(f"the true return of evaluation episode 1 at step 1 is {value}:")
    assert (outcome.last, outcome.weights, outcome.curve) == ([], "", [])


@pytest.mark.parametrize("paid", [math.nan, math.inf, -math.inf, 1e308])
def test_a_return_that_is_not_finite_ends_a_run_as_failed(paid: float) -> None:
    value = paid if not math.isfinite(paid) else math.inf
    with registered("Quirk-v0", paid=paid) as name, np.errstate(over="ignore"):
        members = [Member({}, data_for(name), training_seed(seed)) for seed in (0, 1)]
        alone = train_members(Standing(), members[:1], (1, 2), 2, lambda step: None)
        slab = train_together(Together(), members, (1, 2), 2, lambda step: None)  # type: ignore[arg-type]
    for outcome in (*alone, *slab):
        assert_ended(outcome, value)


def test_a_finite_return_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with registered("Quirk-v0", paid=1e300) as name:
        members = [Member({}, data_for(name), training_seed(seed)) for seed in (0, 1)]
        slab = train_together(Together(), members, (1, 2), 2, lambda step: None)  # type: ignore[arg-type]
    assert [outcome.status for outcome in slab] == ["ok", "ok"]
    assert [point.returns for point in slab[0].curve] == [[5e300] * 2] * 2
    check_returns([0.0, -1e308], 3)
    with pytest.raises(EvaluationError, match="episode 2 at step 3 is nan"):
        check_returns([0.0, math.nan], 3)


@pytest.mark.slow
@pytest.mark.parametrize("text", [SMALL, SMALL.replace(")", ", trainer='d3rlpy')")])
def test_a_record_says_where_it_acted_and_what_bounds_the_data_gave(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with registered("Quirk-v0", low=0.0, high=math.inf) as name:
        data = data_for(name, 0.0, math.inf)
        monkeypatch.setattr("offline_bench.runs.experiment.curate_once", lambda dataset, curation: data)
        record = carry_out(Job(Run("sample", "full", "original", text, seed=0, steps=3, episodes=2), (3,)))
    assert (record.status, record.reason, record.returns) == ("ok", "", [5.0, 5.0])
    told = from_text(to_text(record), "here").provenance
    assert (told["environment"], told["step_limit"]) == ("Quirk-v0", 5)
    assert told["action_range"] == {"low": [0.0], "high": [float(data.actions.max())]}
    assert build_learner(text).trainer == told["trainer"]
