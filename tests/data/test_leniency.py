"""What a reader sets right where the user says so: it is told, and refused where it was not asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import typer.testing

from offline_bench.cli import app
from offline_bench.core.errors import DatasetError
from offline_bench.data.loaders import load, load_d4rl
from offline_bench.data.loaders.columns import TOLD
from offline_bench.data.loaders.intake import take_in
from offline_bench.data.loaders.leniency import Leniency
from offline_bench.data.loaders.minari import read_minari
from offline_bench.data.loaders.writer import write_minari

ENVIRONMENT = "Pendulum-v1"  # observations (3,), actions (1,) in [-2, 2]
ID = "mine/pendulum-v0"
STEPS = 5
EPISODES = 4


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project root with the Minari dataset `ID`, four episodes of five steps, cut by the clock."""
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path / "root"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    rng = np.random.default_rng(0)
    last = np.arange(STEPS) == STEPS - 1
    episodes = [
        {
            "observations": rng.standard_normal((STEPS + 1, 3)),
            "actions": rng.uniform(-2, 2, (STEPS, 1)).astype(np.float32),
            "rewards": rng.standard_normal(STEPS),
            "terminations": last & False,
            "truncations": last,
            "infos": {},
        }
        for _ in range(EPISODES)
    ]
    write_minari(tmp_path / "root" / "datasets" / "cache", ID, ENVIRONMENT, episodes, ref_min_score=-9, ref_max_score=3)
    return tmp_path / "root"


def folder(home: Path) -> Path:
    return home / "datasets" / "cache" / ID


def change(home: Path, name: str, edit: Callable[[Any], Any]) -> None:
    with h5py.File(folder(home) / "data" / "main_data.hdf5", "a") as file:
        array = file[name][()]
        del file[name]
        file[name] = edit(array)


def spoil(place: Any, value: Any) -> Callable[[Any], Any]:
    def edit(array: Any) -> Any:
        array[place] = value
        return array

    return edit


BROKEN: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "observations has shape (5, 3), not (6, 3)": ("observations", lambda array: array[:-1]),
    "the episode has no steps": ("rewards", lambda array: array[:0]),
    "not finite": ("observations", spoil(2, np.nan)),
    "it goes on after a step at which it ended": ("terminations", spoil(1, True)),
    "actions has shape": ("actions", lambda array: array[:2]),
}


@pytest.mark.parametrize("said", BROKEN)
def test_a_broken_episode_is_named_and_an_option_leaves_out_it_alone(home: Path, said: str) -> None:
    whole = load(ID)
    name, edit = BROKEN[said]
    change(home, f"episode_1/{name}", edit)
    with pytest.raises(DatasetError) as caught:
        read_minari(folder(home), ID)
    assert "episode_1" in str(caught.value) or "row 7" in str(caught.value)  # its third row, the eighth of all
    data = read_minari(folder(home), ID, Leniency(drop_broken=True))
    kept = np.delete(np.arange(whole.n), np.arange(STEPS, 2 * STEPS))
    np.testing.assert_array_equal(data.observations, whole.observations[kept])
    np.testing.assert_array_equal(data.true_rewards, whole.true_rewards[kept])
    assert data.lengths.tolist() == [STEPS] * (EPISODES - 1)
    (note,) = data.notes
    assert note.startswith("episode_1 was left out: ")
    assert said in note


@pytest.mark.parametrize("said", [said for said in BROKEN if "finite" not in said and "goes on" not in said])
def test_the_error_names_the_option_and_never_says_to_delete(home: Path, said: str) -> None:
    name, edit = BROKEN[said]
    change(home, f"episode_1/{name}", edit)
    with pytest.raises(DatasetError) as caught:
        read_minari(folder(home), ID)
    assert f"datasets import {folder(home)} --id NEW-ID --drop-broken" in str(caught.value)
    assert "elete" not in str(caught.value)
    assert "half-downloaded" not in str(caught.value)


