"""What a Minari dataset says of itself: its environment, its reference scores, who wrote it and from what."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import numpy as np
import pytest

from offline_bench.core.errors import DatasetError
from offline_bench.data.loaders import find_task, load, load_cards
from offline_bench.data.loaders.minari import read_minari
from offline_bench.data.loaders.writer import write_minari

ID = "mine/pendulum-v0"
MODULE = "gymnasium.envs.classic_control.pendulum"
CARDS = """
[tasks.pendulum]
environment = "Pendulum-v1"
random_return = -1200.0
expert_return = -150.0
source = "a test"
observation_mean = [0.5, 0.0, 0.0]

[datasets."mine/pendulum-v0"]
task = "pendulum"
good_for = "tests"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project root without cards, whose cache has the dataset `ID` with reference scores -1000 and -100."""
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets" / "cache"))
    (tmp_path / "datasets" / "cache").mkdir(parents=True)
    build(tmp_path, ID, 0, ref_min_score=-1000, ref_max_score=-100)
    yield tmp_path


def build(home: Path, dataset_id: str, seed: int, **about: Any) -> None:
    rng = np.random.default_rng(seed)
    episodes = [
        {
            "seed": None,
            "observations": rng.standard_normal((steps + 1, 3)),
            "actions": rng.uniform(-2, 2, (steps, 1)).astype(np.float32),
            "rewards": rng.standard_normal(steps),
            "terminations": np.zeros(steps, np.bool_),
            "truncations": np.arange(steps) == steps - 1,
            "infos": {},
        }
        for steps in (3, 2)
    ]
    write_minari(home / "datasets" / "cache", dataset_id, "Pendulum-v1", episodes, **about)


def put_cards(home: Path, text: str = CARDS) -> None:
    (home / "datasets" / "cards.toml").write_text(text)


def about(home: Path) -> Path:
    return home / "datasets" / "cache" / ID / "data" / "metadata.json"


def edit(home: Path, *without: str, **values: Any) -> None:
    metadata = {key: value for key, value in json.loads(about(home).read_text()).items() if key not in without}
    about(home).write_text(json.dumps(metadata | values))


# --- the environment --------------------------------------------------------------------------------------------------


def spec(**changes: Any) -> str:
    return json.dumps(json.loads(gymnasium.spec("Pendulum-v1").to_json()) | changes)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "Pendulum-v1"),
        ({"max_episode_steps": 50}, "Pendulum-v1(max_episode_steps=50)"),
        ({"max_episode_steps": None}, "Pendulum-v1(max_episode_steps=None)"),
        ({"kwargs": {"g": 9.0, "render_mode": "rgb_array"}}, "Pendulum-v1(g=9.0)"),
        ({"id": "Unheard-v3", "kwargs": {"g": 9.0}}, f"{MODULE}:Unheard-v3(g=9.0, max_episode_steps=200)"),
        ({"id": "Unheard-v3", "entry_point": None}, "Unheard-v3"),
        ({"id": "secret:Pendulum-v1"}, "secret:Pendulum-v1(max_episode_steps=200)"),
        ({"kwargs": {"g": float("inf"), "max_episode_steps": 5}}, "Pendulum-v1(g=inf)"),
    ],
)
def test_the_environment_is_named_with_what_is_unlike_the_registered_one(
    home: Path, changes: dict[str, Any], name: str
) -> None:
    edit(home, env_spec=spec(**changes))
    assert load(ID).environment == name


def test_a_set_is_scored_in_the_environment_meant_for_that(home: Path) -> None:
    edit(home, eval_env_spec=spec(max_episode_steps=77))
    assert load(ID).environment == "Pendulum-v1(max_episode_steps=77)"
    task = find_task(ID)
    assert task is not None
    assert task.environment == "Pendulum-v1(max_episode_steps=77)"


def test_a_set_that_names_no_environment_is_refused_unless_its_card_does(home: Path) -> None:
    edit(home, "env_spec")
    with pytest.raises(DatasetError, match=r"metadata\.json: there is no env_spec.* Name the environment there"):
        load(ID)
    put_cards(home)
    assert load(ID).environment == "Pendulum-v1"


# --- reference scores -------------------------------------------------------------------------------------------------


def test_reference_scores_are_the_metadatas_where_it_has_them_and_the_cards_otherwise(home: Path) -> None:
    task = find_task(ID)
    assert task is not None
    assert (task.random_return, task.expert_return, task.source) == (-1000, -100, "Minari metadata")
    assert task.normalize(-550) == pytest.approx(50)

    put_cards(home)
    task = find_task(ID)
    assert task is not None
    assert (task.name, task.random_return, task.source) == ("pendulum", -1000, "Minari metadata")
    assert task.observation_mean == (0.5, 0.0, 0.0)

    edit(home, "ref_min_score", "ref_max_score")
    assert find_task(ID) == load_cards()[ID].task


def test_a_set_without_card_and_reference_scores_has_no_task(home: Path) -> None:
    edit(home, "ref_max_score")
    assert find_task(ID) is None
    assert find_task("mine/elsewhere-v0") is None
    assert find_task("../../etc") is None


def test_a_set_that_this_project_builds_has_its_cards_scores_whatever_lies_here(home: Path) -> None:
    put_cards(home, CARDS + 'recipe = "pendulum"\n')
    task = find_task(ID)
    assert task is not None
    assert task.random_return == -1200


def test_no_data_is_read_for_a_task_and_the_metadata_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (about(home).parent / "main_data.hdf5").write_bytes(b"")
    task = find_task(ID)
    monkeypatch.setattr("offline_bench.data.loaders.tasks.read_metadata", lambda source: pytest.fail("read again"))
    assert find_task(ID) == task


@pytest.mark.parametrize("scores", [("a", 3), (1, 1), (float("nan"), 1), (1, float("inf")), (True, 4), ([1], 2)])
def test_reference_scores_that_mark_no_scale_are_refused(home: Path, scores: tuple[Any, Any]) -> None:
    edit(home, ref_min_score=scores[0], ref_max_score=scores[1])
    with pytest.raises(DatasetError, match=r"metadata\.json: ref_min_score .* are not two different numbers"):
        find_task(ID)


# --- who wrote it -----------------------------------------------------------------------------------------------------


def test_another_data_format_is_refused_with_its_version_and_what_is_supported(home: Path) -> None:
    edit(home, data_format="arrow", minari_version="0.9.1")
    with pytest.raises(
        DatasetError, match=r"'arrow', written by Minari 0\.9\.1, is not supported. Have Minari .* in the format 'hdf5'"
    ):
        load(ID)


def test_another_version_with_the_same_layout_is_read(home: Path) -> None:
    before = load(ID).fingerprint
    edit(home, minari_version="0.9.1")
    assert load(ID).fingerprint == before


def test_the_layout_of_minari_before_0_5_is_told_as_that(home: Path) -> None:
    about(home).unlink()
    with h5py.File(about(home).parent / "main_data.hdf5", "a") as file:
        file.attrs.update({"total_episodes": 2, "minari_version": "0.4.3"})
    with pytest.raises(DatasetError, match=r"main_data\.hdf5 was written by Minari 0\.4\.3.* Fetch a newer version"):
        load(ID)


# --- combined sets ----------------------------------------------------------------------------------------------------


def combine(home: Path) -> None:
    import minari

    build(home, "mine/second-v0", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = [minari.load_dataset(dataset) for dataset in (ID, "mine/second-v0")]
        minari.combine_datasets(parts, "combined-v0")


def test_a_combined_set_is_its_parts_one_after_the_other_without_reference_scores(home: Path) -> None:
    combine(home)
    parts = [load(dataset) for dataset in (ID, "mine/second-v0")]
    data = load("combined-v0")
    assert data.lengths.tolist() == [3, 2, 3, 2]
    for name in ("observations", "next_observations", "actions", "true_rewards", "timeouts"):
        np.testing.assert_array_equal(getattr(data, name), np.concatenate([getattr(part, name) for part in parts]))
    assert find_task("combined-v0") is None
    put_cards(home, CARDS.replace(ID, "combined-v0"))
    task = find_task("combined-v0")
    assert task is not None
    assert task.random_return == -1200


def test_a_combined_set_is_the_same_in_another_root_under_another_id(home: Path, tmp_path: Path) -> None:
    combine(home)
    folder = home / "datasets" / "cache" / "combined-v0"
    elsewhere = tmp_path / "home" / ".minari" / "datasets" / "theirs" / "combined-v0"
    elsewhere.parent.mkdir(parents=True)
    folder.rename(elsewhere)
    assert load("theirs/combined-v0").fingerprint == read_minari(elsewhere, "x").fingerprint
