"""The gate through a whole suite: what is not competent is in no headline, share, verdict or sign, and is named."""

from __future__ import annotations

from csv import DictReader
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from offline_bench.analysis.decides.headline import NOTHING_TOLD, headline
from offline_bench.analysis.decides.shares import variance_shares
from offline_bench.analysis.frame import to_frame
from offline_bench.analysis.predictions.prediction import Prediction, load_predictions
from offline_bench.analysis.predictions.verdicts import judge
from offline_bench.analysis.published.comparison import compare_with_published
from offline_bench.analysis.published.facts import Published, PublishedRow, true_marks
from offline_bench.analysis.published.survival import compare_survival
from offline_bench.analysis.scores.competence import judge_learners
from offline_bench.analysis.summary import Question, Summary, summarize
from offline_bench.commands.tables import write_tables
from offline_bench.core.errors import SuiteError
from offline_bench.report.html.standings import view_leaderboard
from offline_bench.report.scores.leaderboard import leaderboard_markdown
from offline_bench.report.scores.long_form import leaderboard_csv
from offline_bench.runs.record import Record, Run
from offline_bench.runs.store import save_record
from offline_bench.runs.suites import Grid, Suite, load_suite
from tests.analysis.sameness import is_same

CARDS = """
[tasks.toy]
environment = "Toy-v0"
random_return = 0.0
expert_return = 100.0
source = "made up"
""" + "".join(f'[datasets."toy/{name}"]\ntask = "toy"\ngood_for = "tests"\n' for name in ("one", "two"))
GRID = """
[[grids]]
datasets = ["d"]
algorithms = ["bc"]
relabelings = ["zero"]
seeds = [0]
steps = 1
episodes = 1
"""
REWARDS = ("original", "zero", "negative")
NOISE = (-1.0, 1.5, 0.5, -1.5, 0.5)
# Score under each reward: iql reads it on both sets, sac on neither, atac on the first alone.
SCORES = {
    "bc": {"toy/one": (40, 40, 40), "toy/two": (50, 50, 50)},
    "iql": {"toy/one": (80, 40, 20), "toy/two": (90, 88, 91)},
    "atac": {"toy/one": (70, 45, 30), "toy/two": (50, 95, 5)},
    "sac": {"toy/one": (10, 60, 5), "toy/two": (30, 95, 2)},
}
FACTS = Published(
    "a chart",
    1.0,
    "atac",
    "sac",
    ("atac", "iql"),
    REWARDS,
    tuple(PublishedRow(name, 30.0, 40.0, dict.fromkeys(REWARDS, 99.0)) for name in ("toy/one", "toy/two")),
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Toy cards where a return is its own score."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "cards.toml").write_text(CARDS)
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))
    return tmp_path


def records(*algorithms: str) -> list[Record]:
    data = {"transitions": 10.0, "episodes": 2.0, "mean_return": 30.0, "mean_length": 5.0, "best_return": 99.0}
    return [
        Record(
            Run(dataset, "full", relabeling, algorithm, seed, 100, 2),
            "ok",
            returns=[score + noise * (1 if algorithm == "bc" else -0.5)] * 2,
            lengths=[5, 5],
            data=data,
        )
        for algorithm in algorithms
        for dataset, scores in SCORES[algorithm].items()
        for relabeling, score in zip(REWARDS, scores, strict=True)
        for seed, noise in enumerate(NOISE)
    ]


def question(made: list[Record], gate: bool = True, predictions: tuple[Prediction, ...] = ()) -> Question:
    return Question("s", "S", {record.run: (100,) for record in made}, predictions, FACTS, gate)


def summary(*algorithms: str, gate: bool = True) -> Summary:
    made = records(*algorithms)
    return summarize(made, question(made, gate))


def test_headline_and_shares_are_of_those_that_count_and_name_those_that_do_not() -> None:
    found = summary("bc", "iql", "atac", "sac")
    told = to_frame([r for r in records("iql", "atac") if (r.run.algorithm, r.run.dataset) != ("atac", "toy/two")])
    assert found.headline.overall == variance_shares(told)[0]
    assert found.headline.sentence == headline(variance_shares(told)).sentence
    basis = found.headline.basis
    assert "3 of 6 learners on a set count: 3 above cloning under the true reward." in basis
    assert basis.endswith("Left out, as not competent: sac on toy/one; atac on toy/two; sac on toy/two.")
    assert {(item.label, item.dataset): item.counts for item in found.competence if item.label == "atac"} == {
        ("atac", "toy/one"): True,
        ("atac", "toy/two"): False,
    }
    assert {item.level for item in found.leanings if item.kind == "only"} == {"iql", "atac"}
    assert [(item.dataset, item.verdict) for item in found.sets] == [
        ("toy/one", "reward-sensitive"),
        ("toy/two", "reward-free"),
    ]
    rows = {(table.dataset, row.label): row.competence for table in found.board.tables for row in table.rows}
    assert len(rows) == 8 and rows["toy/one", "bc"].word == "reads no reward", "all stay in the tables"


