"""What travels to a node of a cluster beside a slab: data, plug-ins, cards. It needs the package, and no checkout."""

from __future__ import annotations

import atexit
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from offline_bench.core.errors import OfflineBenchError, PlaceError, StorageError
from offline_bench.core.paths import dataset_file, datasets_folder, project_root
from offline_bench.core.plugins import load_entry_points, load_plugin
from offline_bench.core.source import list_files
from offline_bench.core.storage import scratch_folder
from offline_bench.data.loaders import is_here, load
from offline_bench.data.loaders.handed import Handed, take_over
from offline_bench.data.loaders.tasks import find_task
from offline_bench.environments.packages import named_file
from offline_bench.environments.steppers import THREAD_VARIABLES
from offline_bench.runs.experiment import JobSlab, load_data
from offline_bench.schemes.curate import needed_datasets

CARDS = "cards.toml"
HOME = "OFFLINE_BENCH_HOME"


@dataclass(frozen=True)
class PluginFiles:
    """A plug-in file called `name`, and what it imports from beside itself: contents by path below one folder."""

    name: str
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Outfit:
    """What a process on a node is given once.

    home    the files of the project folder that runs read
    folder  which folder of datasets that has, and on which disk and machine
    """

    plugins: Sequence[PluginFiles]
    home: Mapping[str, bytes]
    folder: tuple[str, ...]


def pack_outfit(plugins: Sequence[Path]) -> Outfit:
    """The outfit of this process, with its `plugins`."""
    # The cards may be those that this package brings: on a node they are the user's, and so come first.
    places = {datasets_folder() / CARDS: dataset_file(CARDS), named_file(): named_file()}
    home = {
        place.relative_to(project_root()).as_posix(): path.read_bytes()
        for place, path in places.items()
        if path.is_file()
    }
    return Outfit([_pack_plugin(path) for path in plugins], home, _find_folder())


def needed_by(slab: JobSlab) -> tuple[str, ...]:
    """Ids of the datasets that `slab` is trained on."""
    run = slab.jobs[0].run
    return tuple(dict.fromkeys((run.dataset, *needed_datasets(run.curation))))


def pack_dataset(dataset: str) -> Handed:
    """The dataset of that id as it lies here. Raises what loading raises."""
    data = load_data(dataset)
    # Without what was computed from it: who takes it over computes that, and so finds out what was damaged on the way.
    return Handed(replace(data), find_task(dataset), data.fingerprint)


def put_on(outfit: Outfit) -> None:
    """Have this process work as the one that packed `outfit`; only the first call does. Raises `PluginError`."""
    if _worn:
        return
    _own_home.append(os.environ.get(HOME))
    folder = _files.enter_context(_open_folder())
    os.environ[HOME] = str(folder / "home")
    # For the processes that are started from here.
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    _unpack(folder / "home", outfit.home)
    load_entry_points()
    for number, plugin in enumerate(outfit.plugins):
        _unpack(folder / str(number), plugin.files)
        load_plugin(folder / str(number) / plugin.name)
    _worn.append(True)


def remove_outfits() -> None:
    """Remove the outfits that killed processes left on this machine. Whoever puts one on does that too."""
    with suppress(OSError, StorageError), _open_folder():
        pass


def find_other_content(outfit: Outfit, sets: Mapping[str, Handed]) -> str:
    """Which of `sets` lies on this node with another content, in words; '' for none. One that is not here is sent."""
    take_over({})
    with _at_own_home():
        if outfit.folder and outfit.folder == _find_folder():
            return ""
        for dataset in set(sets) - _checked:
            try:
                here = load(dataset).fingerprint if is_here(dataset) else sets[dataset].fingerprint
            except OfflineBenchError as error:
                return f"its {dataset} cannot be read: {error}"
            if here != sets[dataset].fingerprint:
                return f"its {dataset} has another content ({here}) than was sent ({sets[dataset].fingerprint})"
    return ""


def unpack_datasets(sets: Mapping[str, Handed]) -> None:
    """Have `sets`, by id, be what lies here. Raises `PlaceError` where one is not what was sent."""
    for dataset, handed in sets.items():
        if dataset not in _checked and handed.data.fingerprint != handed.fingerprint:
            raise PlaceError(f"dataset {dataset} came here with another content than it was sent with")
        _checked.add(dataset)
    take_over(sets)


_worn: list[bool] = []
_own_home: list[str | None] = []
_checked: set[str] = set()
_files = ExitStack()
atexit.register(_files.close)


def _open_folder() -> AbstractContextManager[Path]:
    return scratch_folder(Path(tempfile.gettempdir()), "offline-bench-node")


@contextmanager
def _at_own_home() -> Iterator[None]:
    """While the block runs, the project folder is what it was before an outfit was put on."""
    lent, own = os.environ.pop(HOME), _own_home[0]
    if own is not None:
        os.environ[HOME] = own
    try:
        yield
    finally:
        os.environ[HOME] = lent


def _find_folder() -> tuple[str, ...]:
    try:
        about = datasets_folder().stat()
    except OSError:
        return ()
    return (socket.gethostname(), str(datasets_folder().resolve()), str(about.st_dev), str(about.st_ino))


def _pack_plugin(plugin: Path) -> PluginFiles:
    files = list_files(plugin)
    root = Path(os.path.commonpath([path.parent for path in files]))
    contents = {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
    return PluginFiles(plugin.resolve().relative_to(root).as_posix(), contents)


def _unpack(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
