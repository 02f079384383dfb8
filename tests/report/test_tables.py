"""Tables: the same numbers in Markdown, CSV and LaTeX, and text that is nothing but text in all three."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from offline_bench.analysis.findings import Estimate
from offline_bench.core.errors import StorageError
from offline_bench.report.definitions import DEFINITIONS
from offline_bench.report.scores.long_form import leaderboard_csv
from offline_bench.report.tables.formats import to_csv, to_markdown, write_table_files
from offline_bench.report.tables.latex import latex_text, to_latex
from offline_bench.report.tables.table import Column, Table, cell_text
from tests.report.made_findings import LAID_OUT, Made, lay_out_all

HOSTILE = "\\input{/etc/passwd}&%$#_{}~^[0pt]*<script>|x`=1+1"
COLUMNS = (Column("name", text=True), Column("IQM", "iqm"), Column("gap", "gap", sign=True), Column("n", "runs"))
SMALL = Table(
    "small",
    "A small one",
    COLUMNS,
    (("a", Estimate(1234.56, -2.0, np.inf, 5), -0.01, 3), ("b", Estimate(), np.nan, 0)),
    "A note.",
)
# What LaTeX prints for each command that may stand in a text.
PRINTED = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\textasciigrave{}": "`",
    r"\textquotesingle{}": "'",
    "''": '"',
    "{[}": "[",
    "{*}": "*",
    "{}": "",
} | {f"\\{mark}": mark for mark in "{}$&#%_"}
SIGNS = (("-", "$-$"), ("∞", r"$\infty$"), ("–", "--"), ("²", r"\textsuperscript{2}"), ("ε̂", r"$\hat{\varepsilon}$"))
KNOWN = {"S", "ss", "ae", "o", "l", "u", "r", "H", "v", "c", "ldots", "textsuperscript", "pm", "times", "cdot", "infty"}
KNOWN |= {"leq", "geq", "approx", "rightarrow", "bigtriangleup", "hat", "varepsilon", "alpha", "beta", "gamma"}
KNOWN |= {"lambda", "mu", "pi", "sigma", "tau", "Sigma"}
TOKEN = re.compile("|".join(map(re.escape, sorted(PRINTED, key=len, reverse=True))) + r"|[^\\{}$&#%_~^<>|`'\"*\[]")


class Cells(HTMLParser):
    """The tags of rendered Markdown, and the text of its table's rows."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []
        self.inside = False
        self.feed(MarkdownIt("commonmark").enable("table").render(markdown))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        self.inside = self.inside or tag in ("td", "th")
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def latex_rows(text: str) -> list[list[str]]:
    """The rows between the rules, cell by cell, as they will be printed."""
    body = text.partition("\\toprule\n")[2].partition("\\bottomrule")[0].replace("\\midrule\n", "")
    lines = [line.removesuffix(" \\\\") for line in body.splitlines()]
    return [[printed(cell.strip()) for cell in re.split(r"(?<!\\)&", line)] for line in lines]


def printed(latex: str) -> str:
    """What LaTeX prints of a text made of known commands; fails on any other."""
    for shown, command in SIGNS:
        latex = latex.replace(command, shown)
    tokens = TOKEN.findall(latex)
    assert "".join(tokens) == latex, f"LaTeX would read a command in {latex!r}"
    return "".join(PRINTED.get(token, token) for token in tokens)


def test_every_kind_of_finding_has_a_table_and_none_where_there_is_none() -> None:
    made = lay_out_all(Made())
    names = [table.name for table in made]
    assert len(names) == len(set(names)) == 12
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)
    nothing = Made(datasets=(), algorithms=())
    for lay_out, name in LAID_OUT:
        assert lay_out(nothing.board() if name == "board" else ()) == ()


def test_every_column_of_numbers_leads_to_its_definition() -> None:
    for table in lay_out_all(Made()):
        assert all(len(row) == len(table.columns) for row in table.rows)
        for at, column in enumerate(table.columns):
            assert not column.term or column.term in DEFINITIONS
            outcome = table.name == "completeness" and column.heading == "failed"
            numeric = any(not isinstance(row[at], str) for row in table.rows)
            assert column.term or not numeric or outcome, (table.name, column.heading)
            assert not (column.text and numeric)
            told = to_markdown(table)
            assert not column.term or DEFINITIONS[column.term].text.split(",")[0][:30] in told.replace("&#42;", "*")


