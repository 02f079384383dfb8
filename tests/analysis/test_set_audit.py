"""The audit of a set: its sentence and interval, the placebo, the share of the way, and how often it is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offline_bench.analysis.decides.error_rates import BLIND, TRUTHS, audit_rates
from offline_bench.analysis.decides.set_audit import RETURN, SHARE, Scale, SetAudit, audit_set, make_share_scale
from offline_bench.analysis.decides.verdict_of_set import UNTOLD
from offline_bench.analysis.jackknife import mean_interval, ratio_interval
from offline_bench.analysis.origin import collect_provenance
from offline_bench.data.coverage import measure_coverage
from offline_bench.report.decides.error_rates import rates_table
from offline_bench.report.decides.set_audit import Making, audit_card, audit_json
from offline_bench.report.html.audit_page import audit_page
from offline_bench.runs.record import Record, Run
from offline_bench.schemes.checks import sample_dataset

BARE = Scale(RETURN)
ROOM = Path(__file__).parents[2] / "offline_bench" / "analysis" / "decides" / "README.md"
NOISE = np.array([-10.0, 15.0, 5.0, -15.0, 5.0])
BC = "bc(hidden_units=(64, 64))"


def records(algorithm: str, relabeling: str, returns: Iterable[float]) -> list[Record]:
    about = {"mean_return": 600.0, "best_return": 1_000.0, "transitions": 10.0, "episodes": 2.0, "mean_length": 5.0}
    return [
        Record(
            Run("toy/one", "full", relabeling, algorithm, seed, 100, 1),
            "ok",
            "",
            [float(value)],
            [9],
            data=about,
        )
        for seed, value in enumerate(returns)
    ]


def audit(
    kept: dict[str, float], true: float = 900.0, noise: float = 1.0, placebo: float = 0.0, scale: Scale = BARE
) -> tuple[SetAudit, list[Record]]:
    """Cloning at 500, iql at `true`, under each wrong reward at 500 + kept · 400; the placebo is off by `placebo`."""
    rng = np.random.default_rng(3)
    made = records(BC, "original", 500.0 + NOISE)
    learned = true + NOISE[::-1]
    made += records("iql", "original", learned)
    made += records("iql", "placebo", learned + placebo * (1.0 + 0.1 * rng.standard_normal(5)))
    for name, share in kept.items():
        made += records("iql", name, 500.0 + 400.0 * share + 10.0 * noise * rng.standard_normal(5))
    return audit_set(made, [record.run for record in made], scale, "--budget hour"), made


NOTHING, ALL = {"zero": 0.0, "random": 0.2, "negative": -0.5}, {"zero": 1.0, "random": 0.9, "negative": 0.8}


@pytest.mark.parametrize(
    ("kept", "verdict", "begins", "names"),
    [
        (
            NOTHING,
            "reward-sensitive",
            "Reward-sensitive: no wrong reward does as well",
            "the best of them, random, keeps",
        ),
        (ALL, "reward-free", "Reward-free: wrong rewards do as well", "the worst of them, negative, keeps"),
        (
            {"zero": 1.0, "negative": 0.0},
            "mixed",
            "Mixed: some wrong rewards do as well",
            "(zero) and some do not (negative",
        ),
    ],
)
def test_the_sentence_is_the_verdict_with_its_interval(
    kept: dict[str, float], verdict: str, begins: str, names: str
) -> None:
    found, _ = audit(kept)
    assert found.verdict == verdict
    assert found.sentence.startswith(begins)
    assert names in found.sentence
    assert re.search(r"95 % interval -?\d+ to -?\d+ %, 5 seeds", found.sentence)
    assert "\n" not in found.sentence
    assert found.settles == ""


def test_where_cloning_is_as_good_as_the_data_wrong_rewards_are_told_from_cloning() -> None:
    _, made = audit({"zero": 0.03, "negative": 0.02}, true=505.0, noise=0.2)
    best = [replace(record, data=record.data | {"best_return": 520.0}) for record in made]
    found = audit_set(best, [record.run for record in best], Scale(SHARE, 100.0, 600.0))
    assert found.verdict == "reward-free"
    assert re.search(r"the worst of them, \w+, is [+-]\d\.\d from cloning \(95 % interval", found.sentence)


def test_where_it_cannot_tell_it_says_what_would() -> None:
    found, _ = audit({"zero": 0.45}, noise=10.0)
    assert found.verdict == UNTOLD
    assert found.sentence.startswith("Cannot tell whether this data is reward-sensitive: an interval reaches across")
    assert re.fullmatch(r"About \d+ seeds \(`--seeds \d+`\), if means and spread stay as they are\.", found.settles)
    found, _ = audit(NOTHING, true=505.0)
    assert found.verdict == UNTOLD
    assert "no learner is surely above cloning; iql, the nearest, is +" in found.sentence
    assert "`--budget hour`" in found.settles and "seeds for iql" in found.settles


def test_the_placebo_is_no_wrong_reward_and_must_show_nothing() -> None:
    found, _ = audit(NOTHING)
    assert (found.placebo.same, found.placebo.pairs, found.placebo.shows) == (5, 5, False)
    assert "to the bit" in found.placebo.sentence
    assert {item.relabeling for item in found.found.effects} == set(NOTHING)
    found, _ = audit(NOTHING, placebo=100.0)
    assert found.placebo.shows
    assert found.verdict == UNTOLD
    assert found.sentence.startswith("Cannot tell whether this data is reward-sensitive: the placebo showed an effect")
    found, made = audit(NOTHING)
    left = [record for record in made if record.run.relabeling != "placebo"]
    alone = audit_set(left, [record.run for record in left], Scale(RETURN))
    assert "not run" in alone.placebo.sentence
    assert alone.verdict == "reward-sensitive"


def test_sets_without_references_are_told_as_a_share_of_the_way_from_random_to_the_data() -> None:
    scale = make_share_scale(np.array([90.0, 110.0, 100.0]), 600.0)
    assert (scale.unit, scale.zero, scale.hundred) == (SHARE, 100.0, 600.0)
    found, _ = audit(NOTHING, scale=scale)
    (true,) = [row for row in found.rows if (row.learner, row.relabeling) == ("iql", "original")]
    assert true.true_return.value == pytest.approx(900.0)
    assert true.score.value == pytest.approx(160.0)
    assert found.behavior == (600.0, pytest.approx(100.0))
    assert make_share_scale(np.array([550.0, 650.0, 600.0]), 601.0).unit == RETURN, "no way from random to itself"
    bare, _ = audit(NOTHING)
    assert all(np.isnan(row.score.value) for row in bare.rows)


def test_the_interval_of_the_ratio_leaves_out_just_what_the_paired_one_does() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        over, under = rng.normal(2.0, 3.0, 6), rng.normal(9.0, 3.0, 6)
        value, low, high = ratio_interval(over, under)
        assert low < value < high
        for q in (low - 1e-6, low + 1e-6, high - 1e-6, high + 1e-6):
            _, least, most = mean_interval(over - q * under)
            assert (least <= 0.0 <= most) == (low <= q <= high)
    assert np.isnan(ratio_interval(over, under - 9.0)).all()


def papers(found: SetAudit, made: list[Record], command: str = "offline-bench audit") -> tuple[str, str, Any]:
    data = sample_dataset([5, 8], [True, False])
    coverage = measure_coverage(data, None, None, np.random.default_rng(0))
    making = Making(command, "minutes", (100, 300), 1, (0, 1, 2, 3, 4), (BC, "iql"), collect_provenance(made))
    page, card = audit_page(found, coverage, making), audit_card(found, coverage, making)
    return card, page, json.loads(audit_json(found, coverage, making))


def test_card_page_and_json_tell_the_verdict_the_numbers_and_how_to_make_them() -> None:
    found, made = audit(NOTHING)
    card, page, content = papers(found, made)
    assert card.startswith("## Is this data reward-sensitive?\n\n**Reward-sensitive:")
    assert card.count("| iql ") >= 6 and "trajectory quality" in card and "    offline-bench audit\n" in card
    assert "Reward-sensitive:" in page and "<script" not in page
    assert (content["verdict"], content["format"]) == ("reward-sensitive", "offline-bench/audit/2")
    assert content["placebo"]["shows"] is False and content["coverage"]["transitions"] == 13
    assert content["rows"][0]["score"]["value"] is None, "what is not known is null"
    assert papers(found, made) == (card, page, content)


def test_what_comes_from_strangers_is_escaped() -> None:
    made = records(BC, "original", 500.0 + NOISE)
    for name in ("original", "<img src=x>"):
        made += records("<b>iql</b>", name, 900.0 + NOISE)
    found = audit_set(made, [record.run for record in made], Scale(RETURN))
    card, page, _ = papers(found, made, "offline-bench audit --dataset '</code><script>'")
    assert "<img" not in page and "<b>" not in page and "<script" not in page
    assert "<img" not in card and "<b>" not in card


@pytest.mark.parametrize(("learners", "seeds"), [(1, 5), (2, 5), (4, 5), (4, 10)])
def test_the_rooms_tables_of_error_rates_are_what_comes_out(learners: int, seeds: int) -> None:
    assert rates_table(learners, seeds) in ROOM.read_text(encoding="utf-8")


@pytest.mark.parametrize("noise", ["normal", "t(3)", "lognormal", "collapse"])
def test_a_wrong_word_is_rare_and_more_seeds_make_the_right_one(noise: str) -> None:
    five, ten = (audit_rates(4, seeds, noise, trials=1_000) for seeds in (5, 10))
    for truth, (*_, right) in TRUTHS.items():
        wrong = 1.0 - five[truth][right] - (five[truth][UNTOLD] if right != UNTOLD else 0.0)
        assert wrong < 0.06, truth
        assert ten[truth][right] > (0.7 if right != UNTOLD else 0.93), truth
    assert five[BLIND][UNTOLD] > 0.99
