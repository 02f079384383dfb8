"""Hostile dataset files: what they keep elsewhere is not read, what they promise is not believed."""

from __future__ import annotations

import os
import shutil
import signal
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import h5py
import numpy as np
import pytest

from offline_bench.core.errors import DatasetError
from offline_bench.core.reading import PACKING, SMALL
from offline_bench.data.loaders import load_d4rl
from offline_bench.data.loaders.minari import read_minari
from offline_bench.data.loaders.writer import write_minari

ENVIRONMENT = "Pendulum-v1"
ID = "mine/pendulum-v0"
N = 8
LITTLE = 64 * 2**20  # bytes that a refusal may take


@pytest.fixture(autouse=True)
def _impatience() -> Iterator[None]:
    """A reader that waits for ever fails, and does not hang."""

    def give_up(number: int, frame: object) -> NoReturn:
        raise AssertionError("it waits for what never comes")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def arrays() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    found = {"observations": rng.standard_normal((N, 3)), "actions": rng.uniform(-2, 2, (N, 1)), "rewards": np.ones(N)}
    return found | {"terminals": np.arange(N) == 3, "timeouts": np.arange(N) == N - 1}


@pytest.fixture
def d4rl(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "x.hdf5", "w") as file:
        for name, array in arrays().items():
            file[name] = array
    return tmp_path / "x.hdf5"


@pytest.fixture
def minari(tmp_path: Path) -> Path:
    found = arrays()
    last = np.arange(N) == N - 1
    episode = {"observations": np.zeros((N + 1, 3)), "actions": found["actions"].astype(np.float32), "infos": {}}
    episode |= {"rewards": found["rewards"], "terminations": last, "truncations": last & False}
    write_minari(tmp_path / "root", ID, ENVIRONMENT, [episode])
    return tmp_path / "root" / ID


def open_at(path: Path) -> Any:
    return read_minari(path, ID) if path.is_dir() else load_d4rl(path, ENVIRONMENT, ID)


def replace_observations(path: Path, put: Callable[[h5py.Group, str, tuple[int, ...]], Any]) -> None:
    place = path / "data" / "main_data.hdf5" if path.is_dir() else path
    with h5py.File(place, "a") as file:
        group = file["episode_0"] if path.is_dir() else file
        shape = group["observations"].shape
        del group["observations"]
        put(group, "observations", shape)


