"""The audit of a learner: what it says set by set, beside whom, and that a blind one is known by its policies."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from offline_bench.analysis.decides.learner_audit import LearnerAudit, audit_learner, decide_learner
from offline_bench.analysis.findings import SetVerdict
from offline_bench.runs.record import Record, Run

NOISE = np.array([-1.0, 1.5, 0.5, -1.5, 0.5])
BC = "bc(hidden_units=(64, 64))"


def records(dataset: str, algorithm: str, relabeling: str, returns: Iterable[float], policy: str = "") -> list[Record]:
    about = {"mean_return": 60.0, "transitions": 10.0, "episodes": 2.0, "mean_length": 5.0}
    return [
        Record(
            Run(dataset, "full", relabeling, algorithm, seed, 100, 1),
            "ok",
            returns=[float(value)],
            lengths=[9],
            data=about,
            fingerprints={"policy": policy or f"{relabeling} {seed}"},
        )
        for seed, value in enumerate(returns)
    ]


def audit(kept: dict[str, float], algorithm: str = "mine", policy: str = "") -> LearnerAudit:
    """On each set the learner is at 90, cloning at 50, and `kept` of the way between under each wrong reward."""
    own, beside = [], []
    for dataset, share in kept.items():
        beside += records(dataset, BC, "original", 50.0 + NOISE)
        beside += records(dataset, "iql", "original", 70.0 + NOISE)
        for name in ("original", "placebo"):
            own += records(dataset, algorithm, name, 90.0 - NOISE, policy)
        for name in ("zero", "negative"):
            own += records(dataset, algorithm, name, 50.0 + 40.0 * share + NOISE[::-1], policy)
    return audit_learner(own, [record.run for record in own], beside)


@pytest.mark.parametrize(
    ("kept", "verdict", "said"),
    [
        ({"a/one": 0.0, "a/two": 0.2}, "uses it", "mine uses its reward on the 2 of 2 sets on which it can be told"),
        ({"a/one": 1.0, "a/two": 0.9}, "does as well without", "mine does as well without its reward on the 2 of 2"),
        ({"a/one": 0.0, "a/two": 1.0}, "on some sets", "uses it: a/one; does as well without: a/two"),
        ({"a/one": 0.5}, "cannot tell", "on none of 1 sets can it be told. a/one: Intervals reach across half"),
        ({"a/one": 0.0, "a/two": 0.5}, "uses it", "on the 1 of 2 sets on which it can be told"),
    ],
)
def test_the_verdict_is_one_sentence_with_its_interval(kept: dict[str, float], verdict: str, said: str) -> None:
    found = audit(kept)
    assert found.verdict == verdict
    assert said in found.sentence
    assert verdict == "cannot tell" or "95 % interval" in found.sentence
    assert (found.done, found.expected, found.placebo.shows) == (20 * len(kept), 20 * len(kept), False)


def test_it_stands_beside_committed_learners_that_have_no_say_on_it() -> None:
    found = audit({"a/one": 0.0})
    assert {row.learner for _, row in found.rows} == {"bc", "iql", "mine"}
    assert {item.label for item in found.judged} == {"mine"}
    assert found.sets[0].learners == ("mine",)


def test_one_whose_policies_are_the_same_under_every_reward_reads_none() -> None:
    found = audit({"a/one": 1.0}, policy="same")
    assert found.verdict == "reads none"
    assert found.sentence == "mine reads no reward: its policies are the same to the bit under every reward."


def test_without_cloning_beside_it_nothing_is_told() -> None:
    own = records("a/one", "mine", "original", 90.0 + NOISE) + records("a/one", "mine", "zero", 50.0 + NOISE)
    found = audit_learner(own, [record.run for record in own], [])
    assert found.verdict == "cannot tell"
    assert "no cloning of the same data" in found.sentence


def test_one_word_over_sets() -> None:
    def word(*verdicts: str) -> str:
        return decide_learner([SetVerdict("a/one", "full", verdict, "") for verdict in verdicts])

    assert word() == word("cannot tell") == "cannot tell"
    assert word("reward-sensitive", "cannot tell") == "uses it"
    assert word("reward-free", "reward-free") == "does as well without"
    assert word("reward-free", "reward-sensitive") == word("mixed") == "on some sets"
