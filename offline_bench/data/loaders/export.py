"""Taking data away: a dataset as a D4RL file or a Minari dataset, the true rewards beside the relabeled ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from offline_bench.core.errors import DatasetError, StorageError
from offline_bench.core.storage import scratch_folder, write_text
from offline_bench.data.dataset import Dataset, hash_rewards
from offline_bench.data.loaders.d4rl_writer import write_d4rl
from offline_bench.data.loaders.intake import NEW_ID
from offline_bench.data.loaders.metadata import PROVENANCE, of_folder
from offline_bench.data.loaders.writer import take_apart, write_minari

FORMATS = ("minari", "d4rl")


def check_target(to: str, path: Path, force: bool) -> None:
    """Refuse, before anything is computed, what `export` could not write to `path`, or must not write over.

    Raises `DatasetError` for an unknown format or a name that Minari does not take; `StorageError`.
    """
    if to not in FORMATS:
        raise DatasetError(f"--to {to}: choose {' or '.join(FORMATS)}")
    if to == "minari" and not NEW_ID.fullmatch(path.name):
        raise DatasetError(
            f"{path}: the last part of the folder is the Minari dataset's name, and that ends in a version, such as "
            f"{path.with_name('hopper-negative-v0')}"
        )
    if not path.exists():
        return
    if to == "d4rl" and path.is_dir():
        raise StorageError(f"{path} is a folder: name the file to write, such as {path / 'data.hdf5'}")
    if to == "minari" and not of_folder(path).path.is_file():
        raise StorageError(f"{path} exists and is not a Minari dataset. Nothing was written. Choose another name.")
    if not force:
        raise StorageError(f"{path} exists: nothing was written. Choose another name, or overwrite it with --force.")


def export(data: Dataset, to: str, path: Path, about: Mapping[str, str]) -> None:
    """Write `data` to `path`, a D4RL file or the folder of a Minari dataset; replace what lies there.

    `rewards` are those that a learner sees; the true ones lie beside them, as `infos/true_rewards` in a D4RL file and
    as `infos/offline_bench/true_rewards` in each episode of a Minari dataset. Texts say what it is: the dataset, its
    environment, curation, relabeling, fingerprint, and those of `about`. Readers of either format read it.
    Raises as `check_target`, which is to be asked before; `EnvironmentMismatchError` where a Minari dataset's
    environment cannot be made; `StorageError`.
    """
    path = path.absolute()  # Minari takes a relative folder for one within its own
    if to == "d4rl":
        write_d4rl(data, path, about)
        return
    told = {"dataset": data.id, "environment": data.environment, "curation": data.curation}
    told |= {"relabeling": data.relabeling, "fingerprint": data.fingerprint, **about}
    told["rewards_fingerprint"] = hash_rewards(data)
    try:
        with scratch_folder(path.parent, "exporting") as root:
            description = "exported by offline_bench: " + ", ".join(f"{name} {text}" for name, text in told.items())
            write_minari(
                root,
                path.name,
                data.environment,
                list(take_apart(data, relabeled=True)),
                algorithm_name="not known",
                author="not known",
                description=description,
            )
            metadata = of_folder(root / path.name).path
            write_text(metadata, json.dumps({**json.loads(metadata.read_text(encoding="utf-8")), PROVENANCE: told}))
            _replace(path, root / path.name, root / "replaced")
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}. Nothing was left there.") from error


def _replace(path: Path, new: Path, old: Path) -> None:
    """Put the folder `new` at `path`; what lies there goes to `old`, and comes back where `new` cannot be put."""
    if not path.exists():
        new.rename(path)
        return
    path.rename(old)
    try:
        new.rename(path)
    except OSError:
        old.rename(path)
        raise