def keep_outside(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    group.create_dataset(name, shape=shape, dtype="u1", external=[("/etc/passwd", 0, int(np.prod(shape)))])


def link_outside(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    other = Path(group.file.filename).with_name("other.hdf5")
    with h5py.File(other, "w") as file:
        file["secret"] = np.ones(shape)
    group[name] = h5py.ExternalLink(str(other), "/secret")


def link_inside(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    link_outside(group, "infos/way", shape)
    group[name] = h5py.SoftLink("infos/way")


def assemble(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    link_outside(group, "infos/unused", shape)
    layout = h5py.VirtualLayout(shape, "f8")
    layout[:] = h5py.VirtualSource(str(Path(group.file.filename).with_name("other.hdf5")), "secret", shape=shape)
    group.create_virtual_dataset(name, layout)


@pytest.mark.parametrize("kept", ["d4rl", "minari"])
@pytest.mark.parametrize("put", [keep_outside, link_outside, link_inside, assemble])
def test_numbers_that_are_kept_elsewhere_are_not_read(
    kept: str, put: Callable[..., None], request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(kept)
    assert open_at(path).n >= N - 1
    replace_observations(path, put)
    with pytest.raises(DatasetError, match=r"observations (keeps its numbers in|is a link to another place)"):
        open_at(path)


def test_an_episode_that_is_a_link_is_not_followed(minari: Path) -> None:
    other = minari / "data" / "other.hdf5"
    shutil.copy(minari / "data" / "main_data.hdf5", other)
    with h5py.File(minari / "data" / "main_data.hdf5", "a") as file:
        del file["episode_0"]
        file["episode_0"] = h5py.ExternalLink(str(other), "/episode_0")
    with pytest.raises(DatasetError, match="episode_0 is a link to another place"):
        open_at(minari)


def pack(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    """Zeros that take kilobytes: chunks of 64 MiB, each written as it was packed."""
    rows, row = 2**24 // shape[1], shape[1]
    chunks = SMALL // LITTLE + 1
    made = group.create_dataset(
        name, shape=(rows * chunks, row), chunks=(rows, row), dtype="f4", compression="gzip", shuffle=False
    )
    packed = zlib.compress(bytes(rows * row * 4), 9)
    for chunk in range(chunks):
        made.id.write_direct_chunk((chunk * rows, 0), packed)


def promise_one_chunk(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    """The shape is honest, and its one chunk is not."""
    rows = (SMALL + LITTLE) // 4 // shape[1]
    made = group.create_dataset(
        name, shape=shape, maxshape=(None, shape[1]), chunks=(rows, shape[1]), dtype="f4", compression="gzip"
    )
    made.id.write_direct_chunk((0, 0), zlib.compress(b"x"))


def leave_holes(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    """As long as it says, and nothing but a hole."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    space = h5py.h5s.create_simple(((SMALL + LITTLE) // 4 // shape[1], shape[1]))
    h5py.h5d.create(group.id, name.encode(), h5py.h5t.IEEE_F32LE, space, properties)


@pytest.mark.parametrize("put", [pack, promise_one_chunk, leave_holes])
def test_a_file_that_unpacks_to_more_than_it_can_hold_is_refused_before_memory_is_taken(
    d4rl: Path, put: Callable[..., None]
) -> None:
    replace_observations(d4rl, put)
    if put is leave_holes and 512 * d4rl.stat().st_blocks * PACKING > SMALL + LITTLE:
        pytest.skip("this file system keeps no holes")
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError, match=r"observations would unpack to .* honestly hold"):
            open_at(d4rl)
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()


def test_numbers_that_pack_well_are_read(d4rl: Path) -> None:
    zeros = np.zeros((100_000, 3), np.float32)
    with h5py.File(d4rl, "w") as file:
        file.create_dataset("observations", data=zeros, compression="gzip")
        file["actions"], file["rewards"] = zeros[:, :1], zeros[:, 0]
        file["terminals"] = np.arange(len(zeros)) == len(zeros) - 1
    assert open_at(d4rl).n > 0.99 * len(zeros)


@pytest.mark.parametrize("name", ["main_data.hdf5", "metadata.json"])
@pytest.mark.parametrize("put", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()])
def test_what_is_no_regular_file_is_told_and_not_waited_for(
    minari: Path, name: str, put: Callable[[Path], None]
) -> None:
    path = minari / "data" / name
    path.unlink()
    put(path)
    with pytest.raises(DatasetError, match=r"it is a (named pipe|device|folder), not a regular file"):
        open_at(minari)


def test_a_pipe_is_no_d4rl_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.hdf5")
    with pytest.raises(DatasetError, match="a named pipe, not a regular file"):
        open_at(tmp_path / "x.hdf5")


def test_a_metadata_file_without_end_is_not_read_to_its_end(minari: Path) -> None:
    with (minari / "data" / "metadata.json").open("ab") as file:
        file.truncate(10**12)
    with pytest.raises(DatasetError, match=r"metadata\.json .*it is larger than 16 MiB"):
        open_at(minari)


def write_npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays())


def write_torch(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}.")


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (write_npz, "is a NumPy .npz archive, not HDF5. Write its arrays into an HDF5 file"),
        (write_torch, "is a file of PyTorch, a pickle, not HDF5"),
        (lambda path: path.write_bytes(b"\x80\x04\x95\x00."), "is a Python pickle, not HDF5. No pickle is loaded"),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00"), "is a NumPy .npy array, not HDF5"),
        (lambda path: path.write_bytes(b"\x1f\x8b\x08\x00"), "is packed with gzip, not HDF5 as it is. Unpack it"),
        (lambda path: path.write_bytes(b"<!DOCTYPE html>"), "is a web page, not HDF5"),
        (lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1"), "git lfs pull"),
        (lambda path: path.write_bytes(b"PAR1xxxxPAR1"), "is a Parquet file, not HDF5"),
        (lambda path: path.write_bytes(b"a,b\n1,2\n"), r"is not HDF5: it begins with b'a,b\n1,2\n'"),
        (lambda path: path.write_bytes(b"\x89HDF"), "looks half-downloaded"),
        (lambda path: path.write_bytes(b""), "looks half-downloaded"),
    ],
)
def test_a_file_of_another_format_is_told_as_that(tmp_path: Path, write: Callable[[Path], Any], said: str) -> None:
    write(tmp_path / "x.hdf5")
    with pytest.raises(DatasetError) as caught:
        open_at(tmp_path / "x.hdf5")
    assert said in str(caught.value)
    assert "Delete" not in str(caught.value)
