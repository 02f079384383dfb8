"""Markdown and CSV: what a reader, a renderer and a parser make of them."""

from __future__ import annotations

import csv
import io
import unicodedata
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from offline_bench.analysis.frame import to_frame
from offline_bench.analysis.origin import collect_provenance
from offline_bench.analysis.scores.entries import Cell
from offline_bench.analysis.scores.leaderboard import build_leaderboard
from offline_bench.report.markdown import display_width, escape, number, table
from offline_bench.report.results_page import results_page
from offline_bench.report.scores.leaderboard import cell_text, leaderboard_markdown
from offline_bench.report.scores.long_form import leaderboard_csv
from offline_bench.runs.record import Record, Run

HOSTILE = "<script>alert(1)</script>|x`[a](javascript:b)\n# *y* \x1b[31m\\"
DATA = {"transitions": 100.0, "episodes": 5.0, "mean_return": 70.0, "mean_length": 20.0}


@pytest.fixture(autouse=True)
def no_cards(tmp_path, monkeypatch):
    """No dataset has a card: numbers are true returns."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "cards.toml").write_text("")
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))


class Page(HTMLParser):
    """What a renderer shows of Markdown: its tags, and the text of each table row's cells."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.in_cell = False
        self.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        self.in_cell = self.in_cell or tag in ("td", "th")

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        if self.in_cell:
            self.rows[-1][-1] += data


def records(dataset="toy", relabeling="zero", algorithm="iql", reason="no memory") -> list[Record]:
    runs = [Run(dataset, "full", relabeling, algorithm, seed, 100, 2) for seed in range(3)]
    made = {"machine": reason, "versions": {reason: reason}, "seconds": 3.5, "trainer": "stacked", "device": "cpu"}
    return [
        Record(runs[0], "ok", returns=[80.0], lengths=[9], data=DATA, provenance=made, fingerprints={"dataset": "aa"}),
        Record(runs[1], "ok", returns=[90.0], lengths=[9], data=DATA, provenance=made, fingerprints={"dataset": "aa"}),
        Record(runs[2], "failed", reason, provenance=made),
    ]


def page_of(made: list[Record], problems=()) -> str:
    return results_page(build_leaderboard(to_frame(made), problems=problems), collect_provenance(made, "bench run x"))


def test_cells_say_how_complete_they_are():
    whole = Cell("zero", 41.23, 38.0, 44.1, n_ok=3, n_expected=3)
    assert cell_text(whole) == "41.2 [38.0, 44.1]"
    assert cell_text(Cell("zero", 41.23, 38.0, 44.1, 2, 3)) == "41.2 [38.0, 44.1] (2/3 runs)"
    assert cell_text(Cell("zero", 41.23, n_ok=1, n_expected=1)) == "41.2 (1 run)"
    assert cell_text(Cell("zero", 41.23, 38.0, 44.1, 3, 3, survives=True)) == "▲ 41.2 [38.0, 44.1]"
    assert cell_text(Cell("zero", n_expected=3, outcomes=(("diverged", 2), ("missing", 1)))) == (
        "– (0/3: 2 diverged, 1 missing)"
    )
    assert cell_text(Cell("zero")) == "–"


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [
        (-0.04, False, "0.0"),
        (0.04, True, "0.0"),
        (-0.04, True, "0.0"),
        (1234.56, False, "1,234.6"),
        (np.nan, True, "–"),
    ],
)
def test_numbers(value, sign, text):
    assert number(value, sign=sign) == text


@given(st.text(max_size=20) | st.text("|`<>&;#\\*_~[]()!/ab \n\t$-+:", max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_name_stays_text_in_its_cell(name):
    markdown = table(["name", "x"], [[escape(name), "1"]], 1)
    page = Page(markdown)
    printable = "".join(" " if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" else c for c in name)
    assert page.rows == [["name", "x"], [" ".join(printable.split()), "1"]]
    assert set(page.tags) == {"table", "thead", "tbody", "tr", "th", "td"}
    assert len({display_width(line) for line in markdown.splitlines()}) == 1


def test_hostile_names_neither_break_tables_nor_bring_html_nor_control_characters():
    made = records(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    text = page_of(made, problems=[HOSTILE])
    page, tame = Page(text), Page(page_of(records(), problems=["x"]))
    # Their names are all new, so nothing but text may differ from the page of harmless ones.
    assert [len(row) for row in page.rows] == [len(row) for row in tame.rows]
    assert set(page.tags) == set(tame.tags)
    assert page.tags.count("h1") == 1
    assert "<" not in text
    assert not any(line.lstrip("| -").startswith(">") for line in text.split("\n"))
    assert not {mark for mark in text if unicodedata.category(mark) == "Cc"} - {"\n"}
    assert all(line.isprintable() for line in text.split("\n"))


def test_tables_are_aligned_in_raw_text():
    lines = page_of(records("hopper", "näive", "日本")).splitlines()
    blocks = "\n".join(line if line.startswith("|") else "" for line in lines).split("\n\n")
    blocks = [block.split("\n") for block in blocks if block.strip()]
    assert len(blocks) == 3  # scores, lifts, data
    assert display_width("日本") == 4
    assert display_width("na\u0308ive") == 5
    for block in blocks:
        assert len({display_width(line) for line in block if line}) == 1


def test_failures_and_problems_are_shown():
    text = page_of(records(), problems=["records/a.json is cut short."])
    assert "85.0 [39.2, 130.8] (2/3 runs)" in text
    assert "- failed, toy · zero · iql, seed 2: no memory\n" in text
    assert "records/a.json is cut short." in text
    assert "2 of 3 runs ended well; the others: 1 failed." in text


def test_stale_records_have_their_own_section():
    old = Record(Run("toy", "full", "zero", "iql", 0, 100, 2), "ok", returns=[80.0], lengths=[9], data=DATA, schema=0)
    text = page_of([old])
    assert "## Stale records" in text
    assert "– (0/1: 1 stale)" in text
    assert "80.0" not in text


def test_pages_are_byte_identical_when_made_twice():
    assert page_of(records()) == page_of(records())


def test_every_kind_of_number_is_explained():
    text = leaderboard_markdown(build_leaderboard(to_frame(records())))
    for word in ("Cell", "behavior", "Lift", "▲", "runs", "True return", "Fewer than 5 seeds"):
        assert f"**{word}**" in text
    assert "100 gradient steps, 2 evaluation episodes, seeds 0, 1, 2" in text


def test_an_empty_folder_makes_a_page():
    assert "No runs yet." in page_of([])


def test_csv_reads_back_with_hostile_names():
    text = leaderboard_csv(build_leaderboard(to_frame(records(HOSTILE, "zero", HOSTILE))))
    assert "\r" not in text
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["dataset"] == row["algorithm"] == HOSTILE.replace("\x1b", " ")
    assert (row["iqm"], row["n_ok"], row["n_expected"], row["failed"]) == ("85.0000", "2", "3", "1")
    assert (row["lift_over_behavior"], row["lift_over_bc"], row["survives"]) == ("15.0000", "", "no")
