"""The one line: what goes wrong in training is recorded, with what was seen before it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offline_bench import Job, Record, Run, carry_out
from offline_bench.algorithms import Snapshot
from offline_bench.core.errors import DivergedError
from offline_bench.data.coverage.quality import best_mean
from offline_bench.data.loaders import load
from offline_bench.runs.record import from_text, to_text
from tests.conftest import MEDIUM, RANDOM


@dataclass(frozen=True)
class Stumbler:
    """Stands still until its second step, and there raises `error`."""

    error: Exception
    trainer: str = "test"

    def check(self) -> None: ...

    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.zeros((len(observations), 3), np.float32)

    def learn(self, *arguments: Any) -> Iterator[Snapshot]:
        yield Snapshot(1, self, {"loss": 0.5}, "")
        raise self.error


def stumble(error: Exception, monkeypatch: pytest.MonkeyPatch) -> Record:
    monkeypatch.setattr("offline_bench.runs.experiment.build_learner", lambda text, device: Stumbler(error))
    return carry_out(Job(Run(MEDIUM, "full", "original", "bc", seed=0, steps=2, episodes=1), at=(1, 2)))


def test_divergence_is_recorded_with_its_step_and_the_curve_before_it(
    at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = stumble(DivergedError(2, "critic_loss"), monkeypatch)
    assert (record.status, record.reason) == ("diverged", "critic_loss stopped being finite at step 2")
    assert [point.step for point in record.curve] == [1]
    assert record.returns == []
    assert record.fingerprints["policy"] == ""


def test_an_exception_is_recorded_as_failed_with_its_message_and_line(
    at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = stumble(RuntimeError("the roof fell in"), monkeypatch)
    assert record.status == "failed"
    assert "RuntimeError: the roof fell in (test_experiment.py, line" in record.reason
    assert [point.step for point in record.curve] == [1]


def test_a_record_tells_how_the_behavior_did_before_the_cut_and_how_far_the_policy_stays_with_what_is_left(
    at_home: Path,
) -> None:
    run = Run(RANDOM, "truncate(steps=5)", "zero", "bc(hidden_units=(8,))", seed=0, steps=2, episodes=5)
    record = carry_out(Job(run, at=(2,)))
    whole = load(RANDOM)
    assert (record.status, record.data["mean_length"]) == ("ok", 5.0)
    assert record.data["mean_return"] == whole.true_returns.mean()
    assert record.data["best_return"] == best_mean(whole.true_returns) > record.data["mean_return"]
    assert set(record.support) == {"in_support", "concentrability", "effective_share"}
    assert from_text(to_text(record), "here").support == record.support
    assert "support" not in json.loads(to_text(replace(record, support={})))
    assert from_text(to_text(replace(record, support={})), "here").support == {}


@pytest.mark.slow
def test_a_record_tells_how_well_a_reward_was_learned_and_its_file_keeps_it(at_home: Path) -> None:
    run = Run(MEDIUM, "full", "learned(hidden_units=(8,), n_labels=200)", "bc(hidden_units=(8,))", 0, 2, 1)
    record = carry_out(Job(run, at=(2,)))
    assert record.status == "ok", record.reason
    told = from_text(to_text(record), "here").provenance["relabeling"]
    assert told["labels"] == 200
    assert told["held_out_transitions"] == load(MEDIUM).n - 200
    assert told["held_out_correlation"] > 0.5
    plain = carry_out(Job(replace(run, relabeling="zero"), at=(2,)))
    assert "relabeling" not in plain.provenance
