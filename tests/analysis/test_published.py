"""Published numbers beside ours: signs, firmness, counts, the control, curations, and the page they make."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt

from offline_bench.analysis.frame import to_frame
from offline_bench.analysis.published.comparison import compare_with_published
from offline_bench.analysis.published.facts import PUBLISHED, load_published
from offline_bench.analysis.published.survival import Share, compare_survival
from offline_bench.analysis.scores.curations import compare_curations
from offline_bench.analysis.scores.leaderboard import build_leaderboard
from offline_bench.commands.tables import write_tables
from offline_bench.core.errors import SuiteError
from offline_bench.core.paths import results_folder
from offline_bench.report.published.comparison import lift_text, published_section
from offline_bench.report.published.survival import survival_section
from offline_bench.report.scores.curations import curations_section
from offline_bench.runs.record import SCHEMA, Record, Run
from offline_bench.runs.store import save_record
from offline_bench.runs.suites import Suite

COMMITTED = results_folder() / "survival"
CARDS = """
[tasks.toy]
environment = "Toy-v0"
random_return = 0.0
expert_return = 100.0
source = "made up"
""" + "".join(f'[datasets."toy/{name}"]\ntask = "toy"\ngood_for = "tests"\n' for name in ("one", "two", "three"))
FACTS = """
source = "a | chart"
reading_error = 1.0
algorithm = "atac"
control = "sac"
pessimistic = ["atac", "iql"]
relabelings = ["original", "zero", "random", "negative"]

