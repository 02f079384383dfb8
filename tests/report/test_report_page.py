"""The page: what it may call best, that its commands name its runs, that its links lead somewhere, and its escapes."""

from __future__ import annotations

import csv
import io
import re
import shlex
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_bench.analysis.scores.best import find_best
from offline_bench.analysis.scores.entries import Cell, DatasetTable, Row
from offline_bench.analysis.scores.reproduction import write_commands
from offline_bench.analysis.summary import Question, summarize
from offline_bench.core.paths import project_root
from offline_bench.report.html.exhibits import draw_figures, make_tables
from offline_bench.report.html.outline import NO_SCORE, TOPICS
from offline_bench.report.html.sections import build_sections
from offline_bench.report.tables.formats import to_csv
from offline_bench.runs.record import Record, Run
from offline_bench.runs.store import read_records
from offline_bench.runs.suites import Grid, load_suite
from tests.report.report_pages import BREAK, GOLDEN, IMAGE, SCRIPT, golden_page, hostile_page, make_page

VALUES = st.integers(-20, 120)


def table(*rows: list[Cell], curations: list[str] | None = None) -> DatasetTable:
    curations = curations or ["full"] * len(rows)
    made = [
        Row(curation, f"a{at}", f"a{at}", 100, 2, 0.0, tuple(cells), 1, 1)
        for at, (curation, cells) in enumerate(zip(curations, rows, strict=True))
    ]
    return DatasetTable("toy", None, tuple(made))


def cell(low: float, value: float, high: float, n_ok: int = 5) -> Cell:
    return Cell("zero", value, low, high, n_ok, 5)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES).map(sorted), min_size=2, max_size=6))
def test_the_best_lies_above_every_other_interval_and_there_is_one_at_most(numbers: list[list[int]]) -> None:
    best = find_best(table(*([cell(*three)] for three in numbers)))
    clear = [
        at
        for at, (low, _, _) in enumerate(numbers)
        if all(low > high for other, (_, _, high) in enumerate(numbers) if other != at)
    ]
    assert best == {(at, 0) for at in clear}
    assert len(best) <= 1


def test_nothing_is_best_alone_beside_a_single_run_or_against_another_curation() -> None:
    high, low, single = cell(50, 60, 70), cell(1, 2, 3), Cell("zero", 2.0, n_ok=1, n_expected=5)
    assert find_best(table([high])) == set()
    assert find_best(table([high], [Cell("zero", n_expected=5)])) == set()
    assert find_best(table([high], [single])) == set()
    assert find_best(table([high], [low], curations=["full", "truncate(steps=2)"])) == set()
    assert find_best(table([low], [high], [Cell("zero", n_expected=5)])) == {(1, 0)}
    assert find_best(table([low, high], [high, low])) == {(1, 0), (0, 1)}
    assert find_best(DatasetTable("toy", None, ())) == set()


def parse_command(line: str) -> set[Run]:
    """The runs that a command of `write_commands` carries out, as the command line reads it."""
    program, command, *words = shlex.split(line)
    assert (program, command) == ("offline-bench", "run")
    given: dict[str, list[str]] = {}
    for option, value in zip(words[::2], words[1::2], strict=True):
        given.setdefault(option.removeprefix("--"), []).append(value)
    known = {"dataset", "algorithm", "relabeling", "curation", "seed", "steps", "episodes", "curve"}
    assert set(given) <= known
    grid = Grid(
        datasets=given["dataset"],
        algorithms=given["algorithm"],
        relabelings=given["relabeling"],
        seeds=[int(seed) for seed in given["seed"]],
        steps=int(given["steps"][0]),
        episodes=int(given["episodes"][0]),
        curations=given["curation"],
        curve=[int(step) for step in given.get("curve", [])],
    )
    evaluated.update(dict.fromkeys(grid.runs(), grid.evaluated_steps()))
    return set(grid.runs())


evaluated: dict[Run, tuple[int, ...]] = {}

RUNS = st.builds(
    Run,
    st.sampled_from(["mine/a b'c; rm -rf ~", "$(x)/y"]),
    st.sampled_from(["full", "truncate(steps=200)"]),
    st.sampled_from(["original", "zero", "random(high=1, low=0)"]),
    st.sampled_from(["bc", "iql(expectile=0.9)"]),
    st.integers(0, 3),
    st.sampled_from([100, 200]),
    st.sampled_from([2, 5]),
)


@settings(max_examples=60)
@given(st.dictionaries(RUNS, st.sampled_from([(), (50,), (20, 50)]), min_size=1, max_size=25))
def test_the_commands_of_a_row_carry_out_its_runs_and_no_other_evaluated_at_the_same_steps(
    chosen: dict[Run, tuple[int, ...]],
) -> None:
    from offline_bench.schemes.curate import curations
    from offline_bench.schemes.relabel import relabelings

    evaluated.clear()
    runs = {
        Run(
            run.dataset,
            str(curations.bind(run.curation)),
            str(relabelings.bind(run.relabeling)),
            run.algorithm,
            run.seed,
            run.steps,
            run.episodes,
        ): (*steps, run.steps)
        for run, steps in chosen.items()
    }
    found: list[Run] = []
    for row in write_commands(runs):
        key = (row.dataset, row.curation, row.algorithm, row.steps, row.episodes)
        of_row = [run for line in row.commands for run in parse_command(line)]
        assert {(r.dataset, r.curation, r.algorithm, r.steps, r.episodes) for r in of_row} == {key}
        found += of_row
    assert sorted(found) == sorted(runs)
    assert evaluated == runs


