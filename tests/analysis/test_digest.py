"""The sentences of the page: each is made of numbers that are counted here once more, by other means."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_bench.analysis.digest.evidence import best_reward_sentence, pick_findings, survival_sentence
from offline_bench.analysis.digest.lifts import lifts_over_cloning
from offline_bench.analysis.digest.trust import competence_sentence, seed_sentence
from offline_bench.analysis.digest.words import MOST_LISTED, count, listed, short_ids, spread
from offline_bench.analysis.scores.best_reward import find_best_rewards, find_blind
from offline_bench.analysis.scores.leaderboard import build_leaderboard
from tests.analysis.runs_by_hand import frame_of, runs

SCORES = st.lists(st.integers(0, 100), min_size=3, max_size=3)


def three_rewards(algorithm: str, true: float, zero: float, random: float, dataset: str = "toy/one") -> list[dict]:
    """Three seeds under each of three rewards, apart by so much."""
    means = {"original": true, "zero": zero, "random": random}
    return [
        row
        for name, mean in means.items()
        for row in runs([mean - 1, mean, mean + 1], name, algorithm, dataset=dataset, behavior_return=300.0)
    ]


def test_the_best_reward_is_counted_place_by_place_and_cloning_is_no_place() -> None:
    rows = three_rewards("iql", 10, 20, 30) + three_rewards("iql", 50, 20, 30, "toy/two")
    rows += three_rewards("atac", 10, 20, 30) + three_rewards("bc", 40, 40, 40)
    found = find_best_rewards(frame_of(rows))
    assert (found.places, found.tied, dict(found.counts)) == (3, 0, {"original": 1, "zero": 0, "random": 2})
    assert find_blind(frame_of(rows)) == {"bc"}
    assert best_reward_sentence(found) == (
        "In 1 of 3 dataset-learner pairs the true reward gives the highest score. Elsewhere it is under random in 2."
    )


def test_a_curation_without_all_rewards_does_not_move_the_best_one_and_ties_are_told() -> None:
    rows = three_rewards("iql", 10, 20, 20) + runs([99, 99], "original", curation="top(p=0.5)")
    found = find_best_rewards(frame_of(rows))
    assert (found.places, found.tied, dict(found.counts)["original"]) == (1, 1, 0)
    assert "In 1 two rewards are best alike." in best_reward_sentence(found)
    assert best_reward_sentence(find_best_rewards(frame_of(runs([1, 2])))) == ""


@settings(max_examples=50, deadline=None)
@given(SCORES, SCORES)
def test_a_lift_over_cloning_is_the_paired_t_interval(learner: list[int], cloning: list[int]) -> None:
    frame = frame_of(runs(learner, algorithm="iql") + runs(cloning, algorithm="bc") + runs([1, 2, 3], "zero", "bc"))
    lifts = [item for item in lifts_over_cloning(frame) if item.algorithm == "iql"]
    differences = 10.0 * (np.array(learner) - np.array(cloning))
    reach = scipy.stats.t.ppf(0.975, 2) * differences.std(ddof=1) / np.sqrt(3)
    if lifts:  # a learner whose runs cannot differ by reward is not known to be blind
        assert lifts[0].lift.value == pytest.approx(differences.mean())
        assert lifts[0].lift.low == pytest.approx(differences.mean() - reach, abs=1e-6)
        assert lifts[0].beats_cloning == (lifts[0].lift.low > 0)


def test_competence_counts_whom_the_whole_interval_puts_above_cloning() -> None:
    rows = three_rewards("iql", 90, 20, 30) + three_rewards("atac", 41, 20, 30) + three_rewards("bc", 40, 40, 40)
    told = competence_sentence(lifts_over_cloning(frame_of([*rows, *runs([10, 60, 50], algorithm="sac")])))
    assert told.startswith(
        "2 of 3 pairs of learner and data beat cloning under the true reward, by the whole interval."
    )
    assert told.endswith("says little about rewards in the other 1.")
    alone = competence_sentence(lifts_over_cloning(frame_of(three_rewards("iql", 90, 20, 30))))
    assert "nobody can tell" in alone
    assert "none can be judged" in competence_sentence(())


def test_survivors_are_those_that_the_leaderboard_marks() -> None:
    rows = three_rewards("iql", 10, 20, 90) + three_rewards("atac", 10, 95, 99) + three_rewards("bc", 40, 40, 40)
    board = build_leaderboard(frame_of(rows))
    marked = [cell.relabeling for row in board.tables[0].rows for cell in row.cells if cell.survives]
    told = survival_sentence(board)
    numbers = dict(re.findall(r"(zero|random) in (\d+) of 2", told))
    assert numbers == {"zero": str(marked.count("zero")), "random": str(marked.count("random"))}
    assert len(pick_findings(board, find_best_rewards(frame_of(rows)), ())) == 3


def test_few_seeds_are_told_before_many() -> None:
    few, enough = (seed_sentence(build_leaderboard(frame_of(runs(range(seeds))))) for seeds in (3, 5))
    assert few.startswith("1 of 1 cell has fewer than 5 seeds")
    assert enough.startswith("Every cell has at least 5 seeds")


def test_words() -> None:
    assert [count(1, "place"), count(1200, "run")] == ["1 place", "1,200 runs"]
    assert [listed("a"), listed("ab"), listed("abc"), listed("")] == ["a", "a and b", "a, b and c", ""]
    assert [spread([1.0, 1.04]), spread([1.0, np.inf])] == ["1.0", "1.0 to ∞"]
    assert short_ids(["a/b/c", "b/c", "x/y/z"]) == {"a/b/c": "a/b/c", "b/c": "b/c", "x/y/z": "y/z"}


def test_a_list_without_end_is_told_by_its_first_and_by_how_many_more_there_are() -> None:
    texts = [f"t{number}" for number in range(40)]
    assert listed(texts[:MOST_LISTED]).endswith(f"t14 and t{MOST_LISTED - 1}")
    assert listed(texts) == ", ".join(texts[: MOST_LISTED - 1]) + " and 25 more"