[scores]
"toy/one" = { behavior = 30.0, bc = 40.0, original = 80, zero = 60.0, random = 32.0, negative = 10.0 }
"toy/two" = { behavior = 30.0, bc = 40.0, original = 80, zero = 40.0, random = 29.5, negative = 70.0 }
"toy/absent" = { behavior = 1.0, bc = 2.0, original = 3.0, zero = 4.0, random = 5.0, negative = 6.0 }
"""
BEHAVIOR = 30.0

# The chart, as it was read.
TIERS = ("random", "medium", "medium-replay", "medium-expert", "expert")
SPOT_CHECKS = {
    "hopper/random-v0": (1.2, 3.8, 5.6, 22.5, 18.3, 30.5),
    "hopper/medium-v0": (44.4, 53.4, 84.8, 93.8, 92.1, 91.5),
    "hopper/medium-replay-v0": (15.0, 26.7, 101.7, 65.7, 77.2, 48.0),
    "hopper/medium-expert-v0": (64.6, 53.4, 104.2, 106.7, 92.4, 90.4),
    "hopper/expert-v0": (108.4, 110.6, 111.3, 111.3, 110.6, 111.2),
    "walker2d/medium-expert-v0": (82.6, 103.3, 105.9, 97.0, 93.5, 72.5),
    "halfcheetah/expert-v0": (88.2, 92.7, 93.7, 92.7, 92.7, 93.2),
}
CHART_SUM = 5412.6


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Toy cards where a return is its own score, and a suite folder with the facts above."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "cards.toml").write_text(CARDS)
    (tmp_path / PUBLISHED).write_text(FACTS)
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))
    return tmp_path


def cell(
    relabeling, scores, algorithm="atac", dataset="toy/one", curation="full", steps=100, length=7, behavior=BEHAVIOR
):
    """A record per seed of one cell, with these scores."""
    data = {"transitions": 100.0, "episodes": 5.0, "mean_return": behavior, "mean_length": 20.0}
    runs = [Run(dataset, curation, relabeling, algorithm, seed, steps, 1) for seed in range(len(scores))]
    return [
        Record(run, "ok", returns=[float(score)], lengths=[length + run.seed], data=data)
        for run, score in zip(runs, scores, strict=True)
    ]


def bc(score=40.0, dataset="toy/one", **names):
    return [
        record for name in ("zero", "random", "negative") for record in cell(name, [score] * 3, "bc", dataset, **names)
    ]


def board_of(records, expected=()):
    return build_leaderboard(to_frame(records), expected)


def compared(records, home, expected=()):
    """The only setting of the comparison, and its cells by dataset and relabeling."""
    (setting,) = compare_with_published(board_of(records, expected), load_published(home)).settings
    return setting, {(item.dataset, item.relabeling): item for item in setting.cells}


def test_signs_against_behavior_and_bc(home):
    records = [
        *bc(),
        *cell("original", [90, 90, 90]),
        *cell("zero", [50, 52, 54]),  # above both, as published
        *cell("random", [33, 35, 37]),  # above behavior only, as published
        *cell("negative", [41, 43, 45]),  # above both where the published is below both
    ]
    setting, cells = compared(records, home)
    assert list(cells) == [("toy/one", name) for name in ("zero", "random", "negative")]  # the true reward has no sign
    told = {key[1]: (item.over_behavior, item.over_bc) for key, item in cells.items()}
    assert [verdict.lift for verdict in told["zero"]] == pytest.approx([22, 12])
    assert [verdict.published_lift for verdict in told["zero"]] == pytest.approx([30, 20])
    assert [verdict.lift for verdict in told["random"]] == pytest.approx([5, -5])
    assert [verdict.published_lift for verdict in told["random"]] == pytest.approx([2, -8])
    assert {name: [verdict.agrees for verdict in pair] for name, pair in told.items()} == {
        "zero": [True, True],
        "random": [True, True],
        "negative": [False, False],
    }
    (dataset,) = setting.datasets
    assert (dataset.behavior, dataset.bc) == (30, 40)
    assert [item.value for item in dataset.cells] == [90, 52, 35, 43]


def test_counts_by_hand(home):
    records = [*bc(), *cell("zero", [50, 52, 54]), *cell("random", [34, 35, 36]), *cell("negative", [41, 43, 45])]
    setting, _ = compared(records, home)
    tally = setting.over_behavior
    assert (tally.of, tally.above, tally.published_above, tally.no_verdict) == (3, 3, 2, 0)
    assert (tally.agree.cells, tally.agree.sure, tally.agree.unclear) == (2, 1, 1)  # 32 over 30 is within 2 readings
    assert (tally.disagree.cells, tally.disagree.sure, tally.disagree.unclear) == (1, 1, 0)
    assert tally.by_relabeling == (("zero", 1, 1), ("random", 1, 1), ("negative", 0, 1))
    tally = setting.over_bc
    assert (tally.above, tally.published_above) == (2, 1)
    assert (tally.agree.cells, tally.agree.sure, tally.agree.unclear) == (2, 2, 0)


@pytest.mark.parametrize(
    ("scores", "firm"),
    [
        ([34, 35, 36], True),
        ([31, 35, 39], False),  # all above behavior, but three runs leave more open than their range
        ([25, 35, 60], False),
        ([24, 25, 26], True),
        ([21, 25, 40], False),
        ([30, 30, 30], False),
        ([35], False),  # one run has no interval
    ],
)
def test_firm_is_an_interval_on_one_side(home, scores, firm):
    _, cells = compared([*bc(), *cell("zero", scores)], home)
    assert cells["toy/one", "zero"].over_behavior.firm is firm


def test_firm_is_told_of_each_reference_by_itself(home):
    _, cells = compared([*bc(), *cell("zero", [38, 41, 44])], home)
    assert cells["toy/one", "zero"].over_behavior.firm
    assert not cells["toy/one", "zero"].over_bc.firm


def test_exactly_the_reference_is_not_above(home):
    _, cells = compared([*bc(), *cell("negative", [30, 30, 30])], home)
    verdict = cells["toy/one", "negative"].over_behavior
    assert (verdict.lift, verdict.agrees) == (0, True)  # published 10 is not above 30 either


@pytest.mark.parametrize(
    ("relabeling", "ours", "published_lift", "agrees"),
    [("zero", 41, 0.0, False), ("zero", 39, 0.0, True), ("random", 31, -0.5, False), ("random", 29, -0.5, True)],
)
def test_within_reading_error_goes_by_its_sign_and_is_marked(home, relabeling, ours, published_lift, agrees):
    dataset = "toy/two"
    records = [*bc(dataset=dataset), *cell(relabeling, [ours] * 3, dataset=dataset)]
    setting, cells = compared(records, home)
    item = cells[dataset, relabeling]
    verdict, tally = (
        (item.over_bc, setting.over_bc) if relabeling == "zero" else (item.over_behavior, setting.over_behavior)
    )
    assert verdict.published_lift == published_lift
    assert (verdict.clear, verdict.agrees) == (False, agrees)
    counts = (tally.agree, tally.disagree)
    assert [(count.cells, count.unclear) for count in counts] == ([(1, 1), (0, 0)] if agrees else [(0, 0), (1, 1)])


@pytest.mark.parametrize(("score", "clear"), [(32.0, False), (32.1, True), (28.0, False), (27.9, True)])
def test_two_readings_differ_clearly_beyond_twice_their_error(home, score, clear):
    (home / PUBLISHED).write_text(FACTS.replace("random = 32.0", f"random = {score}"))
    _, cells = compared([*bc(), *cell("random", [50, 50])], home)
    assert cells["toy/one", "random"].over_behavior.clear is clear


def test_missing_runs_give_no_verdict(home):
    expected = [Run("toy/one", "full", name, "atac", 0, 100, 1) for name in ("zero", "random")]
    setting, cells = compared([*bc(), *cell("random", [50])], home, expected)
    verdict = cells["toy/one", "zero"].over_behavior
    assert np.isnan(verdict.lift)
    assert (verdict.agrees, verdict.firm) == (None, False)
    tally = setting.over_behavior
    assert (tally.of, tally.agree.cells, tally.disagree.cells, tally.no_verdict) == (3, 1, 0, 2)
    text = published_section(
        compare_with_published(board_of(bc() + cell("random", [50]), expected), load_published(home))
    )
    assert "1 of 3 signs agree with the published ones, 0 disagree, 2 without a verdict" in text
    assert "– / 60.0, 0/1 runs" in text


def test_without_bc_only_behavior_has_a_verdict(home):
    setting, cells = compared(cell("zero", [50, 52, 54]), home)
    item = cells["toy/one", "zero"]
    assert (item.over_behavior.agrees, item.over_bc.agrees) == (True, None)
    assert np.isnan(setting.datasets[0].bc)


def test_stale_and_failed_runs_are_not_compared(home):
    old = replace(cell("zero", [99])[0], schema=SCHEMA - 1)
    failed = Record(Run("toy/one", "full", "zero", "atac", 7, 100, 1), "failed", "out of memory")
    _, cells = compared([*bc(), old, failed], home)
    assert cells["toy/one", "zero"].over_behavior.agrees is None


def test_only_uncurated_rows_of_the_algorithm_are_compared(home):
    records = [*bc(), *cell("zero", [50] * 3, "atac(beta=4.0)"), *cell("zero", [1] * 3, "iql")]
    records += [*cell("zero", [2] * 3, "atac(beta=4.0)", curation="drop-terminals")]
    setting, cells = compared(records, home)
    assert setting.label == "atac"
    assert cells["toy/one", "zero"].over_behavior.lift == 20


def test_each_dataset_may_have_a_setting_of_its_own_but_two_on_one_are_told_apart(home):
    one, two = "atac(beta=1.0)", "atac(beta=4.0)"
    records = [*cell("zero", [50], one), *cell("zero", [60], two, "toy/two")]
    (setting,) = compare_with_published(board_of(records), load_published(home)).settings
    assert (setting.label, len(setting.datasets)) == ("atac", 2)
    records += cell("zero", [20], two)
    settings = compare_with_published(board_of(records), load_published(home)).settings
    assert [(item.label, len(item.datasets)) for item in settings] == [(one, 1), (two, 2)]
    records = [*cell("zero", [50]), *cell("zero", [60], steps=200)]
    settings = compare_with_published(board_of(records), load_published(home)).settings
    assert [item.label for item in settings] == ["atac, 100 steps", "atac, 200 steps"]


def test_a_dataset_without_a_card_is_named_and_not_compared(home):
    records = cell("zero", [50], dataset="toy/absent")
    comparison = compare_with_published(board_of(records), load_published(home))
    assert (comparison.settings, comparison.unscored) == ((), ("toy/absent",))
    text = published_section(comparison)
    assert "no normalized score here: toy/absent" in text
    assert "no run of atac" in text


def survival_records():
    """SAC below everywhere; ATAC above under zero and negative on one, missing under random; IQL above under zero."""
    return [
        *bc(),
        *cell("zero", [1, 2, 3], "sac"),
        *cell("random", [16, 17, 18], "sac"),
        *cell("negative", [10, 20, 60], "sac"),  # below behavior by its value, not by its interval
        *cell("zero", [50, 52, 54]),
        *cell("negative", [35, 35, 35]),
        *cell("zero", [41, 42, 43], "iql"),
        *cell("random", [15, 15, 15], "iql"),
        *cell("negative", [1, 1, 1], "iql"),
        *cell("zero", [90], "dt"),
        *cell("original", [99], "sac"),
    ]


def test_the_control_is_held_against_the_pessimistic_ones(home):
    survival = compare_survival(board_of(survival_records()), load_published(home))
    assert [(item.label, item.role) for item in survival.survivors] == [
        ("sac", "control"),
        ("atac", "pessimistic"),
        ("iql", "pessimistic"),
        ("bc", ""),
        ("dt", ""),
    ]
    by_label = {item.label: item for item in survival.survivors}
    sac, atac, iql = (by_label[name] for name in ("sac", "atac", "iql"))
    assert (sac.above_behavior, sac.keeps_half) == (Share(0, 3), Share(2, 3))  # 17 and 30 of 30, but not 2
    assert (atac.above_behavior, atac.above_bc, atac.above_both) == (Share(2, 2), Share(1, 2), Share(1, 2))
    assert atac.above_behavior_under == (Share(1, 1), Share(0, 0), Share(1, 1))
    assert (iql.above_behavior, iql.keeps_half) == (Share(1, 3), Share(2, 3))  # 15 is half of 30
    assert by_label["bc"].above_bc == Share(0, 0)
    (control,) = survival.controls
    assert (control.fails, control.fails_firm, control.survives, control.untold) == (3, 2, 0, 0)
    assert control.others_where_it_fails == Share(3, 5)
    text = survival_section(survival, load_published(home))
    assert "**sac** is above behavior in 0 of 3 places (0 firmly) and not in 3 (2 firmly)." in text
    assert "Where it is not, the pessimistic ones are above in 3 of their 5 cells." in text
    assert "Where it is," not in text


def test_where_the_control_survives_is_told_too(home):
    records = [*cell("zero", [50] * 3, "sac"), *cell("random", [1] * 3, "sac"), *cell("zero", [9] * 3), *bc()]
    (control,) = compare_survival(board_of(records), load_published(home)).controls
    assert (control.survives, control.survives_firm, control.fails, control.untold) == (1, 1, 1, 1)
    assert (control.others_where_it_survives, control.others_where_it_fails) == (Share(0, 1), Share(0, 0))


def test_half_of_a_score_that_is_not_positive_is_not_told(home):
    survival = compare_survival(board_of(cell("zero", [5], "sac", behavior=-3.0)), load_published(home))
    assert survival.survivors[0].keeps_half == Share(0, 0)


def test_a_suite_without_the_control_says_so(home):
    survival = compare_survival(board_of(cell("zero", [50])), load_published(home))
    assert survival.controls == ()
    assert "no run of the control, sac" in survival_section(survival, load_published(home))


def test_curations_have_scores_and_lengths(home):
    records = [
        *cell("zero", [50, 52, 54], length=99),  # lengths 99, 100, 101
        *cell("negative", [1, 1, 1], length=9),
        *cell("zero", [60, 60], curation="drop-terminals", length=200),  # 200, 201
        *cell("zero", [70], "iql"),
        *cell("random", [70], "iql"),
    ]
    frame = to_frame(records)
    curated = compare_curations(build_leaderboard(frame), frame)
    (table,) = curated.tables
    assert table.relabelings == ("zero", "negative")  # iql has one curation, so neither it nor its reward is shown
    assert [(row.label, row.curation) for row in table.rows] == [("atac", "full"), ("atac", "drop-terminals")]
    assert [(row.cells[0].value, row.cells[0].length) for row in table.rows] == [(52, 100), (60, 200.5)]
    text = curations_section(curated)
    assert "52.0 (100)" in text
    assert "**drop-terminals**: Without the transitions that ended the task" in text
    frame = to_frame(cell("zero", [50]))
    assert curations_section(compare_curations(build_leaderboard(frame), frame)) == ""


def test_lengths_are_of_the_runs_that_count(home):
    old = replace(cell("zero", [9, 9], length=900)[1], schema=SCHEMA - 1)
    failed = Record(Run("toy/one", "full", "zero", "atac", 2, 100, 1), "failed", "out of memory", lengths=[500])
    records = [*cell("zero", [50], length=10), old, failed, *cell("zero", [60], curation="drop-terminals")]
    frame = to_frame(records)
    curated = compare_curations(build_leaderboard(frame), frame)
    assert curated.tables[0].rows[0].cells[0].length == 10
    assert "50.0 (10), 1/3 runs" in curations_section(curated)


def test_curations_at_different_budgets_are_shown_and_told_apart(home):
    records = [*cell("zero", [50]), *cell("zero", [60], curation="drop-terminals", steps=200)]
    frame = to_frame(records)
    (table,) = compare_curations(build_leaderboard(frame), frame).tables
    assert [(row.label, row.curation) for row in table.rows] == [
        ("atac, 100 steps", "full"),
        ("atac, 200 steps", "drop-terminals"),
    ]
    assert [row.cells[0].value for row in table.rows] == [50, 60]


def test_small_lifts_keep_their_sign():
    assert [lift_text(value, True) for value in (0.04, -0.04, 1.26, 0.0, np.nan)] == [
        "+0.04",
        "-0.04",
        "+1.3",
        "0.00",
        "–",
    ]
    assert lift_text(0.04, False) == "(+0.04)"


def test_a_folder_without_facts_has_none(tmp_path):
    assert load_published(tmp_path / "elsewhere") is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('source = "a | chart"', "", "source missing"),
        ('control = "sac"', 'controls = "sac"', r"unknown key 'controls': did you mean control"),
        ('control = "sac"', 'control = "sacc"', r"control: unknown algorithm 'sacc': did you mean sac"),
        ('"atac", "iql"]', '"atac", "iq"]', r"pessimistic: unknown algorithm 'iq'"),
        ('["atac", "iql"]', '"iql"', "pessimistic must be a list of texts"),
        ('["atac", "iql"]', "[]", "pessimistic must be a list of texts"),
        ('algorithm = "atac"', "algorithm = 1", "algorithm must be a text, not 1"),
        ("reading_error = 1.0", "reading_error = true", "reading_error must be a finite number, not True"),
        ("reading_error = 1.0", "reading_error = -1", "reading_error must be a number from 0, not -1"),
        ('"random", "negative"]', '"randm", "negative"]', "relabelings: unknown relabeling 'randm'"),
        ('"random", "negative"]', '"random", "random"]', "each must be named once"),
        ("zero = 60.0, ", "", r"'toy/one': zero missing"),
        ("zero = 60.0", "zeros = 60.0", r"'toy/one': unknown key 'zeros': did you mean zero"),
        ("zero = 60.0", 'zero = "60"', r"'toy/one': zero must be a finite number, not '60'"),
        ("zero = 60.0", "zero = nan", r"'toy/one': zero must be a finite number, not nan"),
        ("bc = 2.0, ", "", r"'toy/absent': bc missing"),
        ("[scores]", "[scores]\nx = 1", "'x': must be a table of numbers"),
        ("reading_error = 1.0", "reading_error =", "cannot read"),
    ],
)
def test_faults_of_the_facts_file_name_file_and_key(home, old, new, told):
    assert FACTS.count(old) >= 1
    (home / PUBLISHED).write_text(FACTS.replace(old, new, 1))
    with pytest.raises(SuiteError, match=told) as error:
        load_published(home)
    assert str(home / PUBLISHED) in str(error.value)


def test_facts_without_scores_are_refused(home):
    (home / PUBLISHED).write_text(FACTS.partition("[scores]")[0] + "scores = {}\n")
    with pytest.raises(SuiteError, match="scores"):
        load_published(home)


def test_the_committed_facts_are_the_chart():
    facts = load_published(COMMITTED)
    rows = {row.dataset.removeprefix("offline-bench/"): row for row in facts.rows}
    tiers = [f"{env}/{tier}-v0" for env in ("hopper", "walker2d", "halfcheetah") for tier in TIERS]
    assert list(rows) == tiers
    seen = {name: (rows[name].behavior, rows[name].bc, *rows[name].scores.values()) for name in SPOT_CHECKS}
    assert seen == SPOT_CHECKS
    assert facts.relabelings == ("original", "zero", "random", "negative")
    assert (facts.algorithm, facts.control, facts.reading_error) == ("atac", "sac", 1.0)
    # Every number of the file is in one sum, so that none changes unseen.
    scores = tomllib.loads((COMMITTED / PUBLISHED).read_text())["scores"]
    assert sum(value for row in scores.values() for value in row.values()) == pytest.approx(CHART_SUM)


@dataclass(frozen=True)
class SuiteOf(Suite):
    """A suite of just these runs, whether or not they make a grid."""

    made: tuple[Run, ...] = ()

    def runs(self):
        return dict.fromkeys(self.made, ())


def write_page(home: Path, records: list[Record], facts: bool = True, notes: str = "") -> str:
    suite = SuiteOf("toy", "toy: a title", home, (), published=home, made=tuple(record.run for record in records))
    if not facts:
        (home / PUBLISHED).unlink()
    if notes:
        (home / "notes.md").write_text(notes)
    target = home / "local"  # what the suite's folder holds is shown wherever the records lie
    for record in records:
        save_record(target, record)
    write_tables(target, suite)
    return (target / "README.md").read_text()


def test_the_page_has_notes_then_findings_then_the_leaderboard(home):
    records = [*survival_records(), *cell("zero", [60] * 3, curation="drop-terminals")]
    text = write_page(home, records, notes="## By hand\n\n*Read* <this> | as it is.\n\n")
    headings = [line for line in text.splitlines() if line.startswith(("# ", "## "))]
    assert headings[:6] == [
        "# toy: a title",
        "## By hand",
        "## Beside the published numbers",
        "## Survival with and without pessimism",
        "## What curation changes",
        "## Leaderboard",
    ]
    assert "# toy: a title\n\n## By hand\n\n*Read* <this> | as it is.\n\n## Beside" in text
    assert "Published: a &#124; chart." in text
    rendered = MarkdownIt("commonmark").enable("table").render(text)
    assert rendered.count("<table>") == text.count("\n| -")
    assert "| toy/one | zero     |               +22.0 |     +30.0 | " in text


def test_a_page_without_facts_and_notes_has_only_the_leaderboard(home):
    text = write_page(home, survival_records(), facts=False)
    assert text.startswith("# toy: a title\n\n## Leaderboard\n")
    assert "ublished" not in text
