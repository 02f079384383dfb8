"""Positive bias: by hand, beside the published, and by simulation with the least retaken in each resample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from offline_bench.analysis.published.bias import positive_bias
from offline_bench.analysis.published.facts import Published, PublishedRow, load_published
from tests.analysis.runs_by_hand import frame_of, runs

WRONG = ("zero", "random", "negative")
FACTS = Path(__file__).parents[2] / "results" / "survival"


def wrong(**scores):
    return [row for name, values in scores.items() for row in runs(values, relabeling=name)]


def find(rows, published=None, seed=0):
    return positive_bias(frame_of(rows), published, np.random.default_rng(seed))


def test_positive_bias_by_hand():
    (found,) = find(wrong(zero=[50, 52, 54], random=[70, 70, 70], negative=[60, 61, 62], original=[0, 0, 0]))
    assert (found.dataset, found.curation, found.algorithm, found.worst) == ("toy/one", "full", "iql", "zero")
    assert (found.epsilon.value, found.epsilon.n) == (pytest.approx(0.48), 3)
    assert found.bias.value == pytest.approx(1 / 0.48)
    assert found.bias.low == pytest.approx(1 / found.epsilon.high)
    assert found.bias.high == pytest.approx(1 / found.epsilon.low)
    assert found.epsilon.low < 0.48 < found.epsilon.high


def test_where_nothing_is_lost_the_bias_is_infinite_and_never_nan():
    (found,) = find(wrong(zero=[105] * 3, random=[103] * 3, negative=[102] * 3))
    assert (found.bias.value, found.bias.low, found.bias.high) == (np.inf, np.inf, np.inf)
    (found,) = find(wrong(zero=[95, 99, 104], random=[120] * 3, negative=[120] * 3))
    assert found.bias.high == np.inf
    assert 1 < found.bias.low < found.bias.value < np.inf


def test_without_one_of_the_three_there_is_no_bias():
    (found,) = find(wrong(zero=[50, 60], random=[50, 60]))
    assert np.isnan([found.epsilon.value, found.bias.value, found.bias.low, found.bias.high]).all()
    assert (found.epsilon.n, found.worst) == (0, "")


def test_only_seeds_that_all_three_have_count():
    (found,) = find(wrong(zero=[50, 60, -90], random=[70, 80], negative=[90, 90]))
    assert (found.epsilon.value, found.epsilon.n) == (pytest.approx(0.45), 2)


def test_seeds_are_resampled_together():
    # The three move as one: the difference between them, and so which is worst, is the same in every resample.
    base = np.array([10.0, 30.0, 50.0, 70.0, 90.0])
    (paired,) = find(wrong(zero=base, random=base + 1, negative=base + 2))
    (alone,) = find(wrong(zero=base, random=base + 1000, negative=base + 1000))
    assert (paired.epsilon.low, paired.epsilon.high) == pytest.approx((alone.epsilon.low, alone.epsilon.high))


def test_a_published_number_stands_beside_its_own_algorithm_and_the_whole_dataset_alone():
    row = PublishedRow("toy/one", 30.0, 40.0, {"original": 9.0, "zero": 60.0, "random": 50.0, "negative": 80.0})
    facts = Published("a paper", 1.0, "iql", "sac", ("iql",), ("original", *WRONG), (row,))
    rows = wrong(zero=[50, 60], random=[50, 60], negative=[50, 60])
    for name in WRONG:
        rows += runs([50, 60], relabeling=name, algorithm="cql") + runs(
            [50, 60], relabeling=name, curation="top(p=0.5)"
        )
    by_name = {(found.algorithm, found.curation): found for found in find(rows, facts)}
    ours = by_name["iql", "full"]
    assert (ours.published, ours.published_source) == (pytest.approx(2.0), "a paper")
    for key in (("cql", "full"), ("iql", "top(p=0.5)")):
        assert np.isnan(by_name[key].published)
        assert by_name[key].published_source == ""


def test_the_committed_published_numbers_are_read():
    rows = [r for name in WRONG for r in runs([50, 60], name, "atac", dataset="offline-bench/hopper/medium-v0")]
    (found,) = find(rows, load_published(FACTS))
    assert found.published == pytest.approx(1 / (1 - 0.915))


@pytest.mark.slow
@pytest.mark.parametrize(("apart", "least", "most"), [(0.0, 0.90, 0.975), (30.0, 0.93, 0.99)])
def test_the_interval_holds_the_true_epsilon_whichever_is_worst(apart, least, most):
    # 400 datasets, each of which is a draw: the binomial deviation at 95 % is 1.1 points.
    rng = np.random.default_rng(int(apart))
    rows = []
    for at in range(400):
        scores = rng.normal([50.0, 50.0 + apart, 50.0 + 2 * apart], 10.0, size=(5, 3))
        for name, values in zip(WRONG, scores.T, strict=True):
            rows += runs(values, relabeling=name, dataset=f"toy/{at}")
    found = find(rows)
    assert len(found) == 400
    assert least <= np.mean([one.epsilon.low <= 0.5 <= one.epsilon.high for one in found]) <= most
