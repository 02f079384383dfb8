"""Before anything trains: the environment of a dataset is made, reset once, and held against the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest

from offline_bench.core.errors import EnvironmentMismatchError
from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.evaluation.match import check_environment
from offline_bench.runs.experiment import Job
from offline_bench.runs.record import Run
from offline_bench.runs.rehearsal import rehearse
from offline_bench.schemes.checks import sample_dataset
from tests.environments.quirks import Quirky, registered

INF = np.inf


class Broken(Quirky):
    def reset(self, **_: Any) -> Any:
        raise ZeroDivisionError("no floor")


class Blind(Quirky):
    def reset(self, **_: Any) -> Any:
        return np.full(2, np.nan, np.float32), {}


@pytest.fixture
def name() -> Iterator[str]:
    with registered("Quirk-v0") as registered_name:
        yield registered_name


def data_for(environment: str, size: int = 2, low: float = -1.0, high: float = 1.0) -> Dataset:
    data = sample_dataset([4] * 3, [True] * 3)
    space = ActionSpace(np.array([low], np.float32), np.array([high], np.float32))
    seen = data.observations[:, :1].repeat(size, axis=1)
    actions = np.clip(data.actions[:, :1], low, high)
    changed = {"observations": seen, "next_observations": seen.copy(), "actions": actions, "action_space": space}
    return replace(data, environment=environment, **changed)


def test_what_fits_is_let_pass(name: str) -> None:
    check_environment(data_for(name))
    # Less than the environment takes, and no bounds but the data's.
    check_environment(data_for(name, low=-0.5, high=0.5))
    check_environment(data_for(name, low=-INF, high=INF))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (data_for(""), "names no environment"),
        (data_for("Quirk-v9"), "did you mean Quirk-v0"),
        (data_for("Quirk-v0(max_episode_steps=None)"), "no time limit"),
        (data_for("Quirk-v0(nothing=1)"), "cannot be made here"),
        (data_for("Quirk-v0", size=3), r"observations of shape \(3,\), but its environment Quirk-v0 shows \(2,\)"),
        (data_for("Quirk-v0", high=3.0), r"actions from \[-1.0\] to \[3.0\]"),
        (data_for("CartPole-v1", size=4), "actions of shape .* takes Discrete"),
        (
            replace(
                data_for("Quirk-v0"), actions=np.zeros(12, np.int64), action_space=ActionSpace(*[np.empty(0)] * 2, n=2)
            ),
            "actions 0..1",
        ),
    ],
)
def test_what_no_policy_could_act_in_is_refused_by_name(name: str, data: Dataset, said: str) -> None:
    with pytest.raises(EnvironmentMismatchError, match=f"dataset 'sample'.*{said}"):
        check_environment(data)


@pytest.mark.parametrize(("kind", "said"), [(Broken, "no floor"), (Blind, r"shows \[nan nan\] after a reset")])
def test_one_that_cannot_be_reset_is_refused(kind: type[gymnasium.Env[Any, Any]], said: str) -> None:
    with (
        registered("Broken-v0", entry_point=kind) as broken,
        pytest.raises(EnvironmentMismatchError, match=f"dataset 'sample': .*{said}"),
    ):
        check_environment(data_for(broken))


def test_jobs_are_checked_for_it_before_any_trains(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run("sample", "full", "original", "bc", seed=0, steps=1, episodes=1)
    monkeypatch.setattr("offline_bench.runs.experiment.curate_once", lambda dataset, curation: data_for("Quirk-v0", 3))
    monkeypatch.setattr("offline_bench.runs.experiment._load_once", lambda dataset: data_for("Quirk-v0", 3))
    found = rehearse([Job(run, (1,))])
    assert found.possible == []
    assert "shape" in found.failed[0].reason
