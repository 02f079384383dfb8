"""A dataset may name an environment of any package: reading it imports none, and a run those that the user named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import numpy as np
import pytest
import typer.testing

from offline_bench.cli import app
from offline_bench.core.errors import DatasetError, DatasetNotFoundError, EnvironmentMismatchError
from offline_bench.data.loaders import find_task, load
from offline_bench.data.loaders.intake import take_in
from offline_bench.data.loaders.scoring import set_environment
from offline_bench.data.loaders.verify import list_copies, verify
from offline_bench.environments.packages import named_file
from offline_bench.evaluation.match import check_environment

ID = "mine/elsewhere-v0"
NAME = "elsewhere:Elsewhere-v0"
MODULE = """
from pathlib import Path
import gymnasium
Path(__file__).with_suffix(".imported").touch()
gymnasium.register("Elsewhere-v0", entry_point="tests.environments.quirks:Quirky", max_episode_steps=5)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project folder, and beside it on the path a module that registers Elsewhere-v0 and says when it is imported."""
    (tmp_path / "elsewhere.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path / "root"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    yield tmp_path
    forget()


def forget() -> None:
    """As in another process."""
    sys.modules.pop("elsewhere", None)
    gymnasium.registry.pop("Elsewhere-v0", None)


def was_imported(home: Path) -> bool:
    return (home / "elsewhere.imported").exists()


def import_set(home: Path, dataset_id: str = ID, name: str = NAME) -> None:
    path = home / "x.hdf5"
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file["observations"] = rng.uniform(0, 1, (10, 2)).astype(np.float32)
        file["actions"] = rng.uniform(-1, 1, (10, 1)).astype(np.float32)
        file["rewards"], file["terminals"] = np.ones(10), np.zeros(10)
        file["timeouts"] = np.arange(10) % 5 == 4
    take_in(path, name, dataset_id)


def disown(home: Path, **changes: Any) -> None:
    """Make it a set from somewhere else: its metadata names the environment, and nobody here has."""
    named_file().unlink()
    (home / "elsewhere.imported").unlink()
    forget()
    path = home / "root" / "datasets" / "cache" / ID / "data" / "metadata.json"
    metadata = json.loads(path.read_text())
    spec = {**json.loads(metadata["env_spec"]), **changes}
    path.write_text(json.dumps({**metadata, "env_spec": json.dumps(spec), "ref_min_score": 0.0, "ref_max_score": 5.0}))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"id": "Elsewhere-v0", "entry_point": "elsewhere:Quirky"},
        {"id": "elsewhere:Hopper-v5"},
        {"id": "elsewhere.sub:Pendulum-v1", "kwargs": {"entry_point": "elsewhere:Quirky"}},
    ],
)
def test_reading_a_set_imports_nothing_that_it_names(home: Path, changes: dict[str, Any]) -> None:
    import_set(home)
    disown(home, **changes)
    data = load(ID)
    assert find_task(ID) is not None
    for copy in list_copies(ID):
        assert any("You have not named this package" in problem for problem in verify(copy).problems)
    shown = typer.testing.CliRunner().invoke(app, ["datasets", "describe", ID])
    assert shown.exit_code == 0, shown.output
    with pytest.raises(EnvironmentMismatchError, match=rf"dataset '{ID}': .*to the package elsewhere. You have"):
        check_environment(data)
    assert not was_imported(home)


def test_a_set_imported_from_a_named_module_is_found_by_a_later_process(home: Path) -> None:
    import_set(home)
    forget()
    data = load(ID)
    assert data.environment == f"{NAME}(max_episode_steps=5)"
    check_environment(data)
    (copy,) = list_copies(ID)
    assert verify(copy).problems == ()


@pytest.mark.slow
def test_a_run_finds_the_environment_in_processes_of_its_own(home: Path) -> None:
    import_set(home)
    command = [sys.executable, "-m", "offline_bench.cli", "run", "--dataset", ID, "--algorithm", "bc(batch_size=8)"]
    path = os.pathsep.join([str(home), str(Path(__file__).parents[2])])
    shown = subprocess.run(
        [*command, "--steps", "3", "--episodes", "1", "--workers", "1"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert "return 5, length 5" in shown.stderr, shown.stderr


def test_naming_the_environment_of_a_set_once_is_enough(home: Path) -> None:
    import_set(home)
    import_set(home, "mine/second-v0")
    disown(home, id="Elsewhere-v0", entry_point="elsewhere:Quirky")
    shown = typer.testing.CliRunner().invoke(app, ["datasets", "set-env", ID, "--env", f"{NAME}(max_episode_steps=3)"])
    assert shown.exit_code == 0, shown.output
    assert f"policies are scored in {NAME}(max_episode_steps=3)" in shown.output
    assert f"elsewhere may be imported for its environments: it is listed in {named_file()}" in (shown.output)
    forget()
    assert load(ID).environment == f"{NAME}(max_episode_steps=3)"
    check_environment(load(ID))
    # The package was named, for other sets of its environments as well.
    check_environment(load("mine/second-v0"))
    metadata = json.loads((home / "root/datasets/cache" / ID / "data/metadata.json").read_text())
    assert json.loads(metadata["env_spec"])["max_episode_steps"] == 5


def test_an_environment_that_does_not_fit_and_sets_of_others_are_refused(home: Path) -> None:
    import_set(home)
    before = (home / "root/datasets/cache" / ID / "data/metadata.json").read_text()
    with pytest.raises(EnvironmentMismatchError, match="other observations or actions than Pendulum-v1"):
        set_environment(ID, "Pendulum-v1")
    with pytest.raises(EnvironmentMismatchError, match="did you mean Pendulum-v1"):
        set_environment(ID, "Pendulun-v1")
    with pytest.raises(DatasetNotFoundError, match="is not here"):
        set_environment("mine/nowhere-v0", "Pendulum-v1")
    with pytest.raises(DatasetError, match="its card says"):
        set_environment("offline-bench/hopper/medium-v0", "Hopper-v5")
    assert (home / "root/datasets/cache" / ID / "data/metadata.json").read_text() == before


def test_arguments_that_are_no_names_are_refused(home: Path) -> None:
    import_set(home)
    disown(home, kwargs={"a='b')__import__('os'": 1})
    with pytest.raises(DatasetError, match="its env_spec cannot be read"):
        load(ID)
