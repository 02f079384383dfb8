"""Steppers: what goes wrong in them is told here, and none of them is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from offline_bench.benchmarks.evaluation_cost import measure_evaluation
from offline_bench.core.errors import EnvironmentMismatchError, OfflineBenchError
from offline_bench.core.plugins import load_plugin
from offline_bench.core.seeds import evaluation_seeds
from offline_bench.data.episode import Episode
from offline_bench.environments.steppers import RUNNING, TERMINATED, TRUNCATED, Steppers
from offline_bench.evaluation.evaluate import evaluate_slab
from offline_bench.evaluation.rollout import roll_out


class Countdown(gymnasium.Env[np.ndarray, np.ndarray]):
    """Its episodes last 3 to 6 steps, by the seed. It will not be stepped after the end, nor told to break."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,), np.float32)
    left = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        self.left = 3 + (seed or 0) % 4
        return np.array([self.left, seed or 0], np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        if self.left == 0:
            raise RuntimeError("stepped after the end")
        if action[0] < 0:
            raise ZeroDivisionError("the knee broke")
        self.left -= 1
        return np.array([self.left, action[0]], np.float32), 0.1 * float(action[0]), self.left == 0, False, {}


class Steady:
    """Run r does r, always."""

    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.broadcast_to(
            np.arange(len(observations), dtype=np.float32)[:, None, None], (*observations.shape[:2], 1)
        )


class Breaking:
    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.full((*observations.shape[:2], 1), -1, np.float32)


class Raising:
    def act(self, observations: np.ndarray) -> np.ndarray:
        raise ArithmeticError("no action")


@pytest.fixture(autouse=True)
def countdown() -> Iterator[str]:
    """An environment known here alone; afterwards no stepper is left."""
    gymnasium.register("Countdown-v0", entry_point="tests.environments.test_steppers:Countdown", max_episode_steps=5)
    yield "Countdown-v0"
    del gymnasium.registry["Countdown-v0"]
    assert not children(os.getpid())


def children(parent: int) -> list[int]:
    """The steppers that process `parent` has, from the system's list."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                state, above = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                ours = b"offline_bench.environments.steppers" in (folder / "cmdline").read_bytes()
                if int(above) == parent and ours and state != "Z":
                    found.append(int(folder.name))
    return found


def gone(pids: list[int], seconds: float = 5) -> bool:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        states = []
        for pid in pids:
            with suppress(OSError):
                states.append(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0])
        if set(states) <= {"Z"}:
            return True
        time.sleep(0.05)
    return False


def alone(run: int, episodes: int) -> list[Episode]:
    return roll_out(lambda o: np.full((len(o), 1), run, np.float32), "Countdown-v0", evaluation_seeds(episodes))


def check(slab: list[list[Episode]], episodes: int) -> None:
    for run, mine in enumerate(slab):
        for one, other in zip(mine, alone(run, episodes), strict=True):
            assert one.seed == other.seed
            assert one.terminated == other.terminated
            assert one.observations.dtype == np.float32
            assert one.rewards.dtype == np.float64
            assert np.array_equal(one.observations, other.observations)
            assert np.array_equal(one.rewards, other.rewards)
            assert np.array_equal(one.actions, other.actions)


def test_rows_that_have_ended_stay_as_they_are() -> None:
    with Steppers("Countdown-v0", 0) as steppers:
        steppers.begin([[0, 3], [1]])
        assert np.array_equal(steppers.collect(0)["observation"], [[3, 0], [6, 3]])
        assert np.array_equal(steppers.collect(1)["observation"], [[4, 1]])
        states = []
        for step in range(5):
            steppers.step(0, np.full((2, 1), step, np.float32))
            states.append(steppers.collect(0)["state"].tolist())
        assert states == [[RUNNING] * 2] * 2 + [[TERMINATED, RUNNING]] * 2 + [[TERMINATED, TRUNCATED]]
        assert np.array_equal(steppers.collect(0)["observation"], [[0, 2], [1, 4]])
        assert np.array_equal(steppers.collect(0)["reward"], [0.2, 0.4])
        assert np.array_equal(steppers.collect(1)["observation"], [[4, 1]])


def test_here_an_error_of_the_environment_is_raised_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError, match="the knee broke"):
        evaluate_slab(Breaking(), 2, "Countdown-v0", 4, 0)


def test_steppers_of_another_environment_and_closed_ones_are_refused() -> None:
    with Steppers("Countdown-v0", 0) as steppers, pytest.raises(EnvironmentMismatchError, match=r"Hopper.*Countdown"):
        evaluate_slab(Steady(), 2, "Hopper-v5", 4, steppers)
    with pytest.raises(OfflineBenchError, match="closed"):
        evaluate_slab(Steady(), 2, "Countdown-v0", 4, steppers)
    with pytest.raises(gymnasium.error.NameNotFound):
        Steppers("Nowhere-v0", 2)


@pytest.mark.slow
def test_steppers_stay_up_over_evaluations_whatever_becomes_of_one() -> None:
    with Steppers("Countdown-v0", 2) as steppers:
        pids = steppers.pids
        check(evaluate_slab(Steady(), 3, "Countdown-v0", 6, steppers), 6)
        with pytest.raises(ArithmeticError, match="no action"):
            evaluate_slab(Raising(), 3, "Countdown-v0", 6, steppers)
        for pid in pids:
            os.kill(pid, signal.SIGINT)
        check(evaluate_slab(Steady(), 5, "Countdown-v0", 9, steppers), 9)
        check(evaluate_slab(Steady(), 1, "Countdown-v0", 1, steppers), 1)
        assert steppers.pids == pids == sorted(children(os.getpid()))
        for pid in pids:
            assert b"OMP_NUM_THREADS=1\0" in Path(f"/proc/{pid}/environ").read_bytes()
    assert not children(os.getpid())


@pytest.mark.slow
def test_an_error_in_a_stepper_is_raised_here_and_a_killed_one_told_of() -> None:
    with pytest.raises(OfflineBenchError, match="'Countdown-v0': ZeroDivisionError: the knee broke"):
        evaluate_slab(Breaking(), 2, "Countdown-v0", 4, 1)
    with Steppers("Countdown-v0", 2) as steppers:
        check(evaluate_slab(Steady(), 2, "Countdown-v0", 3, steppers), 3)
        os.kill(steppers.pids[1], signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(OfflineBenchError, match=r"stepping 'Countdown-v0' was killed by SIGKILL"):
                evaluate_slab(Steady(), 2, "Countdown-v0", 3, steppers)


@pytest.mark.slow
def test_a_stepper_killed_while_it_is_waited_for_is_told_of() -> None:
    with Steppers("Countdown-v0", 1) as steppers:

        class Killing(Steady):
            def act(self, observations: np.ndarray) -> np.ndarray:
                os.kill(steppers.pids[0], signal.SIGKILL)
                return super().act(observations)

        with pytest.raises(OfflineBenchError, match="was killed by SIGKILL"):
            evaluate_slab(Killing(), 2, "Countdown-v0", 3, steppers)


PLUGIN = """
import gymnasium
from tests.environments.quirks import Quirky

class Own(Quirky):
    pass

gymnasium.register("Own-v0", entry_point=Own, max_episode_steps=5, kwargs={"low": -float("inf")})
"""


@pytest.mark.slow
def test_steppers_make_what_a_plugin_registers_by_class_and_with_infinite_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", list(sys.path))
    (tmp_path / "plugin_of_a_class.py").write_text(PLUGIN)
    load_plugin(tmp_path / "plugin_of_a_class.py")
    try:
        for name in ("Own-v0", "Own-v0(high=inf, low=-inf, max_episode_steps=5)"):
            with Steppers(name, 1) as steppers:
                assert len(steppers.pids) == 1
                ((episode,),) = evaluate_slab(Steady(), 1, name, 1, steppers)
            assert episode.length == 5
    finally:
        del gymnasium.registry["Own-v0"]


def test_what_another_process_cannot_make_is_stepped_here() -> None:
    class Local(Countdown):
        pass

    gymnasium.register("Local-v0", entry_point=Local, max_episode_steps=5)
    try:
        with Steppers("Local-v0", 2) as steppers:
            assert steppers.pids == []
            ((episode,),) = evaluate_slab(Steady(), 1, "Local-v0", 1, steppers)
        assert episode.length in (3, 4, 5)
    finally:
        del gymnasium.registry["Local-v0"]


class Hanging(Countdown):
    """Once stepped it is heard of no more."""

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        time.sleep(60)
        return super().step(action)


PARENT = """
import sys, time
import gymnasium, numpy
from offline_bench.environments.steppers import Steppers
sys.path.insert(0, sys.argv[2])
gymnasium.register("Hanging-v0", entry_point="tests.environments.test_steppers:Hanging")
steppers = Steppers("Hanging-v0", 2)
steppers.begin([[1, 2]])
steppers.collect(0)
if sys.argv[1] == "hang":
    steppers.step(0, numpy.ones((2, 1)))
print(*steppers.pids, flush=True)
if sys.argv[1] != "end":
    time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["wait", "hang", "end"])
def test_no_stepper_outlives_a_parent_that_is_killed_or_forgets_to_close(how: str) -> None:
    # Its code comes from no file and has no guard against being imported: steppers do not ask for one.
    command = [sys.executable, "-W", "ignore", "-c", PARENT, how, str(Path(__file__).parents[2])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        if how != "end":
            assert not gone(pids, 0.2)
            parent.kill()
    assert gone(pids)


@pytest.mark.slow
def test_the_cost_of_evaluation_is_measured() -> None:
    cost = measure_evaluation("Hopper-v5", runs=2, episodes=3, steppers=1, repeats=2)
    assert cost.steps > 6 * 5
    assert 0.02 < cost.ratio < 5
