"""Frames, statistics and the leaderboard, on records made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_bench.analysis.frame import to_frame
from offline_bench.analysis.origin import collect_provenance
from offline_bench.analysis.resampling import Resampling
from offline_bench.analysis.scores.aggregates import task_means
from offline_bench.analysis.scores.leaderboard import build_leaderboard
from offline_bench.analysis.statistics import IQM, bootstrap_interval, iqm
from offline_bench.core.errors import RecordError
from offline_bench.report.scores.leaderboard import leaderboard_markdown
from offline_bench.report.scores.long_form import leaderboard_csv
from offline_bench.runs.record import SCHEMA, Record, Run
from offline_bench.runs.staleness import find_stale
from offline_bench.runs.store import read_records, record_path, save_record
from offline_bench.schemes.relabel import relabelings
from tests.analysis.sameness import is_same

CARDS = """
[tasks.toy]
environment = "Toy-v0"
random_return = 10.0
expert_return = 210.0
source = "made up"

[datasets."toy/one"]
task = "toy"
good_for = "tests"
"""
DATA = {"transitions": 100.0, "episodes": 5.0, "mean_return": 70.0, "mean_length": 20.0}


@pytest.fixture(autouse=True)
def cards(tmp_path, monkeypatch):
    """Toy cards: return 10 is score 0 and return 210 is score 100, so the data's 70 is score 30."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "cards.toml").write_text(CARDS)
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))


def run(relabeling="original", algorithm="iql", seed=0, dataset="toy/one", curation="full", steps=100) -> Run:
    return Run(dataset, curation, relabeling, algorithm, seed, steps, episodes=2)


def ok(true_return: float, **names) -> Record:
    return Record(run(**names), "ok", returns=[true_return - 1, true_return + 1], lengths=[3, 5], data=DATA)


def cells(board, algorithm):
    """The cells of one algorithm on the first dataset, by relabeling."""
    row = next(row for row in board.tables[0].rows if row.algorithm == algorithm)
    return {cell.relabeling: cell for cell in row.cells}


def grid() -> list[Record]:
    """Three seeds of BC and IQL under three rewards, spread so that intervals have a width; one run diverged."""
    records = [
        ok(base + 10 * seed, relabeling=relabeling, algorithm=algorithm, seed=seed)
        for algorithm, bases in {"bc": (80, 80, 80), "iql": (150, 120, 60)}.items()
        for relabeling, base in zip(("original", "zero", "negative"), bases, strict=True)
        for seed in range(3)
    ]
    return [*records, Record(run("random"), "diverged", "the loss stopped being finite at step 7", data=DATA)]


def test_iqm_by_hand():
    assert iqm([100, 3, 0, 2, 5, 1, 4, -50]) == pytest.approx((1 + 2 + 3 + 4) / 4)
    assert iqm([1, 2, 9]) == 4.0  # three values: nothing is trimmed
    assert iqm([0, 1, 2, 99]) == 1.5
    assert np.isnan(iqm([]))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.randoms())
@settings(max_examples=100, deadline=None)
def test_iqm_knows_no_order_and_stays_within_the_values(values, random):
    shuffled = random.sample(values, len(values))
    assert iqm(values) == pytest.approx(iqm(shuffled), rel=1e-9, abs=1e-6)
    assert min(values) - 1e-6 <= iqm(values) <= max(values) + 1e-6


def test_bootstrap_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    trials, mean = 400, task_means([30], lambda means: means[..., 0])
    samples = rng.normal(5.0, 2.0, size=(trials, 30))
    intervals = [bootstrap_interval([x], mean, Resampling(at, 500)) for at, x in enumerate(samples)]
    assert 0.90 <= np.mean([low <= 5.0 <= high for low, high in intervals]) <= 0.98


def test_bootstrap_resamples_within_tasks():
    # Each task is constant: only an estimate that mixes tasks could vary.
    interval = bootstrap_interval(
        [[0, 0, 0], [10, 10, 10]], task_means([3, 3], lambda means: means.mean(-1)), Resampling(0)
    )
    assert interval == (5.0, 5.0)


def test_one_run_has_no_interval():
    assert np.isnan(bootstrap_interval([[3.0]], IQM, Resampling(0))).all()


def test_frame_scores_by_the_card_and_only_with_a_card():
    frame = to_frame([ok(110), ok(110, dataset="toy/uncarded")]).set_index("dataset")
    assert frame.loc["toy/one", ["true_return", "score", "behavior_score"]].tolist() == [110, 50, 30]
    assert frame.loc["toy/one", "length"] == 4
    assert frame.loc["toy/uncarded", "true_return"] == 110
    assert frame.loc["toy/uncarded", ["score", "behavior_score"]].isna().all()


def test_without_a_card_the_table_shows_true_returns():
    board = build_leaderboard(to_frame([ok(110, dataset="toy/uncarded")]))
    assert board.tables[0].task is None
    assert cells(board, "iql")["original"].value == 110
    assert cells(board, "iql")["original"].lift_over_behavior == 40


