"""Faults to be planted in sound dataset files: each breaks one thing, and says which field is to be named for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MINARI_ARRAYS = ("observations", "actions", "rewards", "terminations", "truncations")
D4RL_ARRAYS = ("observations", "next_observations", "actions", "rewards", "terminals", "timeouts")
HUGE = 10**12


@dataclass(frozen=True)
class Fault:
    """`plant` breaks the file (Minari: the folder) it is given; the error is to name `field`."""

    kind: str
    field: str
    plant: Callable[[Path], None]


def in_array(name: str, put: Callable[[h5py.Group, str], None]) -> Callable[[Path], None]:
    """Plant by replacing the array `name` of the HDF5 file, or of that of the Minari folder."""

    def plant(path: Path) -> None:
        with h5py.File(path / "data" / "main_data.hdf5" if path.is_dir() else path, "a") as file:
            put(file, name)

    return plant


def replace(change: Callable[[Array], Any]) -> Callable[[h5py.Group, str], None]:
    def put(file: h5py.Group, name: str) -> None:
        changed = change(file[name][()])
        del file[name]
        file[name] = changed

    return put


def spoil(place: Any, value: Any) -> Callable[[Array], Array]:
    """Put `value` there, in numbers that can hold it."""

    def change(array: Array) -> Array:
        wide = array.astype(np.float64) if isinstance(value, float) else array
        wide[place] = value
        return wide

    return change


def as_text(array: Array) -> Array:
    return np.full(array.shape, b"x")


def as_pairs(array: Array) -> Array:
    return np.zeros(array.shape, [("a", np.float32), ("b", np.float32)])


def leave_unwritten(file: h5py.Group, name: str) -> None:
    old = file.pop(name)
    file.create_dataset(name, shape=old.shape, dtype=old.dtype, chunks=True)


def promise_much(file: h5py.Group, name: str) -> None:
    old = file.pop(name)
    file.create_dataset(name, shape=(HUGE, *old.shape[1:]), dtype=old.dtype, chunks=(64, *old.shape[1:]))


def put_nothing(file: h5py.Group, name: str) -> None:
    del file[name]
    file.create_dataset(name, dtype=np.float32, shape=None)


def put_group(file: h5py.Group, name: str) -> None:
    del file[name]
    file.create_group(f"{name}/inside")


def take_away(file: h5py.Group, name: str) -> None:
    del file[name]


WRONG_ARRAYS: dict[str, Callable[[h5py.Group, str], None]] = {
    "text": replace(as_text),
    "complex numbers": replace(lambda array: array.astype(np.complex128)),
    "compound numbers": replace(as_pairs),
    "strings of any length": replace(lambda array: np.full(array.shape, "x", h5py.string_dtype())),
    "one row short": replace(lambda array: array[:-1]),
    "one row long": replace(lambda array: np.concatenate([array, array[:1]])),
    "no rows": replace(lambda array: array[:0]),
    "an axis more": replace(lambda array: array[:, None, None]),
    "a single number": replace(lambda array: array.reshape(-1)[0]),
    "an empty dataspace": put_nothing,
    "a group": put_group,
    "missing": take_away,
    "never written": leave_unwritten,
    "a huge shape": promise_much,
}
NOT_FINITE = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "beyond float32": 1e300}


def minari_faults() -> Iterator[Fault]:
    for kind, put in WRONG_ARRAYS.items():
        for name in MINARI_ARRAYS:
            # How many steps there are is counted by the rewards: one of another length is seen in the sum.
            counted = name == "rewards" and kind in ("one row short", "one row long")
            yield Fault(kind, "total_steps" if counted else f"episode_0/{name}", in_array(f"episode_0/{name}", put))
    for kind, value in NOT_FINITE.items():
        for name in ("observations", "actions", "rewards"):
            yield Fault(kind, name, in_array(f"episode_0/{name}", replace(spoil(0, value))))
        yield Fault(kind, "observations", in_array("episode_2/observations", replace(spoil(-1, value))))
    for name in ("terminations", "truncations"):
        yield Fault("ends early", "episode_0", in_array(f"episode_0/{name}", replace(spoil(1, True))))
        for kind, value in (("neither 0 nor 1", 2), ("negative", -1)):
            numbers = replace(lambda array, value=value: spoil(-1, value)(array.astype(np.int64)))
            yield Fault(kind, f"episode_0/{name}", in_array(f"episode_0/{name}", numbers))
        yield Fault("nan", f"episode_0/{name}", in_array(f"episode_0/{name}", replace(spoil(-1, np.nan))))
    for value in (2.1, -2.1, 1e6, -1e6):
        yield Fault("actions out of the box", "actions", in_array("episode_2/actions", replace(spoil(0, value))))
    yield Fault("an episode missing", "total_episodes", in_array("episode_2", take_away))
    yield Fault("an episode of another name", "total_episodes", in_array("episode_2", rename("episode_02")))
    yield Fault("an array for an episode", "episode_2", in_array("episode_2", replace_group(np.zeros(3))))
    yield Fault("zero episodes", "total_episodes", clear)
    yield from metadata_faults()


def rename(new: str) -> Callable[[h5py.Group, str], None]:
    return lambda file, name: file.move(name, new)


def replace_group(value: Array) -> Callable[[h5py.Group, str], None]:
    def put(file: h5py.Group, name: str) -> None:
        del file[name]
        file[name] = value

    return put


def clear(folder: Path) -> None:
    with h5py.File(folder / "data" / "main_data.hdf5", "w"):
        pass


BOX = {"type": "Box", "dtype": "float32", "shape": [3], "low": [-1] * 3, "high": [1] * 3}
WRONG_SPACES: tuple[Any, ...] = (
    "",
    "{",
    "[]",
    "null",
    "3",
    "{}",
    3,
    [],
    {"type": "Box"},
    {"type": "Sphere", "shape": [3]},
    {"type": "Box", "shape": 3},
    {"type": "Box", "shape": None},
    BOX | {"shape": [-3]},
    BOX | {"shape": [0]},
    BOX | {"shape": [2.5]},
    BOX | {"shape": ["3"]},
    BOX | {"shape": [HUGE]},
    BOX | {"shape": [True]},
    BOX | {"shape": [64, 64, 3]},
    {"type": "Dict"},
    {"type": "Dict", "subspaces": []},
    {"type": "Dict", "subspaces": {}},
    {"type": "Dict", "subspaces": {"a": BOX}},
    {"type": "Discrete", "n": 0},
    {"type": "Discrete", "n": -4},
    {"type": "Discrete", "n": "4"},
    {"type": "Discrete", "n": HUGE},
    {"type": "MultiDiscrete", "nvec": [2, 2]},
    {"type": "Tuple", "subspaces": [BOX]},
    {"type": "Text", "max_length": 4},
)
WRONG_BOUNDS: tuple[dict[str, Any], ...] = (
    {"shape": [1], "low": [1], "high": [-1]},
    {"shape": [1], "low": [float("nan")], "high": [1]},
    {"shape": [1], "low": ["a"], "high": [1]},
    {"shape": [1], "low": [0, 0], "high": [1, 1]},
    {"shape": [1], "low": None, "high": None},
    {"shape": [1]},
)
WRONG_VALUES: dict[str, tuple[Any, ...]] = {
    "total_episodes": (0, 2, -1, 3.5, "3", None, [3], HUGE),
    "total_steps": (0, 7, -1, 8.5, "8", None, {"steps": 8}, HUGE),
    "data_format": ("arrow", "", 3, None),
    "env_spec": ("", "{", "[]", "3", "{}", '{"id": 3}', '{"id": ""}', 7, '{"id": "x-v0", "max_episode_steps": "9"}'),
}
WRONG_FILES = ("", "{", "[]", "null", "[" * 100_000, '{"total_steps": 8}', "\x00" * 700, '{"observation_space": "{}"}')


def metadata_faults() -> Iterator[Fault]:
    for key in ("observation_space", "action_space"):
        for space in WRONG_SPACES:
            text = json.dumps(space) if isinstance(space, dict) else space
            yield Fault(f"{key} wrong", "", in_metadata(key, text))
    for bounds in WRONG_BOUNDS:
        yield Fault("action_space wrong", "spaces", in_metadata("action_space", json.dumps({"type": "Box", **bounds})))
    one = json.dumps({"type": "Discrete", "n": 4, "start": 1})
    yield Fault("action_space wrong", "action_space", in_metadata("action_space", one))
    for key, values in WRONG_VALUES.items():
        for value in values:
            if not (key == "env_spec" and value == ""):  # none is no fault of the file: see test_loaders
                yield Fault(f"{key} wrong", key, in_metadata(key, value))
    wrapped = json.dumps({"id": "Pendulum-v1", "additional_wrappers": [{"name": "RescaleAction"}]})
    yield Fault("env_spec wrong", "RescaleAction", in_metadata("env_spec", wrapped))
    yield from metadata_file_faults()


def metadata_file_faults() -> Iterator[Fault]:
    for text in WRONG_FILES:
        yield Fault("metadata.json wrong", "metadata.json", lambda folder, text=text: about(folder).write_text(text))
    yield Fault("metadata.json wrong", "metadata.json", lambda folder: about(folder).write_bytes(b"\xff\xfe{}"))
    for part in range(1, 20):
        yield Fault("metadata.json cut", "metadata.json", lambda folder, part=part: cut(about(folder), part / 20))
    for name in ("metadata.json", "main_data.hdf5"):
        yield Fault("a file missing", name, lambda folder, name=name: (folder / "data" / name).unlink())
        yield Fault("a folder for a file", name, lambda folder, name=name: put_folder(folder / "data" / name))


def in_metadata(key: str, value: Any) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        about(folder).write_text(json.dumps(json.loads(about(folder).read_text()) | {key: value}))

    return plant


def about(folder: Path) -> Path:
    return folder / "data" / "metadata.json"


def cut(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])


def put_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def d4rl_faults() -> Iterator[Fault]:
    for kind, put in WRONG_ARRAYS.items():
        for name in D4RL_ARRAYS:
            if kind == "missing" and name in ("next_observations", "timeouts"):
                continue  # older files leave these out
            # That one array has another length than all others is told from the side of the observations.
            other = name == "observations" and kind in ("one row short", "one row long", "no rows")
            yield Fault(kind, "rows, but observations has" if other else name, in_array(name, put))
    for kind, value in NOT_FINITE.items():
        for name in ("observations", "next_observations", "actions", "rewards"):
            for row in (0, -1):
                yield Fault(kind, name, in_array(name, replace(spoil(row, value))))
    yield from d4rl_value_faults()


def d4rl_value_faults() -> Iterator[Fault]:
    for name in ("terminals", "timeouts"):
        for kind, value in (("neither 0 nor 1", 2.0), ("negative", -1.0), ("neither 0 nor 1", 0.5), ("nan", np.nan)):
            yield Fault(kind, name, in_array(name, replace(spoil(1, value))))
    for name in ("dones", "costs", "episode_ends", "masks"):
        yield Fault("an unknown key", name, add_array(name))
    for value in (2.1, -2.1, 1e6, -1e6):
        yield Fault("actions out of the box", "actions", in_array("actions", replace(spoil(4, value))))
    for name in ("observations", "next_observations"):
        for change in (lambda array: array[:, :2], lambda array: np.concatenate([array, array], axis=1)):
            yield Fault("of another environment", name, in_array(name, replace(change)))
    yield Fault("of another environment", "actions", in_array("actions", replace(lambda array: np.zeros((8, 2)))))
    yield Fault("zero episodes", "observations", empty_all)
    yield Fault("zero episodes", "observations", lambda path: h5py.File(path, "w").close())


def add_array(name: str) -> Callable[[Path], None]:
    def plant(path: Path) -> None:
        with h5py.File(path, "a") as file:
            file[name] = np.zeros(8)

    return plant


def empty_all(path: Path) -> None:
    for name in D4RL_ARRAYS:
        in_array(name, replace(lambda array: array[:0]))(path)


CARDS = """
[tasks.pendulum]
environment = "Pendulum-v1"
random_return = -1200.0
expert_return = -150.0
source = "a test"
observation_mean = [0.0, 0.0, 0.0]

