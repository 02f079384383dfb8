"""Variance shares and the headline: known shares come out, and intervals hold them as often as they say."""

from __future__ import annotations

import itertools
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from offline_bench.analysis.decides.design import Design, split_space
from offline_bench.analysis.decides.headline import headline
from offline_bench.analysis.decides.shares import SOURCES, decompose, variance_shares
from offline_bench.analysis.findings import Estimate, Shares
from offline_bench.analysis.frame import to_frame
from offline_bench.core.paths import project_root
from offline_bench.runs.store import read_records

Array = npt.NDArray[np.float64]

REWARDS = ("original", "zero", "random", "negative")
ALGORITHMS = ("bc", "td3-plus-bc", "iql", "atac")


def grid(coverages: int, seeds: int = 5, rewards: tuple[str, ...] = REWARDS, datasets: int = 1) -> pd.DataFrame:
    """A full grid of runs without scores, cells in order, seeds within them."""
    rows = [
        {"dataset": f"d{d}", "curation": f"c{c}", "relabeling": r, "algorithm": a, "seed": s}
        for d, c, r, a, s in product(range(datasets), range(coverages), rewards, ALGORITHMS, range(seeds))
    ]
    same = {"status": "ok", "stale": "", "steps": 100, "episodes": 10, "true_return": np.nan}
    return pd.DataFrame(rows).assign(**same)


def plan(coverages: int = 4, rewards: int = 3, algorithms: int = 3, seeds: int = 5) -> Design:
    """A full grid of cells, all values 0."""
    levels = np.array(list(product(range(coverages), range(rewards), range(algorithms))))
    names = tuple(tuple((f"{n}",) for n in range(count)) for count in (coverages, rewards, algorithms))
    return Design(levels, names, np.zeros((len(levels), seeds)))


def effects(design: Design, sizes: dict[str, float], rng: np.random.Generator) -> Array:
    """(cells, 1) cell means whose variances by source are exactly `sizes`."""
    means = np.zeros(len(design.values))
    for source, (basis,) in split_space(design.levels).items():
        pull = basis @ rng.standard_normal(basis.shape[1])
        means += pull * np.sqrt(sizes.get(source, 0.0) / np.mean(pull**2))
    return means[:, None]


def measure(design: Design, values: Array) -> Shares:
    return decompose("", replace(design, values=values))


def share(found: Shares, source: str) -> Estimate:
    return dict(found.shares)[source]


