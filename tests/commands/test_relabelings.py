"""`describe relabeling`, `describe suite` and `new relabeling`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from offline_bench.commands.relabelings import begin_relabeling, describe_suite, print_relabeling
from offline_bench.core.errors import OfflineBenchError, SpecError, StorageError
from tests.conftest import MEDIUM

PNG = b"\x89PNG"


def test_a_relabeling_is_described_as_text_json_and_picture(
    at_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_relabeling("random", MEDIUM, 0, tmp_path / "r.json", tmp_path / "r.png")
    shown = capsys.readouterr().out
    assert "length correlation" in shown
    assert "Ending an episode early costs" in shown
    assert json.loads((tmp_path / "r.json").read_text())["relabeling"] == "random"
    first = (tmp_path / "r.png").read_bytes()
    assert first.startswith(PNG)
    print_relabeling("random", MEDIUM, 0, None, tmp_path / "r.png")
    assert (tmp_path / "r.png").read_bytes() == first


def test_a_relabeling_that_is_none_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(OfflineBenchError, match="randm"):
        print_relabeling("randm", "no/such-set-v0", 0, None, None)


def test_the_properties_of_a_suite_are_means_over_its_seeds(at_home: Path) -> None:
    folder = at_home / "results" / "tiny"
    folder.mkdir(parents=True)
    (folder / "suite.toml").write_text(
        f'[[grids]]\ndatasets = ["{MEDIUM}"]\nalgorithms = ["bc"]\nrelabelings = ["zero", "random", "negative"]\n'
        "seeds = [0, 1]\nsteps = 10\nepisodes = 1\n"
    )
    describe_suite("tiny")
    found = json.loads((folder / "properties.json").read_text())[MEDIUM]
    assert set(found) == {"zero", "random", "negative"}
    assert found["negative"]["return_rank_correlation"] == -1.0
    assert found["zero"]["step_correlation"] is None


def test_a_new_relabeling_works_as_it_is(tmp_path: Path) -> None:
    begin_relabeling("my-reward", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_reward.py"]
    tried = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert tried.returncode == 0, tried.stdout
    assert "2 passed" in tried.stdout
    plugin = [sys.executable, "-m", "offline_bench.cli", "--plugin", "my_reward.py", "check", "relabeling", "my-reward"]
    assert "keeps its contract" in subprocess.run(plugin, cwd=tmp_path, capture_output=True, text=True).stdout


def test_a_new_relabeling_is_never_written_over_a_file_and_has_a_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("kept")
    with pytest.raises(StorageError, match="exists already"):
        begin_relabeling("mine", tmp_path)
    assert (tmp_path / "test_mine.py").read_text() == "kept"
    assert not (tmp_path / "mine.py").exists()
    hiding = ("numpy", "json", "offline-bench", "conftest", "np", "x" * 100)
    for name in ("zero", "../up", "Mine", "class", "", *hiding):
        with pytest.raises(SpecError):
            begin_relabeling(name, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["test_mine.py"]
