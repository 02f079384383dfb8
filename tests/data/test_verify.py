"""`datasets verify`: whatever differs from what is said of a dataset is named, and one broken set hides no other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import typer.testing

from offline_bench.analysis.frame import to_frame
from offline_bench.cli import app
from offline_bench.commands.records import read_runs
from offline_bench.core.errors import DatasetNotFoundError
from offline_bench.data.loaders import load
from offline_bench.data.loaders.cards import load_cards
from offline_bench.data.loaders.verify import list_copies, verify
from offline_bench.data.loaders.writer import write_minari
from offline_bench.runs.record import Record, Run
from offline_bench.runs.store import save_record
from tests.conftest import MEDIUM, RANDOM

ID = "mine/pendulum-v0"
OTHER = "mine/other-v0"
CARDS = """
[tasks.pendulum]
environment = "Pendulum-v1"
random_return = -1200.0
expert_return = -150.0
source = "a test"
[datasets."mine/pendulum-v0"]
task = "pendulum"
good_for = "tests"
fingerprint = "FINGERPRINT"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project root with two sound sets in its cache, one of which has a card."""
    root = tmp_path / "root"
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(root))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    for seed, dataset in enumerate((ID, OTHER)):
        build(root, dataset, seed)
    (root / "datasets" / "cards.toml").write_text(CARDS.replace("FINGERPRINT", load_fingerprint(ID)))
    yield root


def load_fingerprint(dataset_id: str) -> str:
    return load(dataset_id).fingerprint


def build(root: Path, dataset_id: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    last = np.arange(4) == 3
    episode = {"observations": rng.standard_normal((5, 3)), "actions": rng.uniform(-2, 2, (4, 1)).astype(np.float32)}
    episode |= {"rewards": rng.standard_normal(4), "terminations": last, "truncations": last & False, "infos": {}}
    about = {"ref_min_score": -1200.0, "ref_max_score": -150.0}
    write_minari(root / "datasets" / "cache", dataset_id, "Pendulum-v1", [episode], **about)


def folder(home: Path, dataset_id: str = ID) -> Path:
    return home / "datasets" / "cache" / dataset_id


def edit(home: Path, **values: Any) -> None:
    path = folder(home) / "data" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_arrays(home: Path, change: Callable[[Any], None]) -> None:
    with h5py.File(folder(home) / "data" / "main_data.hdf5", "a") as file:
        change(file["episode_0"])


def problems(dataset_id: str = ID) -> list[str]:
    return [problem for copy in list_copies(dataset_id) for problem in verify(copy).problems]


def run(*ids: str) -> tuple[int, str]:
    shown = typer.testing.CliRunner().invoke(app, ["datasets", "verify", *ids])
    return shown.exit_code, shown.output


def test_sound_sets_are_told_as_that_with_exit_code_0(home: Path) -> None:
    code, said = run()
    assert code == 0
    assert "2 of 2 datasets are sound" in said
    assert f"{ID}: sound, fingerprint {load(ID).fingerprint}, as on its card" in said
    assert f"{OTHER}: sound, fingerprint {load(OTHER).fingerprint}, which no card has" in said


BOX = {"type": "Box", "dtype": "float32", "shape": [1], "low": [-2.0], "high": [2.0]}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"dataset_id": "mine/pendulun-v0"}, "metadata.json calls it 'mine/pendulun-v0'"),
        ({"ref_min_score": -1000}, "reference scores are (-1000.0, -150.0), but the task of its card has (-1200.0"),
        ({"ref_min_score": "a"}, "ref_min_score 'a' and ref_max_score -150.0 are not two different numbers"),
        ({"action_space": json.dumps(BOX | {"high": [3.0]})}, "actions are [-2.0] to [3.0], but Pendulum-v1 takes"),
        ({"env_spec": '{"id": "Acrobot-v1"}'}, "environment is Acrobot-v1, but the task of its card has Pendulum-v1"),
        ({"env_spec": '{"id": "Acrobot-v1"}'}, "observations are vectors of length 3, but Acrobot-v1 shows vectors"),
        ({"env_spec": '{"id": "Acrobot-v1"}'}, "actions are [-2.0] to [2.0], but Acrobot-v1 takes 0..2"),
        ({"env_spec": '{"id": "Pendulun-v1"}'}, "did you mean Pendulum-v1"),
        ({"total_steps": 5}, "metadata.json says total_steps = 5, but the file has 4"),
    ],
)
def test_what_the_metadata_has_otherwise_is_named(home: Path, values: dict[str, Any], said: str) -> None:
    edit(home, **values)
    assert any(said in problem for problem in problems()), problems()
    assert problems(OTHER) == []


def test_one_number_changed_is_seen_by_the_fingerprint(home: Path) -> None:
    change_arrays(home, lambda episode: episode["rewards"].write_direct(np.array([0.0, 0, 0, 0])))
    expected = load_cards()[ID].fingerprint
    assert problems() == [f"fingerprint is {load(ID).fingerprint}, but its card has {expected}"]


def test_a_broken_set_stops_no_other_and_the_exit_code_is_1(home: Path) -> None:
    (folder(home, OTHER) / "data" / "main_data.hdf5").write_bytes(b"half")
    change_arrays(home, lambda episode: episode["rewards"].write_direct(np.array([0.0, 0, 0, 0])))
    code, said = run()
    assert code == 1
    assert "0 of 2 datasets are sound" in said
    assert f"{OTHER}: broken" in said
    assert f"{ID}: differs" in said
    assert f"{folder(home, OTHER) / 'data' / 'main_data.hdf5'} is not HDF5: it begins with b'half'" in said
    assert "fingerprint is" in said


def test_an_id_that_is_not_here_is_told_and_the_others_are_verified(home: Path) -> None:
    code, said = run("mine/nowhere-v0", OTHER, "../x")
    assert code == 1
    assert "dataset 'mine/nowhere-v0' is not here" in said
    assert "'../x' is not a dataset id" in said
    assert "1 of 1 datasets are sound" in said
    with pytest.raises(DatasetNotFoundError):
        list_copies("mine/nowhere-v0")


def test_every_root_is_looked_in_and_what_is_being_written_is_left_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(home / "given"))
    shutil.copytree(folder(home, OTHER), home / "given" / "here" / "third-v0")
    shutil.copytree(folder(home, OTHER), home.parent / "home" / ".minari" / "datasets" / OTHER)
    shutil.copytree(folder(home, OTHER), home / "datasets" / "cache" / "building-3.scratch" / "mine" / "half-v0")
    found = [copy.id for copy in list_copies()]
    assert sorted(found) == sorted(["here/third-v0", ID, OTHER, OTHER])


def test_a_d4rl_file_with_a_card_is_verified_too(home: Path) -> None:
    cards = home / "datasets" / "cards.toml"
    text = cards.read_text() + '[datasets."d4rl/x-v0"]\ntask = "pendulum"\ngood_for = "tests"\nfile = "x.hdf5"\n'
    other = home / "datasets" / "other.toml"
    other.write_text(text + 'fingerprint = "0"\n')
    other.replace(cards)
    with h5py.File(home / "datasets" / "x.hdf5", "w") as file:
        file["observations"] = np.zeros((3, 3))
        file["actions"], file["rewards"], file["terminals"] = np.zeros((3, 1)), np.zeros(3), np.arange(3) == 2
    load_cards.__globals__["_read_cards"].cache_clear()  # this process has read the file as it was
    (copy,) = list_copies("d4rl/x-v0")
    assert "but its card has 0" in verify(copy).problems[0]
    (home / "datasets" / "x.hdf5").write_bytes(b"\x89HDF half")
    assert "x.hdf5 looks half-downloaded" in verify(copy).problems[0]


@pytest.mark.slow
def test_the_built_in_sets_differ_in_nothing_but_their_size(at_home: Path) -> None:
    for dataset in (MEDIUM, RANDOM):
        (problem,) = problems(dataset)
        assert problem.startswith("fingerprint is")


def test_a_set_whose_environment_raises_anything_hides_no_other(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(environment: str, where: str) -> None:
        raise AssertionError("the simulator does not like it")

    monkeypatch.setattr("offline_bench.data.loaders.verify.find_spaces", fail)
    code, said = run()
    assert code == 1
    assert said.count("cannot be verified: AssertionError: the simulator does not like it") == 2
    assert "0 of 2 datasets are sound" in said


def test_references_that_cannot_be_read_cost_one_set_its_scores_and_are_told(home: Path, tmp_path: Path) -> None:
    runs = [Run(dataset, "full", "zero", "bc", 0, 1, 1) for dataset in (ID, OTHER)]
    for one in runs:
        save_record(tmp_path, Record(one, "ok", returns=[-675.0], lengths=[3]))
    (folder(home, OTHER) / "data" / "metadata.json").write_text("{")
    reading = read_runs(tmp_path, runs)
    (problem,) = reading.problems
    assert problem.startswith(f"{OTHER} has no scores: ")
    assert to_frame(reading.records)["score"].isna().tolist() == [True, False]


@pytest.mark.parametrize("letters", [201, 300, 10_000])
def test_an_id_longer_than_a_file_system_takes_gets_a_sentence(home: Path, letters: int) -> None:
    code, said = run("x" * letters, OTHER)
    assert code == 1
    assert f"is not a dataset id: it has {letters} bytes" in said
    assert "1 of 1 datasets are sound" in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ref_min_score": 10**400}, "are not two different numbers"),
        ({"env_spec": '{"id": "Pendulum-v1(g=1)"}'}, "its env_spec cannot be read"),
        ({"env_spec": '{"id": "Pendulum-v1", "max_episode_steps": -1}'}, "its env_spec cannot be read"),
        (
            {"env_spec": '{"id": "Pendulum-v1", "max_episode_steps": 9223372036854775808}'},
            "its env_spec cannot be read",
        ),
        ({"env_spec": '{"id": "Pendulum-v1", "kwargs": {"a=1)": 2}}'}, "its env_spec cannot be read"),
    ],
)
def test_what_no_environment_has_is_told_by_file(home: Path, values: dict[str, Any], said: str) -> None:
    edit(home, **values)
    assert any(said in problem and "metadata.json" in problem for problem in problems()), problems()
