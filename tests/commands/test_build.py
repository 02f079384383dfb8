"""Building datasets: two at once build each once, and what a kill left is gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from offline_bench.commands import build
from offline_bench.commands.build import Order, build_datasets
from offline_bench.core.claims import Claims
from offline_bench.data.loaders.cards import load_cards
from tests.conftest import MEDIUM, RANDOM

pytestmark = pytest.mark.slow


@pytest.fixture
def empty_home(at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small project folder without any data."""
    home = tmp_path / "home"
    shutil.copytree(at_home / "datasets", home / "datasets", ignore=shutil.ignore_patterns("cache"))
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(home))
    load_cards()
    return home


def test_what_another_is_building_is_waited_for_and_not_built(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = empty_home / "datasets" / "cache"
    built: list[str] = []
    monkeypatch.setattr(build, "POLL", 0.01)
    with Claims(cache) as other:
        other.take([MEDIUM])

        def make(orders: list[Order], workers: int) -> None:
            built.extend(order.id for order in orders)
            # The other is done meanwhile.
            (cache / MEDIUM).mkdir(parents=True)
            other.release([MEDIUM])

        monkeypatch.setattr(build, "_build", make)
        build_datasets([MEDIUM, RANDOM], 1)
    assert built == [RANDOM]
    assert f"{MEDIUM}: it is being built by process {os.getpid()} on " in capsys.readouterr().err


def test_what_another_began_and_did_not_end_is_built_here(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    monkeypatch.setattr(build, "_build", lambda orders, workers: built.extend(order.id for order in orders))
    with Claims(empty_home / "datasets" / "cache") as other:
        other.take([MEDIUM])

        def sleep(seconds: float) -> None:
            other.release([MEDIUM])

        monkeypatch.setattr(build.time, "sleep", sleep)
        build_datasets([MEDIUM], 1)
    assert built == [MEDIUM]


def test_two_builds_at_once_build_it_once_and_a_killed_one_leaves_nothing_behind(empty_home: Path) -> None:
    cache = empty_home / "datasets" / "cache"
    environment = {**os.environ, "OFFLINE_BENCH_HOME": str(empty_home), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "offline_bench.cli", "datasets", "build", RANDOM, "--workers", "1"]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    with start() as killed:
        limit = time.monotonic() + 200
        while not list(cache.glob("building-*.scratch")) and not (cache / RANDOM).exists():
            assert time.monotonic() < limit
            time.sleep(0.001)
        killed.kill()
    both = [start(), start()]
    shown = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], shown
    words = "".join(out + err for out, err in shown)
    assert "Traceback" not in words
    # Told once, by the one that built it; by none where it was complete before the kill.
    assert words.count("fingerprint") == 1 or "were already in" in words
    assert [path.name for path in cache.rglob("*") if path.suffix in (".scratch", ".lock", ".claim")] == []
    assert (cache / RANDOM / "data" / "main_data.hdf5").exists()
