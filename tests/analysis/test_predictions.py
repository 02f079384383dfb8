"""Predictions in a suite file: how they are read, what is said of a slip, and the verdicts on made-up runs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from offline_bench.analysis.predictions import prediction as predictions
from offline_bench.analysis.predictions.prediction import Selection, load_predictions
from offline_bench.core.errors import SuiteError
from offline_bench.runs.record import Run
from offline_bench.runs.suites import load_suite

GRID = """
title = "t"
[[grids]]
datasets = ["d"]
algorithms = ["bc"]
relabelings = ["original"]
seeds = [0]
steps = 1
episodes = 1
"""


def table(**changes: Any) -> dict[str, Any]:
    """A difference of two relabelings that is right as it stands; None takes a key out."""
    whole = {
        "name": "n",
        "text": "t",
        "kind": "difference",
        "expect": "greater",
        "a": {"relabeling": "original"},
        "b": {"relabeling": ["zero", "random"]},
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not None}


def test_the_two_examples_of_the_docstring_are_read_from_a_suite_file(tmp_path: Path) -> None:
    examples, _ = (predictions.__doc__ or "").split("Keys:")
    lines = [line[4:] for line in examples.splitlines() if line.startswith("    ")]
    text = "\n".join(lines)
    (tmp_path / "suite.toml").write_text(GRID + text)
    suite = load_suite(str(tmp_path / "suite.toml"))
    assert list(suite.predictions) == tomllib.loads(text)["predictions"]
    first, second = load_predictions(suite.predictions, "s")
    assert (first.kind, first.each, first.expect, first.than) == ("difference", ("relabeling",), "greater", 0.0)
    assert (second.kind, second.source, second.over, second.than) == ("share-ratio", "coverage", "reward", 3.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "diference"}, "kind must be one of mean, difference"),
        ({"b": None}, "b is missing"),
        ({"expect": "more"}, "expect must be one of greater, less, near"),
        ({"expect": "near"}, "within is missing"),
        ({"expect": "near", "within": -1}, "within must be a number from 0"),
        ({"within": 3}, "does not use within"),
        ({"than": "3"}, "than must be a number"),
        ({"than": float("nan")}, "than must be a number"),
        ({"than": True}, "than must be a number"),
        ({"kind": "mean", "b": None}, "than is missing"),
        ({"kind": "share", "b": None, "source": "reward"}, "than is missing"),
        ({"kind": "share", "b": None, "than": 0.1}, "source is missing"),
        ({"kind": "share-ratio", "b": None, "source": "reward", "over": "rewards", "than": 1}, "over must be one of"),
        ({"kind": "share-difference", "source": "reward", "measure": "score"}, "does not use measure"),
        ({"measure": "scores"}, "measure must be one of"),
        ({"measure": ["score"]}, "measure must be one of"),
        ({"each": "seed"}, "each must be one of dataset"),
        ({"each": [["dataset"]]}, "each must be one of dataset"),
        ({"wher": {}}, "no key 'wher'|unknown key|wher"),
        ({"a": "original"}, "a must be a table"),
        ({"a": {"reward": "zero"}}, "a: .*reward"),
        ({"a": {"relabeling": []}}, "a.relabeling must be a text or a list"),
        ({"a": {"relabeling": "zeroo"}}, "a.relabeling: .*zeroo"),
        ({"a": {"relabeling": "random(hihg=2)"}}, "a.relabeling: .*hihg"),
        ({"where": {"algorithm": 3}}, "where.algorithm must be a text"),
        ({"name": " "}, "name must be a text"),
        ({"text": 3}, "text must be a text"),
        ({"c": {}}, "does not use c"),
    ],
)
def test_a_slip_is_refused_with_file_prediction_and_key(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SuiteError, match=said) as caught:
        load_predictions([table(**changes)], "x/suite.toml")
    assert str(caught.value).startswith("x/suite.toml, [[predictions]] number 1")


def test_what_is_no_table_and_a_name_given_twice_are_refused() -> None:
    with pytest.raises(SuiteError, match=r"s, \[\[predictions\]\] number 1: must be a table, not 3"):
        load_predictions([3], "s")
    with pytest.raises(SuiteError, match=r"number 2 \(n\): an earlier prediction has the same name"):
        load_predictions([table(), table()], "s")


def test_a_name_alone_is_every_component_of_that_name_and_parentheses_are_one_exactly() -> None:
    def selects(text: str, value: str) -> bool:
        (found,) = load_predictions([table(a={"relabeling": text})], "s")
        return found.a.holds({"relabeling": value})

    assert selects("random", "random") and selects("random", "random(low=-1.0)")
    assert selects("random(low=-1)", "random(low=-1.0)") and not selects("random(low=-1)", "random")
    assert selects("random()", "random") and not selects("random()", "random(low=-1.0)")
    assert selects("random(low=0)", "random"), "a default spelled out is the default"
    assert not selects("random", "randomly") and not selects("zero", "random")
    assert Selection().holds({"relabeling": "zero"}), "a column left out is not restricted"


def test_a_selection_that_no_run_of_the_suite_fits_is_refused_before_the_suite_runs() -> None:
    runs = [Run("d", "full", name, "bc", 0, 1, 1) for name in ("original", "zero")]
    assert len(load_predictions([table()], "s", runs)) == 1
    with pytest.raises(SuiteError, match=re.escape("number 1 (n): a (with where) matches none of the suite's runs")):
        load_predictions([table(where={"dataset": "e"})], "s", runs)