def test_all_formats_tell_the_same_cells() -> None:
    for table in [SMALL, *lay_out_all(Made())]:
        texts = [
            [cell_text(cell, column) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows
        ]
        assert Cells(to_markdown(table)).rows[1:] == texts
        assert latex_rows(to_latex(table))[1:] == texts


def test_a_number_is_written_with_its_interval_a_dash_or_infinity_and_never_a_negative_zero() -> None:
    assert [cell_text(cell, column) for cell, column in zip(SMALL.rows[0], COLUMNS, strict=True)] == [
        "a",
        "1,234.6 [-2.0, ∞]",
        "0.0",
        "3",
    ]
    assert [cell_text(cell, column) for cell, column in zip(SMALL.rows[1], COLUMNS, strict=True)] == [
        "b",
        "–",
        "–",
        "0",
    ]
    assert cell_text(Estimate(2.0, n=1), COLUMNS[1]) == "2.0"
    assert cell_text(3.25, COLUMNS[2]) == "+3.2"


def test_csv_gives_an_estimate_four_columns_and_leaves_what_is_unknown_empty() -> None:
    assert to_csv(SMALL) == ("name,IQM,IQM_low,IQM_high,IQM_n,gap,n\na,1234.5600,-2.0000,inf,5,-0.0100,3\nb,,,,0,,0\n")


@given(st.text(st.characters(codec="ascii"), max_size=30) | st.text("\\{}$&%_-,[]*'`\"#~^", max_size=12))
def test_latex_prints_any_ascii_text_as_it_is(text: str) -> None:
    plain = " ".join("".join(" " if unicodedata.category(mark) == "Cc" else mark for mark in text).split())
    latex = latex_text(text)
    assert "--" not in latex
    assert printed(latex) == plain


@given(st.text(max_size=30))
def test_latex_is_ascii_with_balanced_braces_whatever_the_text_is(text: str) -> None:
    latex = latex_text(text)
    assert latex.isascii()
    bare = re.sub(r"\\[{}]", "", latex)
    depths = np.cumsum([{"{": 1, "}": -1}.get(mark, 0) for mark in bare] or [0])
    assert depths[-1] == 0
    assert (depths >= 0).all()
    # Only commands we write, and mathematics opened and closed.
    names = set(re.findall(r"\\([A-Za-z]+)", latex.replace(r"\textbackslash{}", "")))
    assert names <= set(re.findall(r"\\([A-Za-z]+)", " ".join(PRINTED))) | names & KNOWN
    assert re.sub(r"\\\$", "", latex).count("$") % 2 == 0


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("–▲∞≤", r"--$\bigtriangleup$$\infty$$\leq$"),
        ("ε̂ = é, ß", r"$\hat{\varepsilon}$ = \'{e}, \ss{}"),
        ("中 50 %", r"{[}U+4E2D] 50 \%"),
        ("a--b", "a-{}-b"),
    ],
)
def test_signs_have_their_commands_and_others_their_code_point(text: str, latex: str) -> None:
    assert latex_text(text) == latex


def test_a_hostile_name_runs_nothing_in_any_format() -> None:
    names = {"datasets": (HOSTILE,), "rewards": ("original", HOSTILE), "algorithms": (HOSTILE,)}
    for table in lay_out_all(Made(**names)):
        latex = to_latex(table)
        assert r"\input" not in latex
        assert all(len(row) == len(table.columns) for row in latex_rows(latex))
        assert not any(re.match(r"\s*[\[*]", line) for line in latex.splitlines())
        page = Cells(to_markdown(table))
        assert page.tags <= {"h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "strong"}
        assert all(len(row) == len(table.columns) for row in page.rows)
        assert len({len(row) for row in csv.reader(io.StringIO(to_csv(table)))}) == 1


def test_latex_is_a_float_with_caption_label_and_one_kind_of_rule() -> None:
    latex = to_latex(SMALL)
    assert re.findall(r"\\begin{(\w+)}", latex) == re.findall(r"\\end{(\w+)}", latex)[::-1] == ["table", "tabular"]
    assert "\\begin{tabular}{@{}lrrr@{}}" in latex
    assert "\\caption{A small one.}\n\\label{tab:small}" in latex
    assert latex.count("rule\n") == 3
    assert r"$-$2.0, $\infty$]" in latex
    assert "A note." in latex
    assert DEFINITIONS["iqm"].text in latex


def test_a_table_wider_than_the_text_is_scaled_and_sentences_break() -> None:
    wide = {table.name: to_latex(table) for table in lay_out_all(Made())}
    assert "\\resizebox" not in to_latex(SMALL)
    assert wide["cells"].count("\\resizebox{\\linewidth}{!}{%\n\\begin{tabular}") == 1
    assert "\\end{tabular}}\n" in wide["cells"]
    assert r"p{0.3\linewidth}" in wide["predictions"]


def test_no_cell_of_the_long_leaderboard_is_a_formula() -> None:
    text = leaderboard_csv(Made(datasets=("=1+1",), algorithms=("@SUM(A1)",)).board())
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["dataset"] for row in rows} == {"'=1+1"}
    assert {row["algorithm"] for row in rows} == {"'@SUM(A1)"}


def test_tables_come_as_three_files_each(tmp_path: Path) -> None:
    paths = write_table_files(tmp_path / "tables", [SMALL])
    assert [path.name for path in paths] == ["small.md", "small.csv", "small.tex"]
    assert [path.read_text() for path in paths] == [to_markdown(SMALL), to_csv(SMALL), to_latex(SMALL)]
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        write_table_files(tmp_path / "file", [SMALL])


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no pdflatex here")
def test_a_paper_with_all_tables_compiles(tmp_path: Path) -> None:
    hostile = Made(datasets=(HOSTILE, "toy/two"), algorithms=(HOSTILE, "iql"))
    tables = [*lay_out_all(Made()), *lay_out_all(hostile), SMALL]
    body = "\n\\clearpage\n".join(map(to_latex, tables))
    packages = "\\usepackage{booktabs}\n\\usepackage{graphicx}"
    paper = f"\\documentclass{{article}}\n{packages}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    (tmp_path / "paper.tex").write_text(paper)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, [line for line in done.stdout.splitlines() if line.startswith("!")]
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000