def test_a_return_that_is_not_finite_is_no_score():
    record = replace(ok(110), returns=[100.0, None])  # as NaN reads back from a file
    frame = to_frame([record])
    assert frame["status"].item() == "failed"
    assert frame["score"].isna().item()
    assert "finite" in frame["reason"].item()


def test_two_records_of_one_run_are_refused():
    with pytest.raises(RecordError, match=r"two records.*toy/one"):
        to_frame([ok(110), ok(120)])


def test_lifts_gap_and_survival_by_hand():
    board = build_leaderboard(to_frame(grid()))
    iql = cells(board, "iql")
    # original 150, 160, 170 → scores 70, 75, 80; zero 60 ± 5; negative 30 ± 5; BC 40 ± 5; behavior 30
    assert [iql[name].value for name in ("original", "zero", "negative")] == pytest.approx([75, 60, 30])
    assert iql["zero"].lift_over_behavior == pytest.approx(30)
    assert iql["zero"].lift_over_bc == pytest.approx(20)
    assert iql["zero"].gap == pytest.approx(15)
    assert iql["zero"].low <= 60 <= iql["zero"].high
    assert {name for name, cell in iql.items() if cell.survives} == {"zero"}  # the true reward is never marked
    assert not any(cell.survives for cell in cells(board, "bc").values())
    assert board.relabelings == ("original", "zero", "random", "negative")


@pytest.mark.parametrize(("true_return", "survives"), [(60, False), (85, False), (95, True)])
def test_survival_wants_both_lifts(true_return, survives):
    records = [ok(90, algorithm="bc"), ok(true_return, relabeling="zero")]  # behavior 70, BC 90 under another reward
    assert cells(build_leaderboard(to_frame(records)), "iql")["zero"].survives is survives


def test_without_bc_nothing_survives():
    cell = cells(build_leaderboard(to_frame([ok(200, relabeling="zero")])), "iql")["zero"]
    assert np.isnan(cell.lift_over_bc)
    assert not cell.survives


def uneven() -> list[Record]:
    """Nine seeds at uneven returns: another bootstrap draw, or another order of the runs, gives other intervals."""
    returns = np.random.default_rng(5).lognormal(4.0, 1.0, size=(2, 9))
    return [
        ok(float(value), relabeling=relabeling, seed=seed)
        for relabeling, values in zip(("original", "zero"), returns, strict=True)
        for seed, value in enumerate(values)
    ]


def test_the_order_of_rows_changes_no_byte():
    records = uneven()
    frame = to_frame(records)
    board = build_leaderboard(frame)
    for seed in range(3):
        other = build_leaderboard(frame.sample(frac=1, random_state=seed))
        assert leaderboard_markdown(other) == leaderboard_markdown(board)
        assert leaderboard_csv(other) == leaderboard_csv(board)
    assert leaderboard_csv(build_leaderboard(to_frame(records[::-1]))) == leaderboard_csv(board)
    assert is_same(collect_provenance(records), collect_provenance(records[::-1]))


def test_other_cells_do_not_move_an_interval():
    more = [*uneven(), ok(99, algorithm="cql"), ok(99, relabeling="noisy")]
    before, after = (cells(build_leaderboard(to_frame(records)), "iql")["zero"] for records in (uneven(), more))
    assert (before.low, before.high) == (after.low, after.high)


def test_equal_runs_have_equal_intervals_whatever_they_are_called():
    returns = [10.0, 20.0, 45.0, 80.0, 95.0]
    records = [
        ok(r, relabeling=name, algorithm="bc", seed=i) for name in ("zero", "negative") for i, r in enumerate(returns)
    ]
    one, other = cells(build_leaderboard(to_frame(records)), "bc").values()
    assert (one.value, one.low, one.high) == (other.value, other.low, other.high)
    assert one.low < one.value < one.high


def test_incomplete_cells_say_so():
    expected = [run(relabeling, "iql", seed) for relabeling in ("zero", "random") for seed in range(3)]
    records = [ok(110, relabeling="zero", seed=0), Record(run("zero", seed=1), "failed", "out of memory")]
    board = build_leaderboard(to_frame(records), expected)
    zero, random = cells(board, "iql")["zero"], cells(board, "iql")["random"]
    assert (zero.n_ok, zero.n_expected, zero.outcomes) == (1, 3, (("failed", 1), ("missing", 1)))
    assert (random.n_ok, random.n_expected, random.outcomes) == (0, 3, (("missing", 3),))
    assert np.isnan(random.value)
    assert [(item.status, item.reason, item.seeds) for item in board.failures] == [("failed", "out of memory", (1,))]
    assert (board.n_ok, board.n_expected) == (1, 6)


def test_a_dataset_of_which_nothing_ran_is_still_there():
    board = build_leaderboard(to_frame([]), [run(dataset="toy/two")])
    assert cells(board, "iql")["original"].outcomes == (("missing", 1),)


def test_different_budgets_are_never_pooled():
    board = build_leaderboard(to_frame([ok(110, steps=100), ok(130, steps=200)]))
    assert [(row.label, row.cells[0].value) for row in board.tables[0].rows] == [
        ("iql, 100 steps", 50),
        ("iql, 200 steps", 60),
    ]


