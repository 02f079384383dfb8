"""Text from strangers: a terminal shows it, whatever it is and whatever signs the terminal has."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_bench.core.plain import UNPRINTABLE, cut, plain, plain_line

ANY = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANY, st.sampled_from(["utf-8", "ascii", "cp1252", "latin-1", "cp932"]))
def test_any_text_is_shown_and_obeyed_in_nothing(text: str, encoding: str) -> None:
    shown = plain(text, encoding)
    shown.encode(encoding)
    assert not [mark for mark in shown if mark != "\n" and unicodedata.category(mark) in UNPRINTABLE]
    assert shown.count("\n") == text.count("\n")
    assert "\n" not in plain_line(text)


@given(st.text(st.characters(exclude_categories=sorted(UNPRINTABLE))))
def test_what_can_be_shown_is_not_changed(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("a\x1b[31mred\x07", "utf-8", "a\\x1b[31mred\\x07"),
        ("\x9b2J \u202eevil \ud800", "utf-8", "\\x9b2J \\u202eevil \\ud800"),
        ("▲ 48.0 – r̃ ½", "ascii", "^ 48.0 - r 1/2"),
        ("▲ é", "cp1252", "^ é"),
        ("中", "ascii", "?"),
    ],
)
def test_signs_have_stand_ins_and_control_characters_their_codes(text: str, encoding: str, shown: str) -> None:
    assert plain(text, encoding) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcdef", 3) == "abc … (3 more characters)"