def holds(estimate: Estimate, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high


def seed_noise(design: Design, rng: np.random.Generator, shared: float) -> Array:
    """(cells, seeds) noise of variance 1, a part of which cells that differ in reward alone share; all of it the first
    algorithm's, as cloning's is."""
    _, block = np.unique(design.levels[:, [0, 2]], axis=0, return_inverse=True)
    together = rng.standard_normal((block.max() + 1, design.values.shape[1]))[block.ravel()]
    part = np.where(design.levels[:, 2] == 0, float(shared > 0), shared)[:, None]
    return np.asarray(np.sqrt(part) * together + np.sqrt(1.0 - part) * rng.standard_normal(design.values.shape))


@pytest.mark.parametrize("shared", [0.0, 0.5])
def test_intervals_hold_shares_and_ratio_of_known_size_as_often_as_they_say(shared: float) -> None:
    """200 designs; an interval that holds 95 % of the time is seen at 90 % or less twice in a thousand such tests."""
    rng = np.random.default_rng(11)
    design = plan()
    sizes = {"coverage": 3.0, "reward": 0.5, "algorithm": 0.3, "coverage:reward": 0.4, "reward:algorithm": 0.1}
    total = sum(sizes.values()) + 1.0
    truth = {name: sizes[name] / total for name in ("coverage", "reward", "algorithm")} | {"interactions": 0.5 / total}
    hits, errors = dict.fromkeys([*truth, "ratio"], 0), dict.fromkeys(truth, 0.0)
    for _ in range(200):
        found = measure(design, effects(design, sizes, rng) + seed_noise(design, rng, shared))
        for name in truth:
            hits[name] += holds(share(found, name), truth[name])
            errors[name] += (share(found, name).value - truth[name]) / 200
        hits["ratio"] += holds(found.ratio, 6.0)
    assert min(hits.values()) > 0.9 * 200, hits
    assert max(hits.values()) < 200, f"intervals that always hold are too wide: {hits}"
    assert max(abs(error) for error in errors.values()) < 0.015, f"the shares are biased: {errors}"


@pytest.mark.parametrize("paired", [True, False])
def test_the_true_reward_under_another_name_has_a_reward_share_whose_interval_holds_zero(paired: bool) -> None:
    """A placebo has the true reward's runs again, bit for bit, or fresh runs of the same distribution."""
    rng = np.random.default_rng(12)
    design = plan(rewards=2)
    held = 0
    for _ in range(150):
        values = effects(design, {"coverage": 2.0, "algorithm": 1.0}, rng) + seed_noise(design, rng, 0.0)
        if paired:
            placebo = design.levels[:, 1] == 1
            values[placebo] = values[~placebo]
        found = measure(design, values)
        held += holds(share(found, "reward"), 0.0)
        if paired:
            assert share(found, "reward") == Estimate(0.0, 0.0, 0.0, 120)
            assert np.isinf(found.ratio.low) and np.isinf(found.ratio.value), "reward decided nothing at all"
        assert np.isinf(found.ratio.high) or not holds(share(found, "reward"), 0.0)
    assert held > 0.9 * 150


def test_chance_alone_has_shares_of_zero_on_average_and_intervals_that_hold_it() -> None:
    rng = np.random.default_rng(13)
    design = plan()
    held = dict.fromkeys(SOURCES[:4], 0)
    means = dict.fromkeys(SOURCES, 0.0)
    for _ in range(150):
        found = measure(design, rng.exponential(size=design.values.shape))
        for name, estimate in found.shares:
            means[name] += estimate.value / 150
            if name in held:
                held[name] += holds(estimate, 0.0)
    assert min(held.values()) > 0.9 * 150, held
    assert means["rest"] == pytest.approx(1.0, abs=0.03)
    assert all(means[name] == pytest.approx(0.0, abs=0.02) for name in SOURCES[:5]), means


def test_what_a_seed_does_to_all_runs_is_its_share_and_the_interval_of_a_variance_holds_it() -> None:
    rng = np.random.default_rng(14)
    design = plan()
    held = 0
    for _ in range(150):
        noise = np.sqrt(0.5) * (rng.standard_normal(design.values.shape) + rng.standard_normal(5))
        held += holds(share(measure(design, effects(design, {"coverage": 1.0}, rng) + noise), "seed"), 0.25)
    assert 0.9 * 150 < held < 150


def test_shares_sum_to_one_are_those_of_a_two_way_table_by_hand_and_know_neither_scale_nor_order() -> None:
    frame = grid(2, seeds=3, rewards=("original", "zero"))
    scores = 10.0 * (frame["curation"] == "c1") + 2.0 * (frame["relabeling"] == "zero")
    found = variance_shares(frame.assign(score=scores))[1]
    # No noise: the variances are (10 / 2)² and (2 / 2)², so 25 and 1 parts of 26.
    assert share(found, "coverage").value == pytest.approx(25 / 26, abs=1e-6)
    assert share(found, "reward").value == pytest.approx(1 / 26, abs=1e-6)
    assert found.ratio.value == pytest.approx(25)
    rng = np.random.default_rng(3)
    noisy = frame.assign(score=scores + rng.standard_normal(len(frame)))
    noisy = noisy.drop(index=[0, 7, 20, 21, 22])
    found = variance_shares(noisy)
    for one in found:
        assert sum(estimate.value for _, estimate in one.shares) == pytest.approx(1.0, abs=1e-5)
        whole = share(one, "interactions").value
        assert sum(estimate.value for _, estimate in one.parts) == pytest.approx(whole, abs=1e-5)
    assert variance_shares(noisy.sample(frac=1.0, random_state=1)) == found
    assert variance_shares(noisy.assign(score=noisy["score"] * 7.0 - 300.0)) == found
    assert variance_shares(noisy)[0].shares == found[1].shares, "one dataset: over all is within it"


def test_frames_with_holes_are_split_and_the_note_says_what_was_missing() -> None:
    rng = np.random.default_rng(15)
    frame = grid(3, datasets=2)
    steps = 4.0 * (frame["dataset"] == "d1") + 2.0 * (frame["curation"] == "c1")
    frame = frame.assign(score=steps + 0.3 * rng.standard_normal(len(frame)))
    gone = (frame["curation"] == "c1") & (frame["algorithm"] == "iql") & (frame["dataset"] == "d0")
    short = (frame["curation"] == "c2") & (frame["algorithm"] == "bc") & (frame["seed"] > 2)
    frame.loc[gone, "status"], frame.loc[short, "stale"] = "diverged", "older"
    few = (frame["curation"] == "c0") & (frame["algorithm"] == "atac") & (frame["relabeling"] == "zero")
    frame = frame[~(few & (frame["seed"] > 1))]
    overall, first, second = variance_shares(frame)
    assert "2 of 92 cells left out: fewer than 3 seeds" in overall.note
    assert "6 of 96 cells have no runs" in overall.note
    assert "8 of 90 cells have fewer than 5 seeds" in overall.note
    assert (overall.datasets, first.datasets) == (2, 1)
    assert all(0.8 < share(one, "coverage").value < 1.0 for one in (overall, first, second))
    # The variance of 4 · Bernoulli(1/2) + 2 · Bernoulli(1/3), over that and the noise's.
    truth = 4.0 + 8.0 / 9.0
    assert share(second, "coverage").value == pytest.approx((8.0 / 9.0) / (8.0 / 9.0 + 0.09), abs=0.03)
    assert share(overall, "coverage").value == pytest.approx(truth / (truth + 0.09), abs=0.03)
    assert share(overall, "coverage").n == len(frame[(frame["status"] == "ok") & (frame["stale"] == "")]) - 4


def test_the_task_is_told_apart_from_coverage_and_moves_neither_its_ratio_to_reward_nor_any_other() -> None:
    rng = np.random.default_rng(19)
    frame = grid(3, datasets=3)
    named = {"d0": "offline-bench/hopper/medium-v0", "d1": "offline-bench/hopper/expert-v0"}
    frame["dataset"] = frame["dataset"].replace({**named, "d2": "offline-bench/walker2d/medium-v0"})
    robot = frame["dataset"].str.contains("walker2d")
    effects = 3.0 * (frame["curation"] == "c1") + 2.0 * frame["dataset"].str.contains("expert")
    effects += 2.0 * (frame["relabeling"] == "zero")
    frame = frame.assign(score=effects + 0.2 * rng.standard_normal(len(frame)))
    found = [variance_shares(frame.assign(score=frame["score"] + step * robot))[0] for step in (0.0, 5.0, 50.0)]
    assert found[0].ratio.value == pytest.approx(found[1].ratio.value, abs=1e-4)
    assert found[0].ratio.value == pytest.approx(found[2].ratio.value, abs=1e-4)
    for one in found:
        assert sum(estimate.value for _, estimate in one.shares) == pytest.approx(1.0, abs=1e-5)
        assert "coverage within a task decided" in headline([one]).sentence
        assert "and is not counted as coverage" in headline([one]).basis
    tasks = [share(one, "task").value for one in found]
    assert tasks[0] < tasks[1] < tasks[2] and tasks[2] > 0.97
    # By hand, without a step: 3 · Bernoulli(1/3), and 2 points between the two sets of hopper, of nine coverages.
    truth = 9.0 * 2.0 / 9.0 + 4.0 * (1.0 / 3.0) * 0.5
    assert found[0].ratio.value == pytest.approx(truth / (4.0 * 3.0 / 16.0), rel=0.02)
    gone = (frame["curation"] == "c1") & (frame["algorithm"] == "iql") & robot
    holes = frame.assign(status=np.where(gone, "failed", "ok"))
    assert sum(estimate.value for _, estimate in variance_shares(holes)[0].shares) == pytest.approx(1.0, abs=1e-5)


def test_one_task_has_no_share_and_where_each_task_has_one_coverage_there_is_no_coverage_to_tell() -> None:
    frame = grid(2, datasets=2)
    frame = frame.assign(score=np.random.default_rng(20).standard_normal(len(frame)))
    hopper = frame.assign(
        dataset="offline-bench/hopper/" + frame["dataset"].replace({"d0": "medium-v0", "d1": "expert-v0"})
    )
    assert "task" not in dict(variance_shares(hopper)[0].shares)
    apart = "offline-bench/" + frame["dataset"].replace({"d0": "hopper", "d1": "walker2d"}) + "/medium-v0"
    one = variance_shares(frame[frame["curation"] == "c0"].assign(dataset=apart))[0]
    assert np.isfinite(share(one, "task").value)
    assert np.isnan(share(one, "coverage").value) and np.isnan(one.ratio.value)
    assert "cannot tell" in headline([one]).sentence


def test_what_two_factors_decide_together_is_halved_between_them() -> None:
    """Each reward was run on one coverage alone, so nobody can tell which of the two it was."""
    rng = np.random.default_rng(18)
    design = plan(coverages=3)
    together = design.keep(design.levels[:, 0] == design.levels[:, 1])
    values = 3.0 * together.levels[:, :1] + rng.standard_normal(together.values.shape)
    found = measure(together, values)
    assert share(found, "coverage") == share(found, "reward")
    assert share(found, "coverage").value == pytest.approx(3.0 / 7.0, abs=0.1)
    assert "18 of 27 cells have no runs" in found.note


def test_what_cannot_be_told_is_nan_with_a_note_and_no_error() -> None:
    rng = np.random.default_rng(16)
    one = grid(1)
    one = one.assign(score=rng.standard_normal(len(one)))
    found = variance_shares(one)[0]
    assert np.isnan(share(found, "coverage").value) and "coverage: fewer than two levels" in found.note
    assert np.isnan(found.ratio.value) and not np.isnan(share(found, "reward").value)
    assert "cannot tell" in headline([found]).sentence and "coverage" in headline([found]).sentence
    for seeds in (1, 2):
        some = grid(3, seeds=seeds)
        found = variance_shares(some.assign(score=rng.standard_normal(len(some))))[0]
        assert np.isnan(share(found, "coverage").low) and "that takes 3 seeds" in found.note
        assert np.isnan(share(found, "seed").value) == (seeds == 1)
        assert "too few seeds" in headline([found]).sentence or "do not tell" in headline([found]).sentence
    for frame in (one[:0], one[:1], one.assign(score=1.0), one.assign(status="failed")):
        found = variance_shares(frame)[0]
        assert all(np.isnan(estimate.value) for _, estimate in found.shares) and found.note
        assert "cannot tell" in headline([found]).sentence
    for frame in (one[:0], one.assign(status="failed")):
        assert headline(variance_shares(frame)).sentence.endswith("none of them ended well.")
    both = pd.concat([one, one.assign(dataset="d1", score=np.nan, true_return=one["score"])], ignore_index=True)
    overall, _, within = variance_shares(both)
    assert "left out, as they have no normalized score: d1" in overall.note
    assert "of the true return" in within.note
    assert share(within, "reward") == share(variance_shares(one)[1], "reward")


def test_without_a_score_one_dataset_is_told_by_its_returns_and_of_several_the_lack_of_scores_is() -> None:
    scored = grid(3)
    scored = scored.assign(score=np.random.default_rng(17).standard_normal(len(scored)))
    bare = scored.assign(score=np.nan, true_return=scored["score"])
    known, alone = variance_shares(scored), variance_shares(bare)
    assert alone[0].ratio == known[0].ratio and alone[0].shares == known[0].shares == alone[1].shares
    assert headline(alone).sentence == headline(known).sentence.replace("of the score", "of the true return")
    two = pd.concat([bare, bare.assign(dataset="d1")], ignore_index=True)
    assert headline(variance_shares(two)).sentence.endswith("none of their datasets has a normalized score.")


def test_levels_that_are_left_out_for_want_of_seeds_are_not_said_to_be_absent() -> None:
    frame = grid(3)
    frame = frame.assign(score=np.random.default_rng(18).standard_normal(len(frame)))
    few = frame[(frame["curation"] == "c0") | (frame["seed"] == 0)]
    found = headline(variance_shares(few))
    assert "of the cells with seeds enough, fewer than two levels of coverage are left" in found.sentence
    assert (
        "they have fewer than two levels of coverage" in headline(variance_shares(grid(1).assign(score=1.0))).sentence
    )


@pytest.mark.parametrize("seeds", [3, 5])
def test_no_interval_of_a_share_leaves_zero_to_one_whatever_decides(seeds: int) -> None:
    rng = np.random.default_rng(19)
    for size in (0.0, 0.05, 1e4):
        design = plan(coverages=2, rewards=2, algorithms=2, seeds=seeds)
        found = measure(design, effects(design, {"coverage": size}, rng) + rng.standard_normal(design.values.shape))
        for _, estimate in (*found.shares, *found.parts):
            assert 0.0 <= estimate.low <= estimate.high <= 1.0


def test_the_headline_says_what_its_interval_allows() -> None:
    def said(low: float, value: float, high: float, coverage: float = 0.5, reward: float = 0.1) -> str:
        pair = {"coverage": Estimate(coverage, 0.4, 0.6, 80), "reward": Estimate(reward, 0.0, 0.2, 80)}
        levels = (("coverage", 5), ("reward", 4), ("algorithm", 1), ("seed", 5))
        found = headline([Shares("", tuple(pair.items()), Estimate(value, low, high, 80), levels, datasets=3)])
        return f"{found.sentence} {found.basis}"

    assert said(3.1, 5.2, 9.0).startswith(
        "On these 3 datasets coverage decided 5.2 times as much of the score as reward did (95 % interval 3.1 to 9.0)."
    )
    assert said(3.1, 5.2, np.inf).startswith("On these 3 datasets coverage decided at least 3.1 times as much")
    assert "the share of reward may be 0" in said(3.1, 5.2, np.inf)
    assert "reward decided 4.0 times as much of the score as coverage did (95 % interval 2.0 to 10.0)" in said(
        0.1, 0.25, 0.5
    )
    assert "reward decided at least 2.0 times as much of the score as coverage did" in said(0.0, 0.1, 0.5)
    for low, value, high in ((0.1, 0.25, 1.6), (0.0, 0.7, np.inf), (0.9, 5.0, 9.0), (0.5, np.inf, np.inf)):
        told = said(low, value, high)
        assert "do not tell whether coverage or reward decided more of the score: coverage 50 %" in told
    assert "coverage decided 50 % [40, 60] of the score, and reward none of it" in said(
        np.inf, np.inf, np.inf, reward=0.0
    )
    assert "reward decided 4.0 times as much of the score as coverage did (too few seeds" in said(np.nan, 0.25, np.nan)
    assert said(3.1, 5.2, 9.0).endswith(
        "80 runs: 3 datasets, 5 coverages (dataset and curation), 4 rewards, 1 algorithm, 5 seeds. "
        "Other data would give another number."
    )


def test_on_real_records_a_copy_of_the_true_reward_decides_nothing_and_the_wrong_rewards_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(project_root()))
    records = read_records(Path(project_root() / "results" / "survival")).records
    frame = to_frame(records)
    true = frame[frame["relabeling"] == "original"]
    placebo = variance_shares(pd.concat([true, true.assign(relabeling="placebo")], ignore_index=True))
    assert all(share(one, "reward").value == share(one, "reward").high == 0.0 for one in placebo)
    assert "and reward none of it" in headline(placebo).sentence
    real = variance_shares(frame)
    assert share(real[0], "reward").low > 0.0 and share(real[0], "coverage").low > share(real[0], "reward").high
    blind = variance_shares(frame[frame["algorithm"].str.startswith("bc(")])[0]
    assert share(blind, "reward").value == share(blind, "reward").high == 0.0, "cloning reads no reward"


