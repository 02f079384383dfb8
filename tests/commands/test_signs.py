"""What is printed where the output has no Unicode: other signs, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from offline_bench.core.paths import project_root


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
