"""Figures: what a browser, a spreadsheet and a person without color make of them, and that they repeat to the byte."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_bench.analysis.behavior.lengths import run_lengths
from offline_bench.analysis.frame import to_frame
from offline_bench.analysis.scores.leaderboard import build_leaderboard
from offline_bench.analysis.scores.learning_curves import learning_curves
from offline_bench.core.errors import StorageError
from offline_bench.core.plain import UNPRINTABLE
from offline_bench.report.comma import comma_separated
from offline_bench.report.figures.figure import Figure, name_each, write_figures
from offline_bench.report.figures.palette import looks, reward_looks
from offline_bench.report.figures.sheet import WIDTH
from offline_bench.report.figures.stack import short_names
from offline_bench.report.figures.vector import INK, PAPER, finish
from offline_bench.report.scores import heat_map
from offline_bench.runs.record import CurvePoint, Record, Run
from tests.report.made_findings import DRAWN, Made, draw_all

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>]]>&amp;\x1b[31m\u202e$x^2$"
TAGS = {"svg", "title", "desc", "rect", "g", "path", "use", "defs", "text", "pattern", "clipPath"}


@pytest.fixture(scope="module")
def figures() -> tuple[Figure, ...]:
    return draw_all(Made())


@pytest.fixture(scope="module")
def hostile() -> tuple[Figure, ...]:
    names = {"datasets": (f"a/{HOSTILE}", f"b/{HOSTILE}"), "curations": ("full", HOSTILE)}
    return draw_all(Made(**names, rewards=("original", HOSTILE, "zero"), algorithms=("bc", HOSTILE)))


def tag_of(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def test_every_kind_of_finding_is_drawn_and_none_where_there_is_none(figures: tuple[Figure, ...]) -> None:
    assert len(figures) == 2 + 2 + 1 + 1 + 4 + 1 + 1 + 2
    nothing = Made(datasets=(), algorithms=())
    for draw, name in DRAWN:
        assert draw(()) == () if name != "board" else draw(nothing.board()) == ()


def test_a_figure_says_what_it_shows_and_scales_with_its_box(figures: tuple[Figure, ...]) -> None:
    for figure in figures:
        for text in (figure.svg, figure.inline):
            root = ElementTree.fromstring(text)
            by_id = {element.get("id"): element.text for element in root.iter()}
            labels = [by_id[name] for name in root.attrib["aria-labelledby"].split()]
            assert labels == [figure.title, figure.description]
            assert root.get("role") == "img"
            assert root.attrib["viewBox"].startswith(f"0 0 {WIDTH:g} ")
        assert "height" not in ElementTree.fromstring(figure.inline).attrib


def test_figures_of_one_page_share_no_id_and_every_reference_finds_its_own(figures: tuple[Figure, ...]) -> None:
    known: set[str] = set()
    for figure in figures:
        elements = list(ElementTree.fromstring(figure.inline).iter())
        ids = [element.attrib["id"] for element in elements if "id" in element.attrib]
        assert len(set(ids)) == len(ids)
        assert not known & set(ids)
        known |= set(ids)
        values = [value for element in elements for value in element.attrib.values()]
        used = {match for value in values for match in re.findall(r"url\(#([^)]+)\)", value)}
        used |= {value[1:] for value in values if re.fullmatch(r"#f[0-9a-f]{8}-\d+", value)}
        assert used <= set(ids)


def test_no_style_attribute_or_sheet_is_left_for_a_content_policy_to_refuse(figures: tuple[Figure, ...]) -> None:
    for figure in figures:
        for element in ElementTree.fromstring(figure.svg).iter():
            assert tag_of(element) in TAGS
            assert "style" not in element.attrib


def test_inline_ink_and_paper_are_those_of_the_page_and_alone_black_and_white(figures: tuple[Figure, ...]) -> None:
    for figure in figures:
        assert INK in figure.svg
        assert f'fill="{PAPER}"' in figure.svg
        assert INK not in figure.inline
        assert PAPER not in figure.inline
        assert "currentColor" in figure.inline


class Elements(HTMLParser):
    """Tags and attributes as an HTML parser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_hostile_names_are_text_and_nothing_else(hostile: tuple[Figure, ...]) -> None:
    for figure in hostile:
        page = Elements(figure.inline)
        assert page.tags <= {tag.lower() for tag in TAGS}
        assert not [name for name in page.attributes if name.startswith("on")]
        ElementTree.fromstring(figure.svg)
        assert re.fullmatch(r"[a-z0-9-]+", figure.name)
    texts = [text for figure in hostile for text in ElementTree.fromstring(figure.svg).itertext()]
    assert any("<script>alert(1)" in text for text in texts)
    # Mathematics would have been set as several pieces, without its dollar signs.
    assert any(text.endswith("$x^2$") for text in texts)


