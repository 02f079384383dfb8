"""A small project folder with real, small Hopper data, built once for all tests that need one."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings

from offline_bench.core.paths import project_root
from offline_bench.runs.record import Record

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

MEDIUM = "offline-bench/hopper/medium-v1"
RANDOM = "offline-bench/hopper/random-v1"


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder whose built-in datasets have 1,500 transitions; medium and random are built."""
    from offline_bench.behaviors.collect import find_recipe, write_collected
    from offline_bench.data.loaders.cards import load_cards

    home = tmp_path_factory.mktemp("home")
    shutil.copytree(project_root() / "datasets", home / "datasets", ignore=shutil.ignore_patterns("cache"))
    recipes = home / "datasets" / "recipes.toml"
    recipes.write_text(re.sub(r"transitions = [13]00_000", "transitions = 1_500", recipes.read_text()))
    before = os.environ.get("OFFLINE_BENCH_HOME")
    os.environ["OFFLINE_BENCH_HOME"] = str(home)
    try:
        for dataset in (MEDIUM, RANDOM):
            card = load_cards()[dataset]
            write_collected(card, find_recipe(card), card.id, lambda share: None)
    finally:
        del os.environ["OFFLINE_BENCH_HOME"]
        if before is not None:
            os.environ["OFFLINE_BENCH_HOME"] = before
    return home


@pytest.fixture
def at_home(small_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The small project folder, with this process in it."""
    from offline_bench.runs import experiment

    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(small_home))
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    experiment._load_once.cache_clear()
    yield small_home
    experiment._load_once.cache_clear()


def without_time(record: Record) -> Record:
    """`record` but for how long it took, which is all that two runs of one experiment may differ in."""
    taken = ("seconds", "processor_seconds", "evaluation_seconds")
    return replace(record, provenance={name: value for name, value in record.provenance.items() if name not in taken})
