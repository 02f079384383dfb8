"""Behavior distances: PERMANOVA against the textbook, its p under the null, and the map of policies."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, f_oneway

from offline_bench.analysis.behavior.permanova import _shuffle, partition_distances, permanova
from offline_bench.analysis.behavior.policy_map import find_places, policy_map
from offline_bench.analysis.behavior.sketched import gather_sketches
from offline_bench.analysis.frame import to_frame
from offline_bench.core.paths import project_root
from offline_bench.runs.store import read_records

Array = npt.NDArray[np.float64]

ONE = np.zeros(60, np.int64)


def behavior_distances(sketches: Array) -> Array:
    """(n, n) Euclidean distances between sketches (n, features), by their definition."""
    return np.asarray(np.linalg.norm(sketches[:, None] - sketches[None], axis=2))


def center_distances(distances: Array) -> Array:
    """Gower's (1966) matrix (n, n): −½ squared distances, less row and column means; its trace is sum of squares."""
    halves = -0.5 * np.square(distances)
    return np.asarray(halves - halves.mean(axis=0) - halves.mean(axis=1)[:, None] + halves.mean())


def grid(seeds: int = 5, datasets: tuple[str, ...] = ("d",)) -> pd.DataFrame:
    """3 curations, 3 rewards and 2 algorithms on each dataset, in no order of keys."""
    rows = [
        {"dataset": d, "curation": c, "relabeling": r, "algorithm": a, "seed": s}
        for d, c, r, a, s in product(datasets, "xyz", ("original", "zero", "random"), ("bc", "iql"), range(seeds))
    ]
    frame = pd.DataFrame(rows).assign(status="ok", stale="", steps=1, episodes=1, score=1.0)
    return frame.assign(key=[f"{(at * 7919) % 9973:04d}" for at in range(len(frame))])


def named(frame: pd.DataFrame, points: Array) -> dict[str, Array]:
    return dict(zip(frame["key"], points, strict=True))


def test_in_one_dimension_pseudo_f_is_that_of_the_one_way_analysis_of_variance() -> None:
    rng = np.random.default_rng(1)
    for sizes in ([20, 20, 20], [40, 15, 5]):
        labels = np.repeat(np.arange(3), sizes)
        points = rng.standard_normal(60) + 0.4 * labels
        expected = f_oneway(*(points[labels == group] for group in range(3)))
        f, p = permanova(points[:, None], labels, ONE, rng, 4999)
        assert f == pytest.approx(expected.statistic)
        # Unrestricted permutations of normal values: the p of the F distribution, but for chance.
        assert abs(p - expected.pvalue) < 4 * np.sqrt(expected.pvalue * (1 - expected.pvalue) / 4999) + 0.003


def test_the_sums_are_those_of_gowers_matrix_and_of_andersons_distances() -> None:
    rng = np.random.default_rng(2)
    points, labels = rng.standard_normal((30, 7)), rng.integers(0, 4, 30)
    squared = behavior_distances(points) ** 2
    total = squared.sum() / 2 / 30
    within = sum(squared[np.ix_(labels == g, labels == g)].sum() / 2 / (labels == g).sum() for g in range(4))
    expected = ((total - within) / 3) / (within / 26)
    assert permanova(points, labels, ONE[:30], rng, 1)[0] == pytest.approx(expected)
    assert np.trace(center_distances(np.sqrt(squared))) == pytest.approx(total)


def test_under_the_null_p_is_uniform_however_much_the_other_sources_and_the_seeds_decide() -> None:
    """300 designs in which other sources and seeds do much and reward nothing."""
    rng = np.random.default_rng(3)
    frame = grid(seeds=3)
    strata = frame.groupby(["curation", "algorithm", "seed"]).ngroup().to_numpy()
    labels = frame.groupby("relabeling").ngroup().to_numpy()
    found = []
    for _ in range(300):
        shared = 3.0 * rng.standard_normal((strata.max() + 1, 4))
        found.append(permanova(shared[strata] + rng.standard_normal((len(frame), 4)), labels, strata, rng, 99)[1])
    for level in (0.05, 0.5):
        assert binomtest(int((np.array(found) <= level).sum()), 300, level).pvalue > 0.001, level
    assert min(found) >= 0.01, "one in a hundred is the least that 99 permutations can say"


