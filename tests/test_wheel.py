"""A wheel is whole: it carries all that is read, nothing that was made here, and works in an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from offline_bench.core.paths import CHECKOUT, IN_CHECKOUT
from offline_bench.runs.store import read_records
from offline_bench.runs.suites import load_suite

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not IN_CHECKOUT, reason="a wheel is built from a checkout"),
]
CARRIED = "offline_bench/carried/"
# Read where the package lies, whatever makes tables and pages from it.
READ = ("suite.toml", "records.parquet", "notes.md", "published.toml", "properties.json", "costs.json", "walks.json")
# What lies in a checkout that somebody works in, and is no business of anybody else's.
MADE_HERE = (
    "datasets/cache/mine/set-v0/data/main_data.hdf5",
    "datasets/cache/cards.toml",
    "results/local/suite.toml",
    "results/local/quick/suite.toml",
    "results/local/quick/records.parquet",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built without a network from a copy of this checkout, in which somebody has worked."""
    pytest.importorskip("setuptools", minversion="77", reason="building without a network wants setuptools")
    source, target = tmp_path_factory.mktemp("source") / "checkout", tmp_path_factory.mktemp("wheel")
    source.mkdir()
    for name, left in (("offline_bench", "__pycache__"), ("datasets", "cache"), ("results", "local")):
        shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns(left))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source / name)
    for name in MADE_HERE:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("made here")
    code = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    built = subprocess.run(
        [sys.executable, "-c", code, str(target)], cwd=source, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    (path,) = target.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment in which the wheel lies; what it needs is found beside it."""
    place = tmp_path_factory.mktemp("environment")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


def call(installed: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line of the wheel, called by a user whose folders are under `home`, from an empty folder."""
    (home / "empty").mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name != "OFFLINE_BENCH_HOME"}
    folders = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
    environment = {**kept, **folders, "PYTHONPATH": str(installed), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "offline_bench", *arguments]
    return subprocess.run(
        command, cwd=home / "empty", env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_the_wheel_carries_all_that_is_read_and_nothing_made_here(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    own = [path for path in (CHECKOUT / "offline_bench").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    code = {path.relative_to(CHECKOUT).as_posix() for path in own if path.suffix != ".md"}
    data = [*(CHECKOUT / "datasets").glob("*.toml"), *(CHECKOUT / "datasets" / "behavior").rglob("*.safetensors")]
    suites = [path.parent for path in (CHECKOUT / "results").glob("*/suite.toml")]
    data += [folder / name for folder in suites for name in READ if (folder / name).exists()]
    assert suites
    assert names == code | {CARRIED + path.relative_to(CHECKOUT).as_posix() for path in data}


def test_the_wheel_declares_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    assert "Requires-Dist: gymnasium[mujoco]==1.0.0" in lines  # d3rlpy pins it, and says so nowhere that pip reads
    assert "Requires-Python: <3.14,>=3.11" in lines
    declared = {line.rpartition(" :: ")[2] for line in lines if line.startswith("Classifier: Programming Language")}
    assert declared == {"3.11", "3.12", "3.13"}


def test_commands_of_the_wheel_work_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    pytest.importorskip("platformdirs")
    shown = call(installed, tmp_path, "list", "suites")
    assert "quick" in shown.stdout.split(), shown.stderr
    shown = call(installed, tmp_path, "leaderboard", "quick")
    committed = (CHECKOUT / "results" / "quick" / "leaderboard.md").read_text()
    assert shown.stdout.strip() == committed.strip(), shown.stderr
    shown = call(installed, tmp_path, "status", "quick")
    assert f"{tmp_path / 'data' / 'offline-bench' / 'results' / 'local' / 'quick'}: no records" in shown.stdout
    assert (
        f"{installed / 'offline_bench' / 'carried' / 'results' / 'quick'}: {len(load_suite('quick').runs())} ok"
        in shown.stdout
    )
    assert not list((tmp_path / "empty").iterdir())


def test_the_wheel_builds_data_and_carries_out_runs_into_the_users_folder(installed: Path, tmp_path: Path) -> None:
    pytest.importorskip("platformdirs")
    before = sorted(installed.rglob("*"))
    suite = tmp_path / "mine" / "suite.toml"
    suite.parent.mkdir()
    suite.write_text(
        '[[grids]]\ndatasets = ["offline-bench/survival-grid/lava-v0"]\nalgorithms = ["tabular-bc"]\n'
        'relabelings = ["original", "zero"]\nseeds = [0]\nsteps = 1\nepisodes = 2\n'
    )
    done = call(installed, tmp_path, "reproduce", str(suite), "--workers", "0", "--only", "relabeling=zero")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as on its card" in done.stderr
    written = tmp_path / "data" / "offline-bench" / "results" / "local" / "mine"
    assert [record.status for record in read_records(written).records] == ["ok"]
    assert f"{written}: 1 ok, 1 of 2 to do" in call(installed, tmp_path, "status", str(suite)).stdout
    assert not list((tmp_path / "empty").iterdir())
    kept = [path for path in sorted(installed.rglob("*")) if "__pycache__" not in path.parts]
    assert kept == [path for path in before if "__pycache__" not in path.parts]
