"""Verdicts on predictions: made-up runs that settle them one way, the other, or not at all."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from offline_bench.analysis.findings import Verdict
from offline_bench.analysis.predictions.prediction import load_predictions
from offline_bench.analysis.predictions.verdicts import judge

REWARDS = ("original", "zero", "random")


def runs(seeds: int = 5, noise: float = 1.0, rewards: tuple[str, ...] = REWARDS) -> pd.DataFrame:
    """Two datasets, two curations, two algorithms; noise that is mostly the same under all rewards.

    The score: 20 less under a wrong reward on 'full' with iql, 5 less with bc; 10 more on 'top'; 30 more on 'd2'.
    """
    rng = np.random.default_rng(5)
    rows = [
        {"dataset": d, "curation": c, "relabeling": r, "algorithm": a, "seed": s}
        for d, c, a, r, s in product(
            ("d1", "d2"), ("full", "top(p=0.5)"), ("bc", "iql(gamma=0.9)"), rewards, range(seeds)
        )
    ]
    frame = pd.DataFrame(rows)
    wrong, iql, full = frame["relabeling"] != "original", frame["algorithm"] != "bc", frame["curation"] == "full"
    score = 50.0 + 30.0 * (frame["dataset"] == "d2") + 10.0 * ~full
    score -= np.where(wrong & full, np.where(iql, 20.0, 5.0), 0.0)
    block = frame.groupby(["dataset", "curation", "algorithm", "seed"]).ngroup().to_numpy()
    score += noise * (5.0 * rng.standard_normal(block.max() + 1)[block] + 0.3 * rng.standard_normal(len(frame)))
    known = {"status": "ok", "stale": "", "steps": 10, "episodes": 2, "behavior_score": 40.0, "in_support": 0.9}
    return frame.assign(score=score, **known)


def verdict(frame: pd.DataFrame, **table: Any) -> Verdict:
    whole = {"name": "n", "text": "t", "kind": "difference", "expect": "greater", **table}
    (found,) = judge(load_predictions([whole], "s"), frame)
    assert (found.name, found.text) == ("n", "t")
    return found


TRUE, WRONG = {"relabeling": "original"}, {"relabeling": ["zero", "random"]}


@pytest.mark.parametrize(
    ("expect", "than", "said"),
    [
        ("greater", 0, "holds"),
        ("greater", 20, "fails"),
        ("less", 20, "holds"),
        ("less", 0, "fails"),
        ("less", 6.2, "open"),
        ("greater", 6.2, "open"),
    ],
)
def test_a_difference_is_of_means_over_cells_and_its_interval_decides(expect: str, than: float, said: str) -> None:
    """The gap is 20 or 5 on full and 0 on top, so 6.25 over the four kinds of cells."""
    found = verdict(runs(), a=TRUE, b=WRONG, expect=expect, than=than)
    assert found.verdict == said
    assert "+6." in found.figures and "120 runs in 24 cells" in found.figures


def test_differences_are_paired_by_seed_so_noise_that_rewards_share_does_not_widen_them() -> None:
    frame = runs(noise=3.0)
    assert verdict(frame, a=TRUE, b=WRONG, than=5.0).verdict == "holds"
    torn = frame.assign(seed=np.where(frame["relabeling"] == "zero", (frame["seed"] + 1) % 5, frame["seed"]))
    torn = torn.assign(seed=np.where(frame["relabeling"] == "random", (frame["seed"] + 2) % 5, torn["seed"]))
    assert verdict(torn, a=TRUE, b=WRONG, than=5.0).verdict == "open"


def test_the_interval_is_the_paired_t_interval_of_the_seeds_own_differences() -> None:
    from scipy.stats import ttest_1samp

    frame = runs()
    sides = [frame[frame["relabeling"] == name].groupby("seed")["score"].mean() for name in ("original", "zero")]
    interval = ttest_1samp(sides[0] - sides[1], 0.0).confidence_interval(0.95)
    found = verdict(frame, a=TRUE, b={"relabeling": "zero"})
    assert f"(95 % interval +{interval.low:.1f} to +{interval.high:.1f};" in found.figures


def test_a_difference_of_differences_near_and_a_mean_with_each_value_of_a_column() -> None:
    full, top = {"curation": "full"}, {"curation": "top"}
    sides = {"a": full | TRUE, "b": full | WRONG, "c": top | TRUE, "d": top | WRONG}
    found = verdict(runs(), kind="double-difference", **sides, than=10, where={"algorithm": "iql"})
    assert found.verdict == "holds" and found.figures.startswith("+20.")
    turned = {"a": sides["c"], "b": sides["d"], "c": sides["a"], "d": sides["b"]}
    found = verdict(runs(), kind="double-difference", **turned, than=0, where={"algorithm": "iql"})
    assert found.verdict == "fails" and found.figures.startswith("-20.")
    assert verdict(runs(), kind="double-difference", **sides, each="algorithm", than=10).verdict == "fails"
    near = {"expect": "near", "within": 2.0, "a": TRUE, "b": WRONG, "each": "curation"}
    found = verdict(runs(), **near)
    assert (found.verdict, found.figures) == ("fails", "1 hold, 1 fail, 0 open of 2")
    assert [case[:2] for case in found.cases] == [("full", "fails"), ("top(p=0.5)", "holds")], found.cases
    assert found.cases[0][2].startswith("+12.")
    assert verdict(runs(), **near, where=top).verdict == "holds"
    lift = {"kind": "mean", "measure": "lift", "a": {"curation": "top", "algorithm": "bc"}, "each": "dataset"}
    assert verdict(runs(), **lift, expect="near", to=20, within=15).figures.startswith("1 hold, 1 fail")
    support = verdict(runs(), kind="mean", measure="in_support", a={}, expect="near", to=0.9, within=0.001)
    assert support.verdict == "holds" and support.figures.startswith("0.900 ")


def test_shares_are_judged_by_size_by_ratio_and_against_each_other() -> None:
    frame = runs()
    assert verdict(frame, kind="share-ratio", a={}, source="coverage", over="reward", than=3).verdict == "holds"
    assert verdict(frame, kind="share-ratio", a={}, source="reward", over="coverage", than=3).verdict == "fails"
    # Over all, coverage is the datasets' 30; within one it is the curations' 10 less what wrong rewards cost.
    sides = {"kind": "share-difference", "a": {}, "b": {"dataset": "d1"}, "source": "coverage"}
    assert verdict(frame, **sides).verdict == "holds"
    assert verdict(frame, **sides, expect="less").verdict == "fails"
    small = verdict(frame, kind="share", a={}, source="reward", expect="less", than=0.2)
    assert small.verdict == "holds" and "120 runs" in small.figures
    blind = runs(rewards=("original",))
    blind = pd.concat([blind, blind.assign(relabeling="zero")], ignore_index=True)
    share = {"kind": "share", "a": {}, "source": "reward", "expect": "near", "within": 0.0}
    assert verdict(blind, **share).verdict == "holds"


def test_what_did_not_run_leaves_a_prediction_open_and_what_is_missing_is_said() -> None:
    frame = runs()
    nothing = verdict(frame[:0], a=TRUE, b=WRONG)
    assert (nothing.verdict, nothing.figures) == ("open", "no run fits it")
    assert verdict(frame[frame["relabeling"] == "original"], a=TRUE, b=WRONG).verdict == "open"
    assert "too few seeds" in verdict(frame[frame["seed"] == 0], a=TRUE, b=WRONG, than=-99).figures
    assert verdict(frame[frame["seed"] == 0], a=TRUE, b=WRONG, than=-99).verdict == "open"
    hole = (frame["dataset"] == "d1") & (frame["algorithm"] == "bc") & (frame["relabeling"] == "zero")
    ended = frame.assign(status=frame["status"].mask(hole, "diverged"))
    one = frame[~(hole & (frame["curation"] == "full"))]
    assert "in 23 cells, 1 missing or without a counterpart)" in verdict(one, a=TRUE, b=WRONG).figures
    without = verdict(ended, a=TRUE, b={"relabeling": "zero"})
    assert "in 12 cells, 4 missing or without a counterpart)" in without.figures, (
        "a setting without its counterpart is left out on both sides"
    )
    assert verdict(frame, a=TRUE, b=WRONG, measure="concentrability").verdict == "open"
    assert verdict(frame.assign(stale="older"), a=TRUE, b=WRONG).verdict == "open"


def test_the_verdicts_know_no_order_of_the_rows() -> None:
    frame = runs()
    for table in ({"a": TRUE, "b": WRONG}, {"kind": "share", "a": {}, "source": "reward", "than": 0.1}):
        assert verdict(frame, **table) == verdict(frame.sample(frac=1.0, random_state=3), **table)


def test_intervals_of_differences_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(9)
    frame = runs(noise=0.0, rewards=("original", "zero"))
    held = 0
    for _ in range(60):
        block = frame.groupby(["dataset", "curation", "algorithm", "seed"]).ngroup().to_numpy()
        noise = 5.0 * rng.standard_normal(block.max() + 1)[block] + 5.0 * rng.standard_normal(len(frame))
        noisy = frame.assign(score=frame["score"] + noise)
        held += verdict(noisy, a=TRUE, b={"relabeling": "zero"}, expect="less", than=6.25).verdict == "open"
    assert 51 <= held < 60