[datasets."mine/pendulum-v0"]
task = "pendulum"
good_for = "tests"
"""
TASK_LINES = ("environment", "random_return", "expert_return", "source")


def wrong_cards() -> Iterator[tuple[str, str, str | bytes]]:
    """Kind, what is to be named, and the card file."""
    for key in TASK_LINES:
        line = next(line for line in CARDS.splitlines() if line.startswith(f"{key} ="))
        yield "a key missing", f"[tasks.pendulum]: the key {key} is missing", CARDS.replace(line, "")
        for value in ("[1, 2]", "true", "{ a = 1 }", '"x"' if "return" in key else "3", "1979-05-27", "nan", "inf"):
            yield "a value of another type", f"[tasks.pendulum], {key}: ", CARDS.replace(line, f"{key} = {value}")
        yield "a key twice", "line", CARDS.replace(line, f"{line}\n{line}")
    for key in ("task", "good_for"):
        line = next(line for line in CARDS.splitlines() if line.startswith(f"{key} ="))
        where = '[datasets."mine/pendulum-v0"]'
        yield "a key missing", f"{where}: the key {key} is missing", CARDS.replace(line, "")
        yield "a value of another type", where, CARDS.replace(line, f"{key} = 3")
    yield "a value of another type", "observation_mean", CARDS.replace("[0.0, 0.0, 0.0]", '[0.0, "a", 0.0]')
    yield "a value of another type", "observation_mean", CARDS.replace("[0.0, 0.0, 0.0]", "3.0")
    yield "a value of another type", "random_return and expert_return", CARDS.replace("-150.0", "-1200.0")
    yield "a key unknown", "did you mean good_for", CARDS.replace("good_for", "god_for")
    yield "a task unknown", "did you mean pendulum", CARDS.replace('task = "pendulum"', 'task = "pendulm"')
    yield "an id twice", "line 12", CARDS + '[datasets."mine/pendulum-v0"]\n'
    yield "an id twice", "line 12", CARDS + "[tasks.pendulum]\n"
    for climbing in ("../x-v0", "/etc/x-v0", "a//b-v0", "a/../../b-v0", "."):
        yield "an id that climbs", "is not a dataset id", CARDS.replace("mine/pendulum-v0", climbing)
    yield "no tables", "tasks", "tasks = 3"
    yield "no tables", "datasets", "datasets = [1]"
    yield "no tables", "tasks", "[tasks]\npendulum = 3"
    yield "no TOML", "cards.toml", b"\xff\xfe"
    yield "no TOML", "cards.toml", "a = " + "[" * 100_000
    for share in (0.1, 0.25, 0.55):
        yield "cut", "cards.toml", CARDS[: int(len(CARDS) * share)]


CLIMBING = ("../x-v0", "a/../../x-v0", "/etc/x-v0", "a//b-v0", "a/", "", ".", "..", "a/./b-v0", "~/x-v0", "C:/x-v0")
CLIMBING += ("a\\..\\b-v0", "a\0b-v0", "..\n/x-v0", "a/..")
