"""The verdict of a set: four classes by hand, what would settle an open one, and how often a verdict is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from offline_bench.analysis.decides.error_rates import verdict_rates
from offline_bench.analysis.decides.verdict_of_set import SIDES, classify, judge_sets
from offline_bench.analysis.findings import RewardEffect, SetVerdict
from offline_bench.analysis.scores.competence import judge_learners
from tests.analysis.runs_by_hand import frame_of, runs
from tests.analysis.sameness import is_same

NOISE = np.array([-1.0, 1.5, 0.5, -1.5, 0.5])
CLONING, TRUE = 40.0, 80.0


def frame(kept: dict[str, dict[str, float]], noise: float = 1.0, true: float = TRUE, **columns: Any) -> pd.DataFrame:
    """Cloning at 40, each learner at 80 under the true reward and at 40 + 40 · kept under each wrong one."""
    rng = np.random.default_rng(7)
    rows = runs(CLONING + NOISE, algorithm="bc", **columns)
    for algorithm, rewards in kept.items():
        rows += runs(true + NOISE[::-1], algorithm=algorithm, **columns)
        for name, share in rewards.items():
            scores = CLONING + 40.0 * share + noise * rng.standard_normal(5)
            rows += runs(scores, name, algorithm=algorithm, **columns)
    return frame_of(rows)


def verdict(kept: dict[str, dict[str, float]], **columns: Any) -> SetVerdict:
    made = frame(kept, **columns)
    (found,) = judge_sets(made, judge_learners(made))
    return found


def sides(effects: tuple[RewardEffect, ...]) -> dict[str, str]:
    return {f"{item.learner}{item.relabeling}": item.side for item in effects}


def test_the_four_classes() -> None:
    nothing, everything = {"zero": 0.0, "negative": -0.5}, {"zero": 1.0, "negative": 0.8}
    found = verdict({"iql": nothing, "atac": nothing})
    assert (found.verdict, found.learners) == ("reward-sensitive", ("atac", "iql"))
    assert sides(found.effects) == {"zero": "below", "negative": "below"}
    assert "zero 0 %, negative -5" in found.reason
    assert verdict({"iql": everything, "atac": everything}).verdict == "reward-free"
    found = verdict({"iql": {"zero": 1.0, "negative": 0.0}})
    assert found.verdict == "mixed"
    assert found.reason == "Below half of what the true reward gives: negative; above: zero; over iql."
    found = verdict({"iql": nothing, "atac": everything})
    assert found.verdict == "mixed", "learners, too, can differ"
    assert "iql under zero" in found.reason.split("above")[0] and "atac under zero" in found.reason.split("above")[1]
    found = verdict({"iql": {"zero": 0.5, "negative": 0.0}})
    assert (found.verdict, sides(found.effects)) == ("cannot tell", {"zero": "open", "negative": "below"})
    assert "zero" in found.reason and "seeds" in found.reason


def test_half_is_held_against_by_the_paired_interval_of_k_less_half_of_l() -> None:
    made = frame({"iql": {"zero": 0.3}}, noise=6.0)
    (found,) = judge_sets(made, judge_learners(made))
    by = {key: group.set_index("seed")["score"] for key, group in made.groupby(["algorithm", "relabeling"])}
    k, full = by["iql", "zero"] - by["bc", "original"], by["iql", "original"] - by["bc", "original"]
    interval = ttest_1samp(k - full / 2, 0.0).confidence_interval(0.95)
    (effect,) = found.effects
    assert (effect.excess.low, effect.excess.high) == pytest.approx((interval.low, interval.high))
    assert effect.kept == pytest.approx(k.mean() / full.mean())
    assert effect.side == ("below" if interval.high < 0 else "open")


def test_what_would_settle_an_open_one_is_told_in_seeds() -> None:
    found = verdict({"iql": {"zero": 0.4}}, noise=16.0)
    (effect,) = found.effects
    assert effect.side == "open" and 5 < effect.seeds < 1000
    assert f"About {effect.seeds:.0f} seeds would settle it" in found.reason


def test_without_a_competent_learner_nothing_is_told() -> None:
    found = verdict({"iql": {"zero": 0.0}}, true=40.0)
    assert (found.verdict, found.learners, found.effects) == ("cannot tell", (), ())
    assert "No learner is competent" in found.reason and "iql: Under the true reward it is" in found.reason
    made = frame_of(runs([1.0, 2.0], algorithm="bc"))
    assert judge_sets(made, judge_learners(made)) == ()
    assert judge_sets(made.iloc[:0], []) == ()


def test_who_is_not_competent_has_no_say() -> None:
    alone = verdict({"iql": {"zero": 0.0}})
    made = frame({"iql": {"zero": 0.0}})
    rows = [*runs(CLONING - NOISE, algorithm="sac"), *runs(CLONING + 90 + NOISE, "zero", algorithm="sac")]
    both = pd.concat([made, frame_of(rows)], ignore_index=True)
    (found,) = judge_sets(both, judge_learners(both))
    assert (found.verdict, found.learners) == (alone.verdict, ("iql",)) == ("reward-sensitive", ("iql",))
    assert is_same(found.effects, alone.effects)


def test_where_cloning_is_as_good_as_the_data_wrong_rewards_are_to_do_no_harm() -> None:
    best = {"true": 41.0, "best_score": 42.0}
    found = verdict({"iql": {"zero": 0.0, "negative": -0.05}}, **best)
    assert (found.verdict, sides(found.effects)) == ("reward-free", {"zero": "above", "negative": "above"})
    assert verdict({"iql": {"zero": -0.5}}, **best).verdict == "reward-sensitive"
    assert verdict({"iql": {"zero": -0.125}}, **best).verdict == "cannot tell"
    assert verdict({"iql": {"zero": 0.0}}, best_score=42.0).verdict == "reward-sensitive", "far above: by half again"


def test_wrong_rewards_can_be_named_so_that_a_placebo_is_none() -> None:
    made = frame({"iql": {"zero": 0.0, "constant(value=1)": 1.0}})
    judged = judge_learners(made)
    assert judge_sets(made, judged)[0].verdict == "mixed"
    assert judge_sets(made, judged, ["zero"])[0].verdict == "reward-sensitive"
    assert judge_sets(made, judged, ["negative"])[0].reason == "No wrong reward was run."


def test_each_curation_is_a_set_and_competence_is_its_own() -> None:
    cut = frame({"iql": {"zero": 1.0}}, curation="top(p=0.5)")
    weak = frame({"iql": {"zero": 1.0}}, true=40.0, curation="bottom(p=0.5)")
    made = pd.concat([frame({"iql": {"zero": 0.0}}), cut, weak], ignore_index=True)
    found = {item.curation: item.verdict for item in judge_sets(made, judge_learners(made))}
    assert found == {"full": "reward-sensitive", "top(p=0.5)": "reward-free", "bottom(p=0.5)": "cannot tell"}


def test_learners_of_unequal_seeds_are_compared_on_those_they_share() -> None:
    made = frame({"iql": {"zero": 0.0}, "atac": {"zero": 0.0}})
    short = made[(made["algorithm"] != "atac") | (made["seed"] < 3)]
    (found,) = judge_sets(short, judge_learners(short))
    assert (found.verdict, found.effects[0].excess.n) == ("reward-sensitive", 3)
    apart = made.assign(seed=made["seed"].mask(made["algorithm"] == "atac", made["seed"] + 100))
    (found,) = judge_sets(apart, judge_learners(apart))
    assert found.learners == ("iql",), "without a seed in common with cloning atac is not told of"


def test_classify_knows_every_combination() -> None:
    for over in SIDES:
        for other in SIDES:
            codes = np.array([SIDES.index(over) - 1, SIDES.index(other) - 1])
            said = str(classify(codes, codes[None]))
            wanted = {("below", "below"): "reward-sensitive", ("above", "above"): "reward-free"}
            wanted |= {("below", "above"): "mixed", ("above", "below"): "mixed"}
            assert said == wanted.get((over, other), "cannot tell")
    assert str(classify(np.array([], int), np.zeros((1, 0), int))) == "cannot tell"
    assert str(classify(np.array([-1, -1]), np.array([[-1, -1], [1, 0]]))) == "mixed"


SENSITIVE, FREE = [[0.0] * 3] * 3, [[1.0] * 3] * 3


@pytest.mark.parametrize("noise", ["normal", "t(3)", "collapse"])
@pytest.mark.parametrize(
    ("kept", "right", "told"),
    [
        (SENSITIVE, "reward-sensitive", 0.6),
        (FREE, "reward-free", 0.5),
        ([[0.0, 1.0, 1.0]] * 3, "mixed", 0.8),
        ([[1.0] * 3, [0.0] * 3, [0.0] * 3], "mixed", 0.65),
    ],
)
def test_verdicts_are_silent_rather_than_wrong(noise: str, kept: list[list[float]], right: str, told: float) -> None:
    """With 5 seeds; the table of `judge_sets`. Only learners that differ are told to be alike, in 5 of 100 sets."""
    rates = verdict_rates(np.random.default_rng(2), kept, 5, noise=noise, trials=1_000)
    assert rates[right] > told
    assert 1.0 - rates[right] - rates["cannot tell"] < (0.07 if kept[0] != kept[1] else 0.01)
    more = verdict_rates(np.random.default_rng(2), kept, 10, noise=noise, trials=1_000)
    assert more[right] > 0.95


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_at_one_half_hardly_any_word_is_said_and_of_learners_that_read_nothing_none(seeds: int) -> None:
    half = verdict_rates(np.random.default_rng(2), [[0.5] * 3] * 3, seeds, trials=1_000)
    assert half["cannot tell"] > 0.96
    blind = verdict_rates(np.random.default_rng(2), FREE, seeds, lift=0.0, trials=1_000)
    assert blind["cannot tell"] > 0.99