def test_the_leaderboard_marks_who_counts_by_a_mark_and_a_word() -> None:
    board, bare = summary("bc", "iql", "sac").board, summary("bc", "iql", "sac", gate=False).board
    text, table = leaderboard_markdown(board), leaderboard_csv(board)
    for item in summary("bc", "iql", "sac").competence:
        assert f"{item.mark} {item.word}" in text
    assert "**competent?**" in text and "competent?" not in leaderboard_markdown(bare)
    by_learner = {(row["dataset"], row["algorithm"]): row for row in DictReader(StringIO(table))}
    assert by_learner["toy/one", "iql"]["competence"] == "competent"
    assert by_learner["toy/one", "iql"]["ground"] == "cloning"
    assert by_learner["toy/one", "sac"]["competence"] == "not competent"
    assert "competence" not in leaderboard_csv(bare).splitlines()[0]
    survivors = [row for part in board.tables for row in part.rows if any(cell.survives for cell in row.cells)]
    assert {row.counts for row in survivors} == {True, False}
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert any("▲" in line for line in lines)
    assert not any("not competent" in line and "▲" in line for line in lines)


def test_the_page_says_who_counts_and_trusts_no_other() -> None:
    found, bare = summary("bc", "iql", "sac"), summary("bc", "iql", "sac", gate=False)
    view, bare_view = (view_leaderboard(one.board, one.best) for one in (found, bare))
    assert "competent?" in [heading.text for heading in view.headings]
    assert "competent?" not in [heading.text for heading in bare_view.headings]
    told = [[datum.text for datum in line] for line in view.lines]
    assert any("✓ competent" in texts for texts in told)
    refused = [line for line, texts in zip(view.lines, told, strict=True) if "✗ not competent" in texts]
    assert refused and not any(datum.survives for line in refused for datum in line)
    trust, old = dict(found.digest.trust)["Competence"], dict(bare.digest.trust)["Competence"]
    assert trust.startswith("2 of 4 pairs of learner and data are competent under the true reward. The other 2")
    assert "beat cloning under the true reward" in old


def test_without_a_gate_everything_is_as_it_was() -> None:
    made = records("bc", "iql", "sac")
    found = summarize(made, question(made, gate=False))
    assert (found.competence, found.sets) == ((), ())
    assert is_same(found.headline, headline(variance_shares(to_frame(made))))
    assert all(row.competence is None for table in found.board.tables for row in table.rows)
    assert is_same(found.verdicts, judge((), to_frame(made)))
    gated = summarize(made, question(made))
    assert gated.headline.overall != found.headline.overall
    assert is_same((gated.cells, gated.aggregates, gated.curves), (found.cells, found.aggregates, found.curves))


def test_a_suite_without_a_competent_learner_says_first_that_it_can_tell_nothing() -> None:
    found = summary("bc", "sac")
    assert found.headline.sentence == NOTHING_TOLD
    assert found.headline.overall.ratio.n == 0
    assert "0 of 2 learners on a set count." in found.headline.basis
    assert {item.verdict for item in found.sets} == {"cannot tell"}
    assert summary("iql").headline.sentence == NOTHING_TOLD, "without cloning, too"
    assert summary("bc").headline.sentence == NOTHING_TOLD


def predicted(*tables: dict[str, object]) -> tuple[Prediction, ...]:
    whole = [{"name": str(at), "text": "t", "expect": "less", **table} for at, table in enumerate(tables)]
    return load_predictions(whole, "s")