def test_a_set_without_one_sound_episode_is_refused(home: Path) -> None:
    for number in range(EPISODES):
        change(home, f"episode_{number}/observations", lambda array: array[:-1])
    with pytest.raises(DatasetError, match="no episode is left: episode_0 was left out"):
        read_minari(folder(home), ID, Leniency(drop_broken=True))


def test_many_broken_episodes_are_counted(home: Path) -> None:
    with h5py.File(folder(home) / "data" / "main_data.hdf5", "a") as file:
        for number in range(EPISODES, EPISODES + TOLD + 3):
            file.copy("episode_0", f"episode_{number}")
            del file[f"episode_{number}/actions"]
    data = read_minari(folder(home), ID, Leniency(drop_broken=True))
    assert len(data.notes) == TOLD + 1
    assert data.notes[-1] == "3 more episodes were left out"


def test_a_minari_dataset_is_taken_in_mended_with_its_references(home: Path) -> None:
    change(home, "episode_1/observations", lambda array: array[:-1])
    change(home, "episode_2/actions", spoil((slice(0, 3), 0), 2.5))
    arguments = ["datasets", "import", str(folder(home)), "--id", "mine/mended-v0", "--drop-broken", "--clip-actions"]
    shown = typer.testing.CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "Note: episode_1 was left out" in shown.output
    assert "Note: 3 of 15 actions were beyond the box of the action space and were clipped to it." in shown.output
    data = load("mine/mended-v0")
    assert (data.n, data.actions.max(), data.environment) == (15, 2.0, ENVIRONMENT)
    about = json.loads((home / "datasets" / "cache" / "mine/mended-v0" / "data" / "metadata.json").read_text())
    assert (about["ref_min_score"], about["ref_max_score"]) == (-9, 3)
    assert "episode_1 was left out" in about["description"]


def d4rl(path: Path, **changed: Any) -> Path:
    rng = np.random.default_rng(0)
    rows = np.arange(8)
    arrays = {"observations": rng.standard_normal((8, 3)), "actions": rng.uniform(-2, 2, (8, 1)), "rewards": np.ones(8)}
    arrays |= {"terminals": rows == 3, "timeouts": rows == 7, "next_observations": rng.standard_normal((8, 3))}
    with h5py.File(path, "w") as file:
        for name, array in (arrays | changed).items():
            if array is not None:
                file[name] = array
    return path


def test_actions_beyond_the_box_are_clipped_where_asked_and_refused_with_the_option_named(tmp_path: Path) -> None:
    actions = np.array([-3.0, -2, -1, 0, 1, 2, 2.5, 9])[:, None]
    path = d4rl(tmp_path / "x.hdf5", actions=actions)
    with pytest.raises(DatasetError, match=r"actions leave the box .* 3 times.*--env ENVIRONMENT --clip-actions"):
        load_d4rl(path, ENVIRONMENT, ID)
    data = load_d4rl(path, ENVIRONMENT, ID, Leniency(clip_actions=True))
    assert data.actions[:, 0].tolist() == [-2, -2, -1, 0, 1, 2, 2, 2]
    assert data.notes == ("3 of 8 actions were beyond the box of the action space and were clipped to it",)
    sound = load_d4rl(d4rl(tmp_path / "y.hdf5"), ENVIRONMENT, ID, Leniency(clip_actions=True))
    assert (sound.notes, sound.fingerprint) == ((), load_d4rl(tmp_path / "y.hdf5", ENVIRONMENT, ID).fingerprint)


def test_a_row_that_is_terminal_and_time_out_is_terminal_in_both_kinds_of_file_and_counted(
    home: Path, tmp_path: Path
) -> None:
    both = load_d4rl(d4rl(tmp_path / "x.hdf5", terminals=np.isin(np.arange(8), [3, 7])), ENVIRONMENT, ID)
    assert (both.terminals[7], both.timeouts[7]) == (True, False)
    for number in (0, 2):
        change(home, f"episode_{number}/terminations", spoil(-1, True))
    data = read_minari(folder(home), ID)
    assert data.terminals[data.episode_ends].tolist() == [True, False, True, False]
    said = "episodes ended and timed out at once: they are taken as ended, the value after them as 0"
    assert (both.notes, data.notes) == ((f"1 {said}",), (f"2 {said}",))
    shown = typer.testing.CliRunner().invoke(app, ["datasets", "verify", ID])
    assert f"2 {said}" in shown.output
    assert shown.exit_code == 0


