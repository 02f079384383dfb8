"""Taking a dataset away: curated, relabeled, and written for other programs to train on."""

from __future__ import annotations

from pathlib import Path

from offline_bench.core.errors import DatasetError, StorageError
from offline_bench.core.storage import scratch_folder
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders import load_d4rl
from offline_bench.data.loaders.d4rl_writer import write_d4rl
from offline_bench.data.loaders.intake import NEW_ID
from offline_bench.data.loaders.minari import read_minari
from offline_bench.data.loaders.origin import check_origin, find_origin
from offline_bench.data.loaders.writer import split_episodes, write_minari

SUFFIXES = (".hdf5", ".h5")
FORMATS = ("minari", "d4rl")


def export(data: Dataset, seed: int, layout: str, path: Path, force: bool = False) -> None:
    """Write `data`, whose relabeling drew from `seed`, to `path` in the `layout` minari or d4rl; read it to check.

    Its rewards are those that a learner sees. The true ones lie beside them: `infos/true_rewards` of a D4RL file,
    `infos/offline_bench/true_rewards` of a Minari episode. Raises `DatasetError` where `path` does not fit the layout
    or lies there already without `force`; `StorageError`.
    """
    check_target(layout, path, force)
    origin = find_origin(data, seed)
    if layout == "d4rl":
        write_d4rl(data, path, origin)
        check_origin(load_d4rl(path, data.environment, data.id), origin, str(path))
        return
    try:
        with scratch_folder(path.parent, "exporting") as scratch:
            episodes = list(split_episodes(data, both_rewards=True))
            description = f"{data.id} with the curation {data.curation} and the relabeling {data.relabeling}"
            about = {"algorithm_name": "not known", "author": "not known", "description": description}
            write_minari(scratch, path.name, data.environment, episodes, origin, **about)
            check_origin(read_minari(scratch / path.name, path.name), origin, str(path))
            if path.exists():
                path.rename(scratch / "before")
            (scratch / path.name).rename(path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}. Choose another folder.") from error


def check_target(layout: str, path: Path, force: bool) -> None:
    """Raise `DatasetError` where `path` is no place for an export in `layout`: before the work, not after it."""
    if layout not in FORMATS:
        raise DatasetError(f"{layout!r} is no format of an export: choose minari or d4rl.")
    if layout == "d4rl" and path.suffix not in SUFFIXES:
        raise DatasetError(f"{path}: a D4RL file is called *.hdf5 or *.h5. Give such a name.")
    if layout == "minari" and not NEW_ID.fullmatch(path.name):
        raise DatasetError(
            f"{path}: Minari takes the folder's name for the id of the set, and wants a version at its end, such as "
            "hopper-negative-v0. Give such a name."
        )
    if not path.exists():
        return
    if not force:
        raise DatasetError(f"{path} is there already; nothing was written. Write over it by --force, or name another.")
    if layout == "d4rl" and not path.is_file():
        raise DatasetError(f"{path} is a folder; --force writes over a file alone. Name another file.")
    if layout == "minari" and not (path / "data" / "main_data.hdf5").is_file():
        raise DatasetError(f"{path} holds no Minari dataset; --force writes over nothing else. Name another folder.")