def test_bc_is_compared_on_the_same_curation():
    half = "fraction(p=0.5)"
    records = [
        ok(90, algorithm="bc"),
        ok(50, algorithm="bc", curation=half),
        ok(90),
        ok(90, curation=half),
    ]
    rows = build_leaderboard(to_frame(records)).tables[0].rows
    lifts = {row.curation: row.cells[0].lift_over_bc for row in rows if row.algorithm == "iql"}
    assert lifts == pytest.approx({"full": 0, half: 20})


def test_labels_are_names_where_names_suffice():
    algorithms = ["iql", "atac(beta=1.0)", "atac(beta=4.0)", "cql(alpha=2.0)"]
    board = build_leaderboard(to_frame([ok(50, algorithm=name) for name in algorithms]))
    assert [(e.label, e.algorithm) for e in board.algorithms] == [
        ("atac(beta=1.0)", "atac(beta=1.0)"),
        ("atac(beta=4.0)", "atac(beta=4.0)"),
        ("cql", "cql(alpha=2.0)"),
        ("iql", "iql"),
    ]


def test_stale_by_schema_and_by_source():
    current = relabelings.origin("zero").source
    assert find_stale(ok(1, relabeling="zero")) == ""  # recorded without a source: nobody can tell
    fresh = replace(ok(1, relabeling="zero"), fingerprints={"relabeling_source": current})
    assert find_stale(fresh) == ""
    assert "relabeling zero" in find_stale(replace(fresh, fingerprints={"relabeling_source": "other"}))
    assert "curation full" in find_stale(replace(fresh, fingerprints={"curation_source": "other"}))
    assert "schema" in find_stale(replace(fresh, schema=SCHEMA - 1))
    # Its parameter is gone from the function, which is a change of source and not an error.
    assert find_stale(replace(ok(1, relabeling="zero(gone=1)"), fingerprints={"relabeling_source": "other"}))
    assert find_stale(replace(ok(1, relabeling="not-here"), fingerprints={"relabeling_source": "other"})) == ""


def test_stale_by_another_trainer():
    by_d3rlpy = replace(ok(1, algorithm="bc(batch_size=32)"), provenance={"trainer": "d3rlpy"})
    assert find_stale(by_d3rlpy) == "it was trained by d3rlpy, and bc(batch_size=32) now names the stacked trainer"
    assert find_stale(replace(by_d3rlpy, provenance={"trainer": "stacked"})) == ""
    assert find_stale(replace(by_d3rlpy, provenance={})) == ""
    for algorithm in ("bc(trainer='d3rlpy')", "dt", "bcq", "not-here", "bc(gone=1)", "bc("):
        assert find_stale(replace(ok(1, algorithm=algorithm), provenance={"trainer": "d3rlpy"})) == ""


def test_stale_runs_are_listed_and_left_out():
    old = replace(ok(1000, relabeling="zero", seed=1), fingerprints={"relabeling_source": "other"})
    old = replace(old, data={**DATA, "mean_return": 1e6})
    board = build_leaderboard(to_frame([ok(110, relabeling="zero"), old]))
    cell = cells(board, "iql")["zero"]
    assert (cell.value, cell.n_ok, cell.n_expected, cell.outcomes) == (50, 1, 2, (("stale", 1),))
    assert board.tables[0].rows[0].behavior == 30
    assert board.data[0].behavior_score == 30
    assert [item.seeds for item in board.stale] == [(1,)]
    assert not board.failures


def test_few_seeds_are_counted():
    five = [ok(110 + seed, seed=seed) for seed in range(5)]
    board = build_leaderboard(to_frame([*five, ok(1, relabeling="zero")]))
    assert (board.few_seeds.cells, board.few_seeds.of, board.few_seeds.least, board.few_seeds.most) == (1, 2, 1, 1)


def test_a_truncated_record_is_a_problem_and_the_rest_is_read(tmp_path: Path):
    for record in grid():
        save_record(tmp_path, record)
    cut = record_path(tmp_path, run("zero", "iql", 2))
    cut.write_text(cut.read_text()[:200])
    reading = read_records(tmp_path)
    board = build_leaderboard(to_frame(reading.records), [record.run for record in grid()], reading.problems)
    assert len(board.problems) == 1
    assert cut.name in board.problems[0]
    assert cells(board, "iql")["zero"].outcomes == (("missing", 1),)
    assert cells(board, "iql")["zero"].n_ok == 2
    assert cells(board, "iql")["original"].n_ok == 3


def test_provenance_shows_data_that_differs_between_runs():
    a = replace(ok(1), fingerprints={"dataset": "aa"}, provenance={"seconds": 0.1, "versions": {"torch": "2"}})
    b = replace(ok(1, seed=1), fingerprints={"dataset": "bb"}, provenance={"seconds": 0.2, "versions": {"torch": "3"}})
    made = collect_provenance([a, b])
    assert made.fingerprints == (("toy/one", ("aa", "bb")),)
    assert made.versions == (("torch", ("2", "3")),)
    assert made.seconds == pytest.approx(0.3)
