"""A learner that is a program: what it is handed, how it acts, and what becomes of one that hangs, dies or babbles."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from offline_bench import Job, Run, carry_out, check_algorithm
from offline_bench.algorithms import build_learner, pipe
from offline_bench.algorithms.command import PipePolicy, fill
from offline_bench.algorithms.handed_file import ARRAYS, hand_over
from offline_bench.core.errors import AlgorithmError, SpecError
from offline_bench.core.seeds import training_seed
from offline_bench.data.learner_view import LearnerView
from offline_bench.schemes.checks import sample_dataset
from tests.conftest import MEDIUM

PAGE = Path(__file__).parents[2] / "offline_bench" / "algorithms" / "README.md"
PLACES = "{data} {out} --seed {seed} --steps {steps}"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pipe, "GRACE", 0.5)
    yield


def client() -> str:
    (code,) = re.findall(r"A client, `train.py`:\n\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(code)


def spec(script: Path, name: str = "command", places: str = PLACES, **more: object) -> str:
    line = f"{sys.executable} {script} {places}"
    rest = "".join(f", {key}={value!r}" for key, value in more.items())
    return f"{name}(line={line!r}{rest})"


def run(text: str, relabeling: str = "original", episodes: int = 2, steps: int = 4) -> Run:
    return Run(MEDIUM, "full", relabeling, text, seed=0, steps=steps, episodes=episodes)


def fails(tmp_path: Path, code: str, name: str = "command", **more: object) -> str:
    script = tmp_path / "bad.py"
    script.write_text(code)
    record = carry_out(Job(run(spec(script, name, **more)), at=(4,)))
    assert (record.status, record.returns) == ("failed", [])
    return record.reason


def test_the_file_is_d4rls_layout_and_has_the_learners_rewards_alone(tmp_path: Path) -> None:
    data = sample_dataset([5, 3], [True, False])
    relabeled = LearnerView.of(data.with_rewards(np.zeros(data.n, np.float32), "zero"))
    hand_over(relabeled, tmp_path / "data.hdf5")
    with h5py.File(tmp_path / "data.hdf5") as file:
        assert sorted(file) == sorted(ARRAYS)
        kinds = {name: (file[name].dtype.kind, file[name].shape) for name in file}
        assert kinds["terminals"] == kinds["timeouts"] == ("b", (8,))
        assert kinds["observations"] == kinds["next_observations"] == ("f", (8, 3))
        assert not file["rewards"][:].any()
        assert np.array_equal(file["actions"][:], data.actions)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("python train.py", "lacks {data}"),
        ("python train.py {data} {dat}", "unknown place 'dat': did you mean data"),
        ("python 'train.py {data}", "cannot be split into words"),
    ],
)
def test_a_line_that_cannot_be_is_told_before_anything_trains(line: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        build_learner(f"command(line={line!r})").check()
    for patience in ("0", "1e12"):
        with pytest.raises(SpecError, match="patience"):
            build_learner(f"command(line='x {{data}}', patience={patience})").check()


def test_no_word_is_split_or_filled_twice() -> None:
    assert fill(["a{data}", "{out}", "x"], {"data": "one two", "out": "{data}"}) == ["aone two", "{data}", "x"]


def test_the_client_that_is_shown_is_twenty_lines_and_keeps_the_contract(tmp_path: Path) -> None:
    assert len([line for line in client().splitlines() if line.strip()]) <= 20
    (tmp_path / "train.py").write_text(client())
    check_algorithm(spec(tmp_path / "train.py"))


@pytest.mark.slow
def test_it_runs_reads_the_reward_it_is_given_and_repeats(at_home: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(client())
    text = spec(tmp_path / "train.py")
    record = carry_out(Job(run(text), at=(2, 4)))
    assert (record.status, record.reason) == ("ok", "")
    assert [point.step for point in record.curve] == [2, 4]
    assert len(record.returns) == len(record.lengths) == 2
    assert record.provenance["trainer"] == "command"
    again, other = (carry_out(Job(run(text, name), at=(4,))) for name in ("original", "negative"))
    assert again.returns == record.returns
    assert other.fingerprints["policy"] != record.fingerprints["policy"]


SERVES = """
import json, sys
def say(**what): print(json.dumps(what), flush=True)
"""


@pytest.mark.slow
def test_with_a_place_for_the_steps_one_start_shows_them_all(tmp_path: Path) -> None:
    script = tmp_path / "many.py"
    script.write_text(
        SERVES
        + """
open(sys.argv[2] + "/started", "x")
for step in map(int, sys.argv[3].split(",")):
    say(progress=step)
    say(snapshot=step, losses={"loss": 1.0})
    for line in sys.stdin:
        said = json.loads(line)
        if "continue" in said: break
        say(actions=[[step / 10.0, 0.0] for _ in said["observations"]])