@pytest.mark.parametrize("sizes", [(4, 4, 4), (5, 1, 6)], ids=["equal strata", "unequal strata"])
def test_each_stratum_keeps_its_labels_in_another_order(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    strata = rng.permutation(np.repeat(np.arange(3), sizes))
    labels = rng.permutation(12)
    shuffled = _shuffle(labels, strata, 50, rng)
    for stratum in range(3):
        assert (np.sort(shuffled[:, strata == stratum]) == np.sort(labels[strata == stratum])).all()
    assert len(np.unique(shuffled, axis=0)) > 40


def test_permutations_stay_within_strata_so_that_an_effect_inside_them_is_seen_through_larger_ones() -> None:
    rng = np.random.default_rng(4)
    frame = grid()
    strata = frame.groupby(["curation", "algorithm", "seed"]).ngroup().to_numpy()
    labels = frame.groupby("relabeling").ngroup().to_numpy()
    points = 10.0 * rng.standard_normal((strata.max() + 1, 3))[strata] + 0.3 * rng.standard_normal((len(frame), 3))
    points[:, 0] += 0.5 * labels
    assert permanova(points, labels, strata, rng, 499)[1] == 1 / 500
    assert permanova(points, labels, np.zeros_like(strata), rng, 499)[1] > 0.05


def test_a_reward_that_nothing_reads_has_p_one_and_no_share_and_what_decides_all_has_all_of_it() -> None:
    frame = grid()
    rng = np.random.default_rng(5)
    place = {name: rng.standard_normal(6) for name in "xyz"}
    found = partition_distances(frame, named(frame, np.array([place[c] for c in frame["curation"]])), rng)
    assert [one.source for one in found] == ["coverage", "reward", "algorithm"]
    assert (found[0].r2.value, found[0].p, np.isinf(found[0].pseudo_f)) == (1.0, 0.001, True)
    assert (found[1].r2.value, found[1].p, found[1].pseudo_f) == (0.0, 1.0, 0.0)
    assert found[0].permutations == 999 and found[0].r2.n == len(frame)


def test_the_interval_of_r2_holds_what_the_share_is_over_many_seeds() -> None:
    rng = np.random.default_rng(6)
    frame = grid()
    steps = frame.groupby("curation").ngroup().to_numpy()[:, None] * np.array([1.0, 0.5])
    # The variance of 0, 1, 2 is ⅔; chance, in two dimensions, adds 2 (levels − 1) to the sum of squares between.
    runs = len(frame)
    between = runs * (2.0 / 3.0) * 1.25 + 2 * 2
    truth = between / (runs * (2.0 / 3.0) * 1.25 + (runs - 1) * 2)
    held = 0
    for _ in range(60):
        sketches = named(frame, steps + rng.standard_normal((runs, 2)))
        r2 = partition_distances(frame, sketches, rng, permutations=1)[0].r2
        held += r2.low <= truth <= r2.high
    assert 51 <= held < 60


def test_sketches_of_two_environments_are_never_compared_and_sets_of_one_are() -> None:
    ids = ("offline-bench/hopper/expert-v0", "offline-bench/hopper/medium-v0", "offline-bench/walker2d/medium-v0")
    frame = grid(seeds=2, datasets=ids)
    rng = np.random.default_rng(7)
    sketches = named(frame, rng.standard_normal((len(frame), 5)))
    groups = gather_sketches(frame, sketches)
    assert [(one.name, one.datasets) for one in groups] == [("Hopper-v5", ids[:2]), (ids[2], ids[2:])]
    partitions = partition_distances(frame, sketches, rng, permutations=9)
    assert [one.dataset for one in partitions[::3]] == ["Hopper-v5", *ids]
    assert np.isnan(partitions[0].r2.low), "two seeds have no interval"
    maps = policy_map(frame, sketches)
    assert {point.coverage for point in maps[0].points} == {f"{name} / {c}" for name in ids[:2] for c in "xyz"}
    assert {point.coverage for point in maps[1].points} == set("xyz")


def test_only_runs_that_count_and_have_a_sketch_are_there_whatever_the_order_of_rows() -> None:
    frame = grid(seeds=3)
    rng = np.random.default_rng(8)
    sketches = named(frame, rng.standard_normal((len(frame), 5)))
    sketches[frame["key"][0]] = np.array([])
    del sketches[frame["key"][1]]
    frame.loc[2, "status"], frame.loc[3, "stale"] = "failed", "older"
    (group,) = gather_sketches(frame, sketches)
    assert len(group.runs) == len(frame) - 4
    again = frame.sample(frac=1.0, random_state=1)
    assert policy_map(again, sketches) == policy_map(frame, sketches)
    streams = [np.random.default_rng(1) for _ in range(2)]
    assert partition_distances(again, sketches, streams[0]) == partition_distances(frame, sketches, streams[1])
    assert partition_distances(frame[:0], sketches, rng) == policy_map(frame[:0], sketches) == ()
    (lonely,) = policy_map(frame[4:5], sketches)
    assert (len(lonely.points), lonely.explained, lonely.points[0].x) == (1, (0.0, 0.0), 0.0)
    assert partition_distances(frame[4:5], sketches, rng) == ()


@given(st.integers(3, 25), st.integers(0, 10_000))
@settings(max_examples=40)
def test_points_in_the_plane_keep_their_distances_on_the_map(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    turned, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    flat = np.concatenate([rng.standard_normal((count, 2)) * [3.0, 1.0], np.zeros((count, 4))], axis=1)
    moved = rng.standard_normal(6)
    distances = behavior_distances(flat @ turned + moved)
    places, explained = find_places(flat @ turned + moved)
    assert behavior_distances(places) == pytest.approx(distances, abs=1e-3)
    assert sum(explained) == pytest.approx(1.0, abs=1e-3) and explained[0] >= explained[1]
    assert all(column[np.argmax(np.abs(column))] > 0 for column in places.T), "the sign is fixed by a rule"


def test_the_map_is_that_of_gowers_matrix() -> None:
    rng = np.random.default_rng(12)
    for points in (
        rng.standard_normal((9, 30)),
        rng.standard_normal((30, 3)) + 100.0,
        np.repeat(rng.random((3, 5)), 4, 0),
    ):
        values, vectors = np.linalg.eigh(center_distances(behavior_distances(points)))
        places, _ = find_places(points)
        assert np.abs(places) == pytest.approx(np.abs(vectors[:, [-1, -2]] * np.sqrt(values[[-1, -2]])), abs=2e-4)


def test_the_map_is_the_principal_axes_of_the_sketches() -> None:
    sketches = np.random.default_rng(10).standard_normal((40, 128)) * np.linspace(2.0, 0.1, 128)
    places, explained = find_places(sketches)
    centered = sketches - sketches.mean(axis=0)
    left, scales, _ = np.linalg.svd(centered, full_matrices=False)
    assert np.abs(places) == pytest.approx(np.abs(left[:, :2] * scales[:2]), abs=1e-4)
    assert explained == pytest.approx(tuple(scales[:2] ** 2 / (scales**2).sum()), abs=1e-4)


def test_on_real_records_cloning_visits_the_same_places_under_every_reward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(project_root()))
    records = read_records(project_root() / "results" / "survival").records
    clones = [record for record in records if record.run.algorithm.startswith("bc(")]
    sketches = {record.run.key: np.array(record.sketch) for record in clones}
    found = partition_distances(to_frame(clones), sketches, np.random.default_rng(11))
    by_reward = [one for one in found if one.source == "reward"]
    assert len(by_reward) == 6 and all(one.p == 1.0 and one.r2.value == 0.0 for one in by_reward)
    (overall,) = [one for one in found if one.source == "coverage" and one.dataset == "Hopper-v5"]
    assert overall.p == 0.001 and overall.r2.low > 0.3
    (drawn,) = policy_map(to_frame(clones), sketches)
    places = {(point.coverage, point.seed): (point.x, point.y) for point in drawn.points}
    assert all(places[point.coverage, point.seed] == (point.x, point.y) for point in drawn.points)
    blank = [replace(record, sketch=[]) for record in clones]
    assert policy_map(to_frame(blank), {record.run.key: np.array(record.sketch) for record in blank}) == ()
