"""What is printed where the output has no Unicode: other signs, and never a traceback."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from offline_bench.commands.signs import PLAIN, show_plain_signs
from offline_bench.core.paths import project_root


def printed(text: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What comes out of `text` on a standard output of that encoding."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    show_plain_signs()
    sys.stdout.write(text)
    sys.stdout.flush()
    return raw.getvalue().decode(encoding)


def test_a_sign_that_the_output_lacks_gets_another_and_those_it_has_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "▲ 48.0 – ε̂ ≥ ∞ · é 中 … 100\u2009%"
    assert printed(text, "ascii", monkeypatch) == "^ 48.0 - ? >= inf * e ? ... 100 %"
    assert printed(text, "latin-1", monkeypatch) == "^ 48.0 - ? >= inf · é ? ... 100 %"
    assert printed(text, "utf-8", monkeypatch) == text


@pytest.mark.parametrize("mark", PLAIN)
def test_what_stands_in_for_a_sign_is_ascii(mark: str) -> None:
    assert PLAIN[mark].isascii() and not mark.isascii()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_the_leaderboard_is_printed_on_a_terminal_without_its_signs(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "OFFLINE_BENCH_HOME": str(project_root())}
    command = [sys.executable, "-m", "offline_bench.cli", "leaderboard", "quick"]
    shown = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=300)
    committed = (Path(project_root()) / "results" / "quick" / "leaderboard.md").read_text(encoding="utf-8")
    assert shown.returncode == 0 and not shown.stderr
    lines = shown.stdout.decode(encoding).splitlines()
    assert len(lines) >= committed.count("\n")
    assert sum("^ " in line for line in lines) == sum("▲ " in line for line in committed.splitlines()) > 0