def test_text_stays_on_the_sheet_however_long_the_names_are() -> None:
    long = "ab" * 60
    names = {"datasets": (f"x/{long}", f"y/{long}"), "curations": ("full", f"c{long}")}
    made = Made(**names, rewards=("original", f"r{long}", "zero"), algorithms=("bc", f"a{long}"))
    for figure in draw_all(made):
        root = ElementTree.fromstring(figure.svg)
        height = float(root.attrib["viewBox"].split()[3])
        for element in root.iter():
            if tag_of(element) != "text" or "transform" in element.attrib:
                continue
            x, y = float(element.attrib["x"]), float(element.attrib["y"])
            width = 0.5 * float(element.attrib["font-size"]) * len(element.text or "")
            start = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[element.get("text-anchor", "start")] * width
            assert start >= -2.0, (figure.name, element.text)
            assert start + width <= WIDTH + 2.0, (figure.name, element.text)
            assert 0.0 <= y <= height


def test_neither_the_users_style_nor_the_last_bits_of_a_number_change_a_byte(figures: tuple[Figure, ...]) -> None:
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "text.parse_math": True}):
        assert draw_all(Made(shift=1e-11)) == figures


def test_coordinates_keep_two_decimals_so_that_what_another_processor_rounds_otherwise_is_gone() -> None:
    raw = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><path d="M {} 1.0 L -0.001 2"/></svg>'
    made = {finish(raw.format(x), "a", "", "") for x in ("5.123401", "5.123399", "5.12")}
    assert len(made) == 1
    assert 'd="M 5.12 1 L 0 2"' in made.pop()


@pytest.mark.slow
def test_another_process_with_other_hashes_draws_the_same_bytes(figures: tuple[Figure, ...]) -> None:
    code = "from tests.report.made_findings import Made, draw_all; print(repr(draw_all(Made())), end='')"
    env = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=Path(__file__).parents[2], env=env, capture_output=True, text=True, check=True)
    assert ran.stdout == repr(figures)


def test_every_number_of_a_heat_map_stands_in_its_cell_and_can_be_read(figures: tuple[Figure, ...]) -> None:
    figure = figures[0]
    texts = [element.text for element in ElementTree.fromstring(figure.svg).iter() if tag_of(element) == "text"]
    rows = list(csv.DictReader(io.StringIO(figure.csv)))
    for row in rows:
        if row["iqm"]:
            assert f"{float(row['iqm']):,.1f}" in texts
    assert "–" in texts
    for value in np.linspace(0.0, 1.0, 101):
        ground = heat_map._luminance(mpl.colormaps["cividis"](value))
        ink = 1.05 / (ground + 0.05) if ground <= heat_map.BRIGHT else (ground + 0.05) / 0.05
        assert ink >= 4.5


def test_a_mark_for_every_run_and_a_row_for_every_mark(figures: tuple[Figure, ...]) -> None:
    drawn = {figure.name: figure for figure in figures}
    points = len(Made().maps()[0].points)
    for view in ("coverage", "reward"):
        figure = drawn[f"policy-map-lab-hopper-medium-v0-{view}"]
        assert len(list(csv.reader(io.StringIO(figure.csv)))) == 1 + points
        assert figure.svg.count("<use") >= points


def test_series_differ_in_shape_and_not_in_color_alone() -> None:
    names = [f"s{at}" for at in range(77)]
    made = looks(names)
    assert len({(look.color, look.marker) for look in made.values()}) == 77
    assert all(one.marker != other.marker for one, other in pairwise(made.values()))
    first = list(made.values())[:6]
    assert len({look.marker for look in first}) == len({look.hatch for look in first}) == 6
    assert len({str(look.line) for look in first}) == 6