def test_predictions_are_judged_by_those_that_count_and_a_case_without_one_stays_open() -> None:
    frame = to_frame(records("bc", "iql", "atac", "sac"))
    judged = judge_learners(frame)
    drop = {"kind": "difference", "a": {"relabeling": "zero"}, "b": {"relabeling": "original"}}
    over, each, sac, cloning = judge(
        predicted(
            {**drop, "where": {"dataset": "toy/one"}},
            {**drop, "where": {"dataset": "toy/two"}, "each": "algorithm", "than": 60},
            {**drop, "where": {"algorithm": "sac"}},
            {
                "kind": "difference",
                "where": {"relabeling": "negative", "dataset": "toy/one"},
                "a": {"algorithm": "iql"},
                "b": {"algorithm": "bc"},
            },
        ),
        frame,
        judged,
    )
    assert over.verdict == "holds" and over.figures.startswith("-32.5"), over.figures
    assert over.figures.endswith("; left out, as not competent: sac on toy/one")
    assert over.left_out == ("sac on toy/one",)
    assert {case[0]: case[1] for case in each.cases} == {"iql": "holds", "atac": "open", "sac": "open"}
    assert each.verdict == "open" and "no run of a competent learner" in each.cases[0][2]
    assert (sac.verdict, sac.left_out) == ("open", ("sac on toy/one", "sac on toy/two"))
    assert cloning.verdict == "holds" and cloning.figures.startswith("-20."), "cloning is there to be held against"
    assert not cloning.left_out
    plain = judge(predicted({**drop, "where": {"algorithm": "sac"}}), frame)
    assert plain[0].verdict == "fails" and not plain[0].left_out


def test_the_summary_judges_predictions_by_those_that_count() -> None:
    made = records("bc", "iql", "sac")
    (table,) = predicted({"kind": "difference", "a": {"relabeling": "zero"}, "b": {"relabeling": "original"}})
    gated, plain = (summarize(made, question(made, gate, (table,))).verdicts[0] for gate in (True, False))
    assert (gated.left_out, plain.left_out) == (("sac on toy/one", "sac on toy/two"), ())
    assert gated.figures.startswith("-21.") and not plain.figures.startswith("-21.")


def test_signs_are_of_those_that_count_and_their_numbers_stay() -> None:
    board = summary("bc", "iql", "atac", "sac").board
    (setting,) = compare_with_published(board, FACTS).settings
    assert [part.published.dataset for part in setting.datasets] == ["toy/one", "toy/two"]
    assert {cell.dataset for cell in setting.cells} == {"toy/one"}
    assert (setting.over_behavior.of, setting.over_bc.of, setting.left_out) == (2, 2, ("toy/two",))
    survivors = {item.label: item for item in compare_survival(board, FACTS).survivors}
    assert [np.isfinite(mark.lift) for mark in survivors["atac"].marks] == [True, True, False, False]
    assert survivors["atac"].left_out == ("toy/two",) and survivors["atac"].above_behavior.of == 2
    assert survivors["sac"].above_behavior.of == 4 and not survivors["sac"].left_out, "the control is to be seen"
    assert survivors["bc"].above_behavior.of == 4
    plain = summary("bc", "iql", "atac", "sac", gate=False).board
    (setting,) = compare_with_published(plain, FACTS).settings
    assert (setting.over_behavior.of, setting.left_out) == (4, ())


def test_the_published_score_of_the_facts_is_what_counts_as_reached() -> None:
    assert true_marks(FACTS) == {("toy/one", "atac"): 98.0, ("toy/two", "atac"): 98.0}
    assert true_marks(None) == {}


def test_a_suite_file_says_whether_it_has_a_gate(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    for line, gate in (("", False), ("gate = true\n", True), ("gate = false\n", False)):
        path.write_text(line + GRID)
        assert load_suite(str(path)).gate is gate
    for wrong in ('"true"', "1"):
        path.write_text(f"gate = {wrong}\n{GRID}")
        with pytest.raises(SuiteError, match="gate must be true or false"):
            load_suite(str(path))


def test_the_page_of_a_gated_suite_begins_with_who_reads_the_reward(tmp_path: Path) -> None:
    grid = Grid(["toy/one", "toy/two"], ["bc", "sac"], REWARDS, list(range(5)), 100, 2)
    suite = Suite("s", "S", tmp_path, (grid,), gate=True)
    for record in records("bc", "sac"):
        save_record(tmp_path, record)
    write_tables(tmp_path, suite)
    lines = (tmp_path / "README.md").read_text().splitlines()
    assert lines[:3] == ["# S", "", f"**{NOTHING_TOLD}**"]
    assert any(line.startswith("| toy/one | full     | sac     | ✗ not competent") for line in lines)
    write_tables(tmp_path, replace(suite, gate=False))
    assert NOTHING_TOLD not in (tmp_path / "README.md").read_text()
