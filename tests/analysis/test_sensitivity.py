"""What the headline leans on: every level left out once, and the one that carries it is named."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from offline_bench.analysis.decides.sensitivity import lean_headline, lean_most
from offline_bench.analysis.decides.shares import variance_shares
from tests.analysis.sameness import is_same


def made_frame(rewards: dict[str, float], algorithms: tuple[str, ...] = ("bc", "iql"), seeds: int = 5) -> pd.DataFrame:
    """Scores that a dataset shifts by 6, a curation by 3 and a reward by its number, for iql alone; noise of 1."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "dataset": dataset,
            "curation": curation,
            "relabeling": reward,
            "algorithm": algorithm,
            "seed": seed,
            "steps": 1,
            "episodes": 1,
            "status": "ok",
            "stale": "",
            "score": 6.0 * (dataset == "b") + 3.0 * (curation == "full") + rewards[reward] * (algorithm == "iql"),
        }
        for dataset, curation, reward, algorithm, seed in product(
            "ab", ("full", "top(p=0.5)"), rewards, algorithms, range(seeds)
        )
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(score=frame["score"] + rng.standard_normal(len(frame)), true_return=frame["score"])


def test_every_level_is_left_out_once_and_every_algorithm_stands_alone_once() -> None:
    found = lean_headline(made_frame({"original": 0.0, "zero": 1.0, "negative": -20.0}))
    told = [(item.kind, item.factor, item.level) for item in found]
    assert told == [
        *(("only", "algorithm", name) for name in ("bc", "iql")),
        *(("without", "algorithm", name) for name in ("bc", "iql")),
        *(("without", "reward", name) for name in ("original", "zero", "negative")),
        *(("without", "curation", name) for name in ("full", "top(p=0.5)")),
        *(("without", "dataset", name) for name in "ab"),
    ]
    runs = {(item.kind, item.level): max(share.n for _, share in item.shares.shares) for item in found}
    assert (runs["only", "bc"], runs["without", "bc"], runs["without", "negative"], runs["without", "a"]) == (
        60, 60, 80, 60
    )  # fmt: skip


def test_each_is_the_headline_of_the_rows_that_are_left() -> None:
    frame = made_frame({"original": 0.0, "zero": 1.0, "negative": -20.0})
    for item in lean_headline(frame):
        column = {"reward": "relabeling"}.get(item.factor, item.factor)
        chosen = frame[column] == item.level
        assert is_same(item.shares, variance_shares(frame[chosen if item.kind == "only" else ~chosen])[0])


def test_the_reward_that_carries_the_number_is_named() -> None:
    frame = made_frame({"original": 0.0, "zero": 2.0, "negative": -20.0}, algorithms=("iql", "atac"))
    overall = variance_shares(frame)[0]
    assert overall.ratio.value < 1.0
    sentence = lean_most(overall, lean_headline(frame))
    assert sentence.startswith("Without the negative reward this turns around: coverage decided ")
    without = variance_shares(frame[frame["relabeling"] != "negative"])[0].ratio
    assert without.value > 10.0
    assert np.isinf(without.high)
    assert f"coverage decided at least {without.low:.1f} times as much of the score as reward did" in sentence


def test_a_caveat_that_leaves_the_answer_standing_says_what_it_leans_on() -> None:
    frame = made_frame({"original": 0.0, "zero": 3.0}, algorithms=("iql", "iql(tau=0.9)"))
    overall = variance_shares(frame)[0]
    sentence = lean_most(overall, lean_headline(frame))
    assert sentence.startswith("This leans most on the ")
    assert ". Without it " in sentence
    assert "turns around" not in sentence


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_seeds_give_numbers_without_intervals_and_a_single_level_none_to_leave_out(seeds: int) -> None:
    frame = made_frame({"original": 0.0, "negative": -5.0}, algorithms=("iql",), seeds=seeds)
    found = lean_headline(frame)
    assert {item.factor for item in found} == {"reward", "curation", "dataset"}
    assert "interval" not in lean_most(variance_shares(frame)[0], found)
    assert lean_most(variance_shares(frame)[0], ()) == ""


def test_runs_that_do_not_count_change_nothing() -> None:
    frame = made_frame({"original": 0.0, "negative": -5.0})
    extra = frame.head(3).assign(status="failed", algorithm="atac", score=1e6)
    stale = frame.tail(3).assign(stale="its source changed", relabeling="zero", score=1e6)
    assert is_same(lean_headline(pd.concat([frame, extra, stale], ignore_index=True)), lean_headline(frame))


def test_where_a_seed_ran_at_two_budgets_the_longer_one_counts() -> None:
    frame = made_frame({"original": 0.0, "negative": -5.0})
    shorter = frame.assign(steps=frame["steps"] - 1, score=frame["score"].sample(frac=1.0, random_state=0).to_numpy())
    for both in (pd.concat([shorter, frame]), pd.concat([frame, shorter])):
        assert variance_shares(both.reset_index(drop=True)) == variance_shares(frame)