def test_a_reward_looks_the_same_whatever_others_are_there() -> None:
    assert reward_looks(["negative", "mine"])["negative"] == reward_looks(["original", "negative"])["negative"]
    assert list(reward_looks(["mine", "negative", "original"])) == ["original", "negative", "mine"]


@given(st.lists(st.text(max_size=8), max_size=6))
def test_names_of_figures_never_meet(texts: list[str]) -> None:
    names = name_each("map", texts)
    assert len(set(names.values())) == len(set(texts))
    assert all(re.fullmatch(r"map[a-z0-9-]*", name) for name in names.values())


def test_datasets_lose_only_what_all_of_them_share() -> None:
    assert short_names(["a/b/x", "a/c/x"]) == {"a/b/x": "b/x", "a/c/x": "c/x"}
    assert short_names(["a/b", "a"]) == {"a/b": "a/b", "a": "a"}
    assert short_names([]) == {}


@given(
    st.lists(st.lists(st.text(max_size=6) | st.text("=+-@\t\r\n',a", max_size=4), min_size=2, max_size=2), max_size=4)
)
def test_a_spreadsheet_finds_no_formula_and_every_text_comes_back(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(comma_separated(["a", "b"], rows), newline="")))[1:]
    for cells, texts in zip(read, rows, strict=True):
        for cell, text in zip(cells, texts, strict=True):
            told = "".join(c if c == "\n" or unicodedata.category(c) not in UNPRINTABLE else " " for c in text)
            assert cell.removeprefix("'") == told.removeprefix("'")
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_numbers_in_csv_have_four_decimals_and_keep_their_sign() -> None:
    row = ["x", -1.23456, 7, float("nan"), float("inf"), -0.00001, None, True]
    assert comma_separated("abcdefgh", [row]) == "a,b,c,d,e,f,g,h\nx,-1.2346,7,,inf,0.0000,,yes\n"


def test_files_are_written_beside_one_another(tmp_path: Path, figures: tuple[Figure, ...]) -> None:
    paths = write_figures(tmp_path / "figures", figures[:2])
    assert sorted(paths) == sorted((tmp_path / "figures").iterdir())
    assert paths[0].read_text() == figures[0].svg
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        write_figures(tmp_path / "file", figures)


def record(algorithm: str, relabeling: str, seed: int, status: str = "ok", **changes: object) -> Record:
    returns = [float(10 * seed), float(20 * seed) + seed**3 % 7]
    curve = [CurvePoint(5, [float(seed)], {}), CurvePoint(10, returns, {})]
    run = Run("made-up", "full", relabeling, algorithm, seed, 10, 2)
    values: dict[str, object] = {"returns": returns, "lengths": [10, 30], "curve": curve}
    values |= {"data": {"mean_return": 7.0, "mean_length": 20.0, "transitions": 40.0, "episodes": 2.0}} | changes
    return Record(run, status, **(values if status == "ok" else changes))


def test_the_last_point_of_a_curve_is_the_leaderboards_cell_and_lost_runs_are_in_neither() -> None:
    records = [record("bc", name, seed) for name in ("zero", "original") for seed in range(5)]
    records += [record("bc", "zero", 5, "failed"), record("bc", "zero", 6, curve=[CurvePoint(10, [None], {})])]
    curves = learning_curves(records)
    cells = build_leaderboard(to_frame(records[:-1])).tables[0].rows[0].cells
    assert [curve.relabeling for curve in curves] == ["original", "zero"]
    for curve, cell in zip(curves, cells, strict=True):
        last = curve.values[-1]
        assert (last.value, last.low, last.high, last.n) == (cell.value, cell.low, cell.high, cell.n_ok)
        assert curve.steps == (5, 10)
        assert (curve.scored, curve.behavior) == (False, 7.0)


def test_lengths_are_those_of_the_runs_that_count() -> None:
    records = [record("bc", "zero", seed, lengths=[seed, seed + 2]) for seed in (3, 1)]
    records += [record("bc", "original", 0, "failed", data={"mean_return": 99.0, "mean_length": 99.0})]
    (table,) = run_lengths(to_frame(records))
    assert [(point.seed, point.length, point.value) for point in table.points] == [(1, 2.0, 15.5), (3, 4.0, 48.0)]
    assert (table.data_length, table.data_value, table.scored) == (20.0, 7.0, False)