# --- keys that change the meaning ------------------------------------------------------------------------------------

DUMP: dict[str, Any] = {"timeouts": None, "next_observations": None, "terminals": np.zeros(8), "version": "1.0"}
DUMP |= {"episode_terminals": (np.arange(8) % 4 == 3).astype(np.float32), "discrete_action": False}


def test_a_dump_of_d3rlpy_1_ends_its_episodes_where_it_says(tmp_path: Path) -> None:
    data = load_d4rl(d4rl(tmp_path / "x.h5", **DUMP), ENVIRONMENT, ID)
    assert data.lengths.tolist() == [3, 3]  # what followed the last row of each is not in the file
    assert not data.terminals.any()
    ended = load_d4rl(d4rl(tmp_path / "y.h5", **DUMP | {"terminals": np.arange(8) == 3}), ENVIRONMENT, ID)
    assert ended.lengths.tolist() == [4, 3]
    assert (np.flatnonzero(ended.terminals).tolist(), ended.notes) == ([3], ())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": None}, "of version None, not '1.0'"),
        ({"version": "0.9"}, "of version '0.9', not '1.0'"),
        ({"discrete_action": True}, "actions are discrete, but those of Pendulum-v1 are not"),
        ({"timeouts": np.arange(8) == 5}, "episode_terminals contradicts terminals and timeouts at row 3"),
        ({"episode_terminals": np.full(8, 0.5)}, "episode_terminals is 0.5 at row 0"),
    ],
)
def test_a_dump_that_means_another_thing_is_refused(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(DatasetError) as caught:
        load_d4rl(d4rl(tmp_path / "x.h5", **DUMP | changed), ENVIRONMENT, ID)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["dones", "costs", "masks", "version", "discrete_action", "a\x1b[2J"])
def test_a_key_that_is_not_known_is_refused_unless_it_is_named(tmp_path: Path, name: str) -> None:
    path = d4rl(tmp_path / "x.hdf5", **{name: np.zeros(8)})
    with pytest.raises(DatasetError) as caught:
        load_d4rl(path, ENVIRONMENT, ID)
    assert repr(name) in str(caught.value)
    assert f"--ignore {name}" in str(caught.value)
    plain = load_d4rl(d4rl(tmp_path / "y.hdf5"), ENVIRONMENT, ID)
    assert load_d4rl(path, ENVIRONMENT, ID, Leniency(ignore=(name,))).fingerprint == plain.fingerprint


def test_what_says_which_transitions_there_are_cannot_be_ignored(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="timeouts is a known part of the data and cannot be ignored"):
        load_d4rl(d4rl(tmp_path / "x.hdf5"), ENVIRONMENT, ID, Leniency(ignore=("timeouts",)))


def test_an_option_that_the_file_has_no_use_for_is_refused(home: Path, tmp_path: Path) -> None:
    path = d4rl(tmp_path / "x.hdf5")
    with pytest.raises(DatasetError, match="--drop-broken works on Minari datasets only"):
        take_in(path, ENVIRONMENT, "mine/new-v0", Leniency(drop_broken=True))
    with pytest.raises(DatasetError, match="--ignore works on D4RL files only"):
        take_in(folder(home), None, "mine/new-v0", Leniency(ignore=("x",)))
    with pytest.raises(DatasetError, match="does not name its environment"):
        take_in(path, None, "mine/new-v0")
    with pytest.raises(DatasetError, match="says that it comes from Pendulum-v1, not from Hopper-v5"):
        take_in(folder(home), "Hopper-v5", "mine/new-v0")
