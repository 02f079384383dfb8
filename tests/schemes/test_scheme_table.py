"""The table of all relabelings in `offline_bench/schemes/README.md` says what their docstrings say."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import offline_bench.schemes
from offline_bench.commands.show import describe_names
from offline_bench.schemes.relabel import relabelings

PAGE = (Path(offline_bench.schemes.__file__).parent / "README.md").read_text(encoding="utf-8")
FAMILIES = {
    "as_it_was": ("As it was", "the true reward, nothing, noise, and its sign turned."),
    "how_much": ("How much is said", "the true reward with parts of it left out, put off or rounded."),
    "whose_wish": ("Whose wish", "that of another episode, of a part of the task, or of another task."),
    "changes_nothing": ("That should change nothing", "what is best under them is best under the true reward."),
    "matched": ("Centered and matched", "noise and length, told apart from an alive bonus."),
    "learned": ("Learned from labels", "a model in place of the true reward."),
    "preferences": ("Learned from preferences", "a model of which of two segments is better."),
    "adversarial": ("Adversarial", "against what the behavior does."),
}


def row(name: str) -> str:
    """The row of the relabeling `name`: its signature, and the four parts of its docstring."""
    function = relabelings.function(name)
    signature = next(text for text in describe_names("relabelings") if text.partition("(")[0] == name)
    told = inspect.getdoc(function) or ""
    parts = [told.partition("\n")[0].rstrip("."), *(_part(told, title) for title in ("Ending", "Good for", "Source"))]
    return "| " + " | ".join([f"`{signature}`", *(part.replace("|", r"\|") for part in parts)]) + " |"


def _part(told: str, title: str) -> str:
    found = re.search(rf"^{title}: (.*?)(?=^[A-Z][\w ]*: |\n\n|\Z)", told, re.MULTILINE | re.DOTALL)
    return " ".join(found.group(1).split()).rstrip(".") if found else ""


@pytest.mark.parametrize("name", relabelings.names())
def test_every_relabeling_has_a_row_that_says_what_its_docstring_says(name: str) -> None:
    wanted = row(name)
    assert "|  |" not in wanted, f"the docstring of {name} lacks a part: Ending, Good for or Source"
    assert wanted in PAGE.splitlines(), f"write into offline_bench/schemes/README.md:\n{wanted}"


def test_no_row_is_of_a_relabeling_that_is_gone() -> None:
    names = re.findall(r"^\| `([a-z-]+)[^|`]*`(?= \| r̃)", PAGE, re.MULTILINE)
    assert sorted(names) == sorted(relabelings.names())
