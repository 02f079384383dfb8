"""Malformed files, some hundreds: each is refused by file and field or read as valid data; none is ever written to."""

from __future__ import annotations

import random
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from offline_bench.core.errors import DatasetError, OfflineBenchError
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders import load, load_cards, load_d4rl
from offline_bench.data.loaders.intake import take_in
from offline_bench.data.loaders.minari import read_minari
from offline_bench.data.loaders.writer import write_minari
from tests.data.malformed_files import CLIMBING, Fault, d4rl_faults, minari_faults, wrong_cards

ENVIRONMENT = "Pendulum-v1"  # observations (3,), actions (1,) in [-2, 2]
ID = "mine/pendulum-v0"
LENGTHS = (4, 1, 3)
RANDOM_FAULTS = 60  # of each kind, for each container

# One byte changed in thousands is data as often as structure. What changed is then read as numbers, which is no fault.
Tally = Counter[str]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sound Minari dataset `minari` and the sound D4RL file `file.hdf5`, 8 transitions each."""
    root = tmp_path_factory.mktemp("sound")
    rng = np.random.default_rng(0)
    episodes = [
        {
            "observations": rng.standard_normal((steps + 1, 3)),
            "actions": rng.uniform(-2, 2, (steps, 1)).astype(np.float32),
            "rewards": rng.standard_normal(steps),
            "terminations": np.arange(steps) == steps - 1,
            "truncations": np.zeros(steps, np.bool_),
            "infos": {},
        }
        for steps in LENGTHS
    ]
    write_minari(root, ID, ENVIRONMENT, episodes)
    shutil.move(root / ID, root / "minari")
    write_d4rl(root / "file.hdf5", rng)
    return root


def write_d4rl(path: Path, rng: np.random.Generator) -> None:
    import h5py

    rows = np.arange(sum(LENGTHS))
    with h5py.File(path, "w") as file:
        for name in ("observations", "next_observations"):
            file[name] = rng.standard_normal((rows.size, 3)).astype(np.float32)
        file["actions"] = rng.uniform(-2, 2, (rows.size, 1)).astype(np.float32)
        file["rewards"] = rng.standard_normal(rows.size).astype(np.float32)
        file["terminals"], file["timeouts"] = rows == 3, rows == 7


def open_minari(folder: Path) -> Dataset:
    return read_minari(folder, ID)


def open_d4rl(file: Path) -> Dataset:
    return load_d4rl(file, ENVIRONMENT, ID)


Open = Callable[[Path], Dataset]
CONTAINERS: dict[str, tuple[str, Open, Callable[[], Iterator[Fault]]]] = {
    "minari": ("minari", open_minari, minari_faults),
    "d4rl": ("file.hdf5", open_d4rl, d4rl_faults),
}


def copy_to(path: Path, sound: Path) -> Path:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    shutil.copytree(sound, path) if sound.is_dir() else shutil.copy(sound, path)
    return path


def read_all(path: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in (path, *path.rglob("*")) if file.is_file()}


def attempt(path: Path, opened: Open) -> str:
    """What is said against the file, '' where it is read; either way it is as it was before."""
    before = read_all(path)
    said = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data = opened(path)
        assert data.n == data.lengths.sum()
        assert np.isfinite(data.observations).all()
    except OfflineBenchError as error:
        said = str(error)
        assert str(path) in said
    assert read_all(path) == before
    return said


def try_all(faults: Iterable[Fault], sound: Path, path: Path, opened: Open) -> tuple[Tally, Tally, list[str]]:
    """How many of each kind were tried, how many of them refused, and what was wrong with the others' errors."""
    tried, refused, wrong = Counter[str](), Counter[str](), []
    for fault in faults:
        fault.plant(copy_to(path, sound))
        said = attempt(path, opened)
        tried[fault.kind] += 1
        refused[fault.kind] += bool(said)
        if fault.field not in said or not said:
            wrong.append(f"{fault.kind}: {fault.field!r} is not named in {said!r}")
    return tried, refused, wrong


def shorten(sound: Path, seed: int) -> Iterator[Fault]:
    """Cut at random places, more of them where the structure lies: at the beginning."""
    draw = random.Random(seed)
    size = hdf5_of(sound).stat().st_size
    for _ in range(RANDOM_FAULTS):
        length = draw.randrange(draw.choice((2048, size)))
        yield Fault("cut", "", lambda path, length=length: keep(hdf5_of(path), length))


