"""What the commands print goes through one door, and nothing but text passes it."""

from __future__ import annotations

import ast
import io
import sys
from pathlib import Path

import pytest
import typer.testing

import offline_bench.commands
from offline_bench.cli import app
from offline_bench.commands.tell import LONGEST, tell, tell_error
from offline_bench.core.errors import DatasetError
from offline_bench.runs.record import Record
from offline_bench.runs.store import save_record
from offline_bench.runs.suites import load_suite

ROOM = Path(offline_bench.commands.__file__).parent
SUITE = """
[[grids]]
datasets = ["mine/x-v0"]
algorithms = ["bc"]
relabelings = ["zero"]
seeds = [0]
steps = 1
episodes = 1
"""


@pytest.mark.parametrize("path", [*ROOM.glob("*.py"), ROOM.parent / "cli.py"], ids=lambda path: path.stem)
def test_no_command_prints_but_through_the_door(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    printing = {name for name in called if name.rpartition(".")[2] in ("print", "echo", "secho", "writelines")}
    # The bar's lines are made plain where they are shown.
    allowed = {"tell": {"typer.echo"}, "display": {"self.console.print"}}
    assert printing == allowed.get(path.stem, set())


def test_a_reason_neither_moves_the_cursor_nor_makes_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text(SUITE)
    (run,) = load_suite(str(path)).runs()
    save_record(tmp_path, Record(run, "failed", "a\x1b[2J\x07\u202e\nerror: all is well\r"))
    shown = typer.testing.CliRunner().invoke(app, ["status", str(path), "--results", str(tmp_path)])
    assert shown.exit_code == 0
    assert "a\\x1b[2J\\x07\\u202e error: all is well" in shown.output
    assert not set(shown.output) & {"\x1b", "\x07", "\u202e", "\r"}
    assert not [line for line in shown.output.splitlines() if line.startswith("error:")]


def test_a_stream_that_lacks_a_sign_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(taken, encoding="cp1252", write_through=True))
    tell("▲ 48.0")
    assert taken.getvalue().split() == [b"^", b"48.0"]


def test_an_error_is_cut_where_it_has_no_end(capsys: pytest.CaptureFixture[str]) -> None:
    tell_error(DatasetError("x" * 10**6))
    said = capsys.readouterr().err
    assert said.startswith("error: xxx")
    assert len(said) < LONGEST + 100