class Reader(HTMLParser):
    """What a page holds: ids, links inside it, and of each table's headings whether it is of numbers and has a link."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[tuple[bool, list[str]]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.in_heading = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        self.ids += [found["id"] or ""] if "id" in found else []
        href = found.get("href") or ""
        self.links += [href[1:]] if tag == "a" and href.startswith("#") else []
        if tag == "th":
            self.in_heading = True
            self.headings.append((found.get("class") == "number", []))
        if self.in_heading and tag == "a":
            self.headings[-1][1].append(href[1:])

    def handle_endtag(self, tag: str) -> None:
        self.in_heading = self.in_heading and tag != "th"


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(project_root()))


@pytest.mark.slow
def test_the_golden_records_make_the_golden_page_byte_for_byte(home: None) -> None:
    """`python -m tests.report.report_pages` writes the page again; read it before it is committed."""
    assert golden_page().text == (GOLDEN / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_number_and_figure_leads_to_its_definition_and_every_link_somewhere(home: None) -> None:
    for page in (golden_page(), hostile_page()):
        reader = Reader(page.text)
        assert len(set(reader.ids)) == len(reader.ids)
        assert set(reader.links) <= set(reader.ids)
        numeric = [links for of_numbers, links in reader.headings if of_numbers]
        assert len(numeric) > 20
        assert all(len(links) == 1 and links[0].startswith("def-") for links in numeric)
        captions = page.text.count("<figcaption>")
        assert captions == len(page.figures) > 5
        assert len(re.findall(r'<figcaption>[^<]*(?:<wbr>[^<]*)* <a class="what" href="#def-', page.text)) == captions


@pytest.mark.slow
def test_the_page_asks_nobody_for_anything_and_tells_no_place_on_this_machine(home: None) -> None:
    page = golden_page()
    fetching = {"link", "img", "iframe", "object", "embed", "source", "video", "audio", "base", "form"}
    for tag, attributes in Reader(page.text).tags:
        assert tag not in fetching or attributes.get("href") == "data:,"
        assert not {"src", "srcset", "action", "style", "onclick", "onload"} & set(attributes)
        target = attributes.get("href") or attributes.get("xlink:href") or "#"
        assert target.startswith(("#", "data:"))
    assert str(project_root()) not in page.text
    assert len(page.text.encode()) < 5_000_000


@pytest.mark.slow
def test_what_a_stranger_wrote_is_text_wherever_it_stands(home: None) -> None:
    page = hostile_page()
    tags = Reader(page.text).tags
    assert [tag for tag, _ in tags].count("script") == 1
    assert not [tag for tag, found in tags if any(name.startswith("on") for name in found)]
    assert not {tag for tag, _ in tags} & {"img", "foreignobject", "iframe"}
    for text in (SCRIPT, IMAGE, BREAK):
        assert text not in page.text
    assert not [found for _, found in tags if (found.get("href") or "").startswith("javascript")]
    for figure in page.figures:
        root = ElementTree.fromstring(figure.svg)
        assert not [element for element in root.iter() if element.tag.rpartition("}")[2] in ("script", "image", "a")]
    cells = [
        cell
        for made in (*(figure.csv for figure in page.figures), *map(to_csv, page.tables))
        for row in csv.reader(io.StringIO(made))
        for cell in row
    ]
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "@"))]


@pytest.mark.slow
def test_where_no_set_has_a_card_the_page_says_what_is_lacking_and_nothing_false(home: None) -> None:
    """180 runs ended well: no section may say that none did, and the headline is of what there is."""
    suite = load_suite(str(GOLDEN / "suite.toml"))
    records = [replace(r, run=replace(r.run, dataset="mine/walk-v0")) for r in read_records(GOLDEN).records]
    records = list({record.run: record for record in records}.values())
    ended = sum(record.status == "ok" for record in records)
    runs = {record.run: () for record in records}
    text = unescape(make_page(records, Question(suite.name, suite.title, runs)).text)
    assert f"{ended:,} of {len(records):,} ended well" in text and ended > 10
    assert not re.search(r"No run(?! diverged)[^.<]*ended well", text.replace("–: no run ended well", ""))
    assert "fewer than two levels of coverage" not in text
    assert "of the true return" in text
    failed = [Record(record.run, "failed", "a reason") for record in records]
    text = unescape(make_page(failed, Question(suite.name, suite.title, runs)).text)
    assert "normalized score to" not in text and "does not train an algorithm" not in text
    # The table of shares stands there with its dashes.
    assert text.count("No run ended well, so there is nothing to show here.") == len(TOPICS) - 1


@pytest.mark.slow
def test_without_a_score_or_a_run_every_empty_section_gives_the_reason_that_holds(home: None) -> None:
    records = read_records(GOLDEN).records
    bare = [replace(r, run=replace(r.run, dataset=f"mine/{at % 2}-v0")) for at, r in enumerate(records)]
    bare = list({record.run: record for record in bare}.values())
    summary = summarize(bare, Question("bare", "", {record.run: () for record in bare}))
    assert summary.headline.sentence.endswith("none of their datasets has a normalized score.")
    sections = {section.id: section for section in build_sections(summary, make_tables(summary), draw_figures(summary))}
    for topic in TOPICS:
        if not sections[topic.id].blocks:
            assert sections[topic.id].line == (NO_SCORE if topic.scored else topic.empty)
    assert not sections["heat-maps"].blocks and not sections["positive-bias"].blocks