def test_a_large_grid_with_holes_is_taken_apart_once_for_each_order_of_its_sources(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What takes the time: a decomposition, which no seed and no dataset asks for once more than it needs."""
    rng = np.random.default_rng(17)
    frame = grid(5, datasets=5)
    frame = frame.assign(score=rng.standard_normal(len(frame))).drop(index=list(range(40, 60)))
    assert len(frame) == 1980
    taken: list[tuple[int, ...]] = []
    real = np.linalg.svd
    monkeypatch.setattr(np.linalg, "svd", lambda one, **told: taken.append(one.shape) or real(one, **told))
    variance_shares(frame)
    assert 0 < len(taken) <= 80
    few = len(taken)
    taken.clear()
    variance_shares(frame[frame["seed"] < 3])
    assert len(taken) == few, "as many for three seeds as for five"


def test_a_full_grid_is_split_by_products_of_means_and_of_what_is_left_of_them() -> None:
    """Kronecker products, factor by factor, of the mean over its levels or of the rest: in any order of the cells."""
    counts = {"coverage": 3, "reward": 4, "algorithm": 2}
    levels = np.array(list(itertools.product(*map(range, counts.values()))))
    order = np.random.default_rng(0).permutation(len(levels))
    for source, (basis,) in split_space(levels[order]).items():
        expected = np.eye(1)
        for name, count in counts.items():
            mean = np.full((count, count), 1 / count)
            expected = np.kron(expected, np.eye(count) - mean if name in source.split(":") else mean)
        assert basis @ basis.T == pytest.approx(expected[np.ix_(order, order)], abs=1e-12), source