"""
    )
    learner, told = build_learner(spec(script, places="{data} {out} {at}")), list[int]()
    shown = []
    for snapshot in learner.learn(sample_dataset([9], [True]), (1, 2, 5), training_seed(0), told.append):
        shown.append((snapshot.step, float(snapshot.policy.act(np.zeros((3, 3)))[2, 0]), snapshot.losses))
    assert [(step, round(first, 6)) for step, first, _ in shown] == [(1, 0.1), (2, 0.2), (5, 0.5)]
    assert shown[0][2] == {"loss": 1.0}
    assert told == [1, 2, 5]


@pytest.mark.slow
def test_returns_of_its_own_are_external_by_name_and_never_mixed(at_home: Path, tmp_path: Path) -> None:
    script = tmp_path / "own.py"
    script.write_text(SERVES + "say(snapshot=4, returns=[1.0, 2.5])\nsys.stdin.readline()\n")
    record = carry_out(Job(run(spec(script, "external-command")), at=(4,)))
    assert (record.status, record.returns, record.lengths) == ("ok", [1.0, 2.5], [])
    assert record.provenance["trainer"] == "external"
    assert record.support == {}
    refused = carry_out(Job(run(spec(script)), at=(4,)))
    assert refused.status == "failed" and "use `external-command`" in refused.reason
    script.write_text(SERVES + "say(snapshot=4, returns=[[1.0], [2.5]])\nsys.stdin.readline()\n")
    nested = carry_out(Job(run(spec(script, "external-command")), at=(4,)))
    assert nested.status == "failed" and "sent returns of shape (2, 1), not one for each episode" in nested.reason
    script.write_text(SERVES + "say(snapshot=4, returns=[1.0, 2.5])\nsys.stdin.readline()\n")
    few = carry_out(Job(run(spec(script, "external-command"), episodes=3), at=(4,)))
    assert few.status == "failed" and "sent 2 returns at step 4, but the run has 3" in few.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit('no CUDA here')", "ended with status 1; its last lines: no CUDA here"),
        ("import os; os.kill(os.getpid(), 9)", "ended with status 9"),
        ("print('epoch 1: loss 0.3')", "sent a line that is not of the protocol: 'epoch 1: loss 0.3'"),
        (SERVES + "say(hello=1)", "before step 4: it may send only progress or a snapshot"),
        (SERVES + "say(snapshot=3)", "a snapshot of step 3, not of step 4"),
        (
            SERVES + "say(snapshot=4); sys.stdin.readline(); say(actions=[[0.0]])",
            "actions of shape (1, 1), not (64, 3)",
        ),
        (SERVES + "say(snapshot=4); sys.stdin.readline(); say(actions='left')", "actions that are not finite numbers"),
        (SERVES + "say(snapshot=4); sys.stdin.readline(); say(actions=[['0.1'] * 3] * 64)", "actions that are not fin"),
        (
            SERVES + "say(snapshot=4); sys.stdin.readline(); say(actions=[[True] * 3] * 64)",
            "actions that are not finite",
        ),
        (
            SERVES + "say(snapshot=4); sys.stdin.readline(); say(actions=[[10**400] * 3] * 64)",
            "actions that are not fin",
        ),
        (SERVES + "say(snapshot=4, losses={'loss': 10**400})", "losses that are not numbers by name"),
        (
            SERVES + "print(json.dumps({'snapshot': 4}) + '\\nsaved a checkpoint', flush=True)\nsys.stdin.readline()",
            "said something that it was not asked for: 'saved a checkpoint'",
        ),
        (
            SERVES + "say(snapshot=4); sys.stdin.readline(); print('NaN', flush=True)",
            "a line that is not of the protocol",
        ),
        ("import sys; sys.stdout.close(); import os; os.close(1)", "ended with status 0"),
        ("import sys\nfor i in range(9999): print('line', i, file=sys.stderr)\nsys.exit(3)", "line 9998"),
    ],
)
def test_one_that_dies_or_says_rubbish_is_a_failed_row_with_its_last_lines(
    code: str, said: str, at_home: Path, tmp_path: Path
) -> None:
    reason = fails(tmp_path, code)
    assert said in reason
    assert len(reason) < 800


@pytest.mark.slow
def test_one_that_hangs_is_ended_with_all_that_it_started(at_home: Path, tmp_path: Path) -> None:
    code = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
print("waiting for a license", file=sys.stderr, flush=True)
time.sleep(60)
"""
    started = time.monotonic()
    reason = fails(tmp_path, code, patience=1.5)
    assert "said nothing for 1.5 seconds; its last lines: waiting for a license" in reason
    assert time.monotonic() - started < 20.0
    child = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 5.0
    while is_running(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_running(child)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/status")
    return not (status.exists() and "State:\tZ" in status.read_text())


def test_one_that_is_not_there_says_so(tmp_path: Path) -> None:
    learner = build_learner("command(line='no-such-program-here {data}')")
    with pytest.raises(AlgorithmError, match="cannot start the program 'no-such-program-here'"):
        next(learner.learn(sample_dataset([9], [True]), (1,), training_seed(0), lambda step: None))


def test_half_an_action_is_none_of_n() -> None:
    answers = SimpleNamespace(ask=lambda question: {"actions": [0, 1.5]})
    with pytest.raises(AlgorithmError, match=r"not whole numbers: \[0\.0, 1\.5\]"):
        PipePolicy(answers, discrete=True, shape=()).act(np.zeros((2, 3)))  # type: ignore[arg-type]
