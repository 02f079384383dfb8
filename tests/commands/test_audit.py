"""The audit as a user calls it: times first, a verdict last, files to keep, and on again where it was stopped."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from offline_bench.commands import reproduce
from offline_bench.commands.audit import audit_dataset, tell_duration
from offline_bench.commands.audit_learner import audit_algorithm
from offline_bench.commands.reproduce import Means, carry_out_runs
from offline_bench.core.errors import SuiteError
from offline_bench.core.storage import write_text
from offline_bench.runs.audit_plan import (
    BUDGETS,
    CLONING,
    Wish,
    name_audit,
    name_learner_audit,
    plan_audit,
    plan_learner_audit,
    to_toml,
)
from offline_bench.runs.executors.ray_place import RayPlace
from offline_bench.runs.store import read_records
from offline_bench.runs.suites import Grid, Suite, load_suite
from tests.conftest import MEDIUM

LEARNER = "pct-bc(hidden_units=(8,), batch_size=32)"


def test_a_plan_is_a_suite_that_reads_back_the_same(tmp_path: Path) -> None:
    for budget, discrete in ((name, kind) for name in BUDGETS for kind in (False, True)):
        suite = plan_audit(Wish(MEDIUM, budget, discrete), tmp_path)
        (tmp_path / "suite.toml").write_text(to_toml(suite))
        assert load_suite(str(tmp_path / "suite.toml")).runs() == suite.runs()
        runs = list(suite.runs())
        rewards = {run.relabeling for run in runs if "bc(" not in run.algorithm and run.algorithm != "discrete-bc"}
        assert rewards == {"original", "placebo", "zero", "random", "negative"}
        assert {run.seed for run in runs} == {0, 1, 2, 3, 4}
        assert {run.steps for run in runs if run.algorithm.startswith(("bc(", "pct-bc(", "discrete-bc"))} == {CLONING}
        assert len({run.algorithm.partition("(")[0] for run in runs}) == len({run.algorithm for run in runs})


def test_the_one_step_learner_improves_half_way() -> None:
    for budget, steps, half in (("night", 0, 200_000), ("hour", 60, 30)):
        runs = plan_audit(Wish(MEDIUM, budget, steps=steps), Path("x")).runs()
        (onestep,) = {run.algorithm for run in runs if "onestep" in run.algorithm}
        assert f"n_critic_steps={half}," in onestep


def test_steps_of_a_user_are_those_of_every_learner_and_else_each_has_its_own() -> None:
    def steps_of(wish: Wish) -> dict[str, int]:
        return {run.algorithm.partition("(")[0]: run.steps for run in plan_audit(wish, Path("x")).runs()}

    assert steps_of(Wish(MEDIUM, "minutes")) == {"bc": 20_000, "pct-bc": 20_000, "iql": 60_000}
    assert steps_of(Wish(MEDIUM, "minutes", steps=7)) == {"bc": 7, "pct-bc": 7, "iql": 7}
    assert steps_of(Wish(MEDIUM, "minutes", learners=("td3-plus-bc",))) == {"bc": 20_000, "td3-plus-bc": 60_000}


def test_a_learner_trains_as_long_as_the_longest_of_a_suite(tmp_path: Path) -> None:
    rewards = ("original", "zero", "random", "negative")
    grids = [
        Grid((name,), ("bc",), rewards, (0, steps), steps, 2)
        for name, steps in ((MEDIUM, 20), ("x/y-v0", 90), (MEDIUM, 30))
    ]
    runs = plan_learner_audit(LEARNER, Suite("s", "s", tmp_path, tuple(grids)), 0, tmp_path).runs()
    assert {run.steps for run in runs} == {90}
    assert {run.dataset for run in runs} == {MEDIUM, "x/y-v0"}


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(SuiteError, match="unknown budget 'minute': did you mean minutes"):
        Wish(MEDIUM, "minute")
    with pytest.raises(SuiteError, match="use at least 2"):
        Wish(MEDIUM, "minutes", seeds=1)


def test_a_title_from_a_stranger_is_a_title(tmp_path: Path) -> None:
    suite = plan_audit(Wish('mine/"]\n[x]-v0', "minutes"), tmp_path)
    assert tomllib.loads(to_toml(suite))["grids"][0]["datasets"] == ['mine/"]\n[x]-v0']


@pytest.mark.slow
def test_an_audit_says_its_time_first_and_its_verdict_last_and_goes_on(
    at_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wish = Wish(MEDIUM, "minutes", seeds=2, steps=20, learners=(LEARNER,))
    audit_dataset(wish, tmp_path, Means(workers=0))
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("-> minutes: 12 runs of 20 steps, ")
    assert [line[:9] for line in told[1:3]] == ["   hour: ", "   night:"]
    assert all(line.endswith(" minutes on 1 worker of this machine's speed") for line in told[:1])
    assert "The placebo showed nothing" in "\n".join(told)
    assert told[-1].startswith(("Cannot tell", "Reward-", "Mixed"))
    content = json.loads((tmp_path / "audit.json").read_text())
    assert content["sentence"] == told[-1]
    assert (content["placebo"]["same"], content["done"], content["expected"]) == (2, 12, 12)
    assert content["coverage"]["dataset"] == MEDIUM
    assert told[-1] in (tmp_path / "card.md").read_text()
    assert "--steps 20" in (tmp_path / "card.md").read_text()
    papers = {name: (tmp_path / name).read_bytes() for name in ("card.md", "audit.html", "audit.json")}
    before = {record.run: record.provenance for record in read_records(tmp_path).records}
    left = next((tmp_path / "records").rglob("*.json"))
    left.unlink()
    audit_dataset(wish, tmp_path, Means(workers=0))
    after = {record.run: record.provenance for record in read_records(tmp_path).records}
    assert sum(after[run] != before[run] for run in before) == 1, "one is missing, one is done again"
    audit_dataset(wish, tmp_path, Means(workers=0))
    assert "runs of 20 steps" not in capsys.readouterr().out.split("12 of 12")[-1], "nothing to do takes no time"
    assert (tmp_path / "audit.html").read_text().count("</table>") == papers["audit.html"].decode().count("</table>")
    assert load_suite(str(tmp_path / "suite.toml")).gate


def test_the_time_is_that_of_the_workers_that_there_are_and_no_run_is_shared_out() -> None:
    prices = [(60.0, 600.0)] * 30
    assert tell_duration(prices, 1) == "30.0 minutes to 5.0 hours on 1 worker of this machine's speed"
    assert tell_duration(prices, 10).startswith("3.0 minutes to 30.0 minutes on 10 workers")
    assert tell_duration(prices, 99).startswith("1.0 minutes to 10.0 minutes on 99 workers")


def test_a_cluster_is_asked_for_its_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def open_cluster(place: RayPlace) -> Iterator[SimpleNamespace]:
        assert place.address == "far:1"
        yield SimpleNamespace(slots=48)

    monkeypatch.setattr(reproduce, "open_cluster", open_cluster)
    monkeypatch.setattr(RayPlace, "check", lambda place: None)
    assert Means(workers=2, executor="ray", ray_address="far:1").count_hands(tmp_path) == 48
    assert [Means(workers=count).count_hands(tmp_path) for count in (0, 3)] == [1, 3]


@pytest.mark.slow
def test_a_set_without_an_environment_is_described_and_not_audited(
    at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    from offline_bench.commands import audit as module

    def cover(dataset: str) -> object:
        data, coverage, notes = module_cover(dataset)
        return replace(data, environment=""), replace(coverage, environment=""), notes

    module_cover = module.cover
    monkeypatch.setattr(module, "cover", cover)
    with pytest.raises(typer.Exit) as ended:
        audit_dataset(Wish(MEDIUM, "minutes"), tmp_path, Means(workers=0))
    assert ended.value.exit_code == 1
    assert "It can be described, and not audited" in capsys.readouterr().err
    assert "**Not audited:" in (tmp_path / "card.md").read_text()
    assert json.loads((tmp_path / "audit.json").read_text())["verdict"] == "not audited"
    assert not (tmp_path / "records").exists()


def test_two_sets_never_share_a_folder_by_a_slash() -> None:
    names = {name_audit(Wish(dataset, "minutes")) for dataset in ("a/b-v0", "a-b-v0")}
    assert len(names) == 2


@pytest.mark.slow
def test_a_learner_is_audited_on_the_sets_of_a_suite(
    at_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    standard = tmp_path / "standard" / "suite.toml"
    grid = Grid((MEDIUM,), ("bc(hidden_units=(8,))",), ("original", "zero", "random", "negative"), (0, 1), 20, 2)
    suite = Suite("standard", "small", standard.parent, (grid,))
    write_text(standard, to_toml(suite))
    carry_out_runs(suite.runs(), standard.parent, "standard", Means(workers=0))
    capsys.readouterr()
    audit_algorithm(LEARNER, str(standard), 0, tmp_path / "out", Means(workers=0))
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("10 runs, ") and " on 1 worker " in told[0]
    assert "pct-bc" in told[-1] and told[-1].endswith(".")
    content = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert content["sentence"] == told[-1]
    assert [one["dataset"] for one in content["coverage"]] == [MEDIUM]
    assert {row["learner"] for _, row in content["rows"]} == {"bc", "pct-bc"}
    card = (tmp_path / "out" / "card.md").read_text()
    assert told[-1] in card.replace("&#42;", "*") and f"--suite {standard}" in card
    assert "Does this learner use its reward?" in (tmp_path / "out" / "audit.html").read_text()


def test_a_suite_without_wrong_rewards_cannot_audit_a_learner(tmp_path: Path) -> None:
    bare = Suite("bare", "", tmp_path, (Grid((MEDIUM,), ("bc",), ("original",), (0,), 9, 1),))
    with pytest.raises(SuiteError, match="suite bare has no grid of whole sets under original, zero"):
        plan_learner_audit("iql", bare, 0, tmp_path)
    names = {name_learner_audit(text, "coverage", 0) for text in ("iql", "iql(gamma=0.9)", "iql(gamma=0.99)")}
    assert len(names) == 2, "what is the default is no other learner"