def flip(sound: Path, seed: int) -> Iterator[Fault]:
    """One to 32 bytes drawn anew at random places."""
    draw = random.Random(seed)
    size = hdf5_of(sound).stat().st_size
    for _ in range(RANDOM_FAULTS):
        reach = draw.choice((2048, size))
        bytes_ = {draw.randrange(reach): draw.randrange(256) for _ in range(draw.choice((1, 2, 8, 32)))}
        yield Fault("bytes changed", "", lambda path, bytes_=bytes_: change(hdf5_of(path), bytes_))


def hdf5_of(path: Path) -> Path:
    return path / "data" / "main_data.hdf5" if path.is_dir() else path


def keep(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


def change(path: Path, bytes_: dict[int, int]) -> None:
    content = bytearray(path.read_bytes())
    for place, value in bytes_.items():
        content[place] = value
    path.write_bytes(content)


@pytest.mark.parametrize("container", CONTAINERS)
def test_the_sound_file_is_read(container: str, sound: Path) -> None:
    name, opened, _ = CONTAINERS[container]
    assert attempt(sound / name, opened) == ""
    assert opened(sound / name).n == sum(LENGTHS)


def test_an_episode_of_one_step_is_an_episode(sound: Path) -> None:
    data = open_minari(sound / "minari")
    assert data.lengths.tolist() == list(LENGTHS)
    assert (data.next_observations[4] != data.observations[5]).any()


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_planted_fault_is_refused_by_file_and_field(container: str, sound: Path, tmp_path: Path) -> None:
    name, opened, faults = CONTAINERS[container]
    tried, refused, wrong = try_all(faults(), sound / name, tmp_path / name, opened)
    assert wrong == []
    assert refused == tried
    assert tried.total() >= 100


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_file_cut_at_a_random_place_is_refused(container: str, sound: Path, tmp_path: Path) -> None:
    name, opened, _ = CONTAINERS[container]
    tried, refused, _ = try_all(shorten(sound / name, 1), sound / name, tmp_path / name, opened)
    assert tried.total() == refused.total() == RANDOM_FAULTS


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_file_with_random_bytes_is_refused_or_valid(container: str, sound: Path, tmp_path: Path) -> None:
    name, opened, _ = CONTAINERS[container]
    tried, refused, _ = try_all(flip(sound / name, 2), sound / name, tmp_path / name, opened)
    assert tried.total() == RANDOM_FAULTS
    assert refused.total() >= RANDOM_FAULTS // 5


def test_every_wrong_card_is_refused_by_file_and_key(tmp_path: Path) -> None:
    wrong = []
    for number, (kind, named, content) in enumerate(wrong_cards()):
        path = tmp_path / str(number) / "cards.toml"
        path.parent.mkdir()
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(DatasetError) as caught:
            load_cards(path)
        if str(path) not in str(caught.value) or named not in str(caught.value):
            wrong.append(f"{kind}: {named!r} is not named in {caught.value}")
    assert wrong == []


def test_the_faults_are_more_than_three_hundred_files() -> None:
    assert len(list(minari_faults())) + len(list(d4rl_faults())) + 4 * RANDOM_FAULTS + len(list(wrong_cards())) >= 500


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project root without cards, with one dataset in its cache."""
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)
    return tmp_path / "home"


@pytest.mark.parametrize("dataset_id", CLIMBING)
def test_an_id_that_climbs_is_neither_read_nor_written(sound: Path, home: Path, dataset_id: str) -> None:
    for act in (lambda: load(dataset_id), lambda: take_in(sound / "file.hdf5", ENVIRONMENT, dataset_id)):
        with pytest.raises(DatasetError, match="is not a dataset id"):
            act()
    assert not home.exists()


def test_of_a_malformed_file_nothing_is_taken_in_and_nothing_overwritten(
    sound: Path, home: Path, tmp_path: Path
) -> None:
    take_in(sound / "file.hdf5", ENVIRONMENT, "mine/other-v0")
    before = read_all(home)
    faults = [*list(d4rl_faults())[::5], *list(shorten(sound / "file.hdf5", 3))[::6]]

    def take(path: Path) -> Dataset:
        return take_in(path, ENVIRONMENT, ID).data

    tried, refused, wrong = try_all(faults, sound / "file.hdf5", tmp_path / "file.hdf5", take)
    assert wrong == []
    assert tried.total() == refused.total() >= 30
    assert read_all(home) == before
    assert not (home / "datasets" / "cache" / ID).exists()
