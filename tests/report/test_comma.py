"""CSV: no text in it is a formula to any spreadsheet, however it begins."""

from __future__ import annotations

import csv
import io

import pytest

from offline_bench.report.comma import comma_separated

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\t=1+1", "\u00a0=1", "\u3000=1", "\n=1", "\u200b=1", "\x00=1"]
FORMULAS += ["＝1+1", "＋1", "－1", "＠SUM(A1)", " ＝1", "﹢1", "﹣1", "﹦1", "−1", "\ufeff=1", "\r=1", "\u202e=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_would_be_computed_gets_an_apostrophe(text: str) -> None:
    for written in (comma_separated(["a"], [[text]]), comma_separated([text], [])):
        cell = next(row for row in csv.reader(io.StringIO(written)) if row != ["a"])[0]
        assert cell.startswith("'")
        assert not set(cell) & {"\r", "\x00", "\u202e", "\u200b"}


@pytest.mark.parametrize("text", ["hopper", "a=b", "1 - 2", "'=1", "", " ", "td3-plus-bc", "Δ=1"])
def test_any_other_text_is_as_it_was(text: str) -> None:
    (row,) = csv.reader(io.StringIO(comma_separated(["a", "b"], [[text, "x"]]).split("\n", 1)[1]))
    assert row == [text, "x"]


def test_numbers_are_never_touched() -> None:
    assert comma_separated(["a", "b"], [[-1.5, -2]]) == "a,b\n-1.5000,-2\n"
