"""Taking a D4RL file, or another Minari dataset, over into the cache as a Minari dataset."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from offline_bench.core.errors import DatasetError, DatasetNotFoundError, StorageError
from offline_bench.core.paths import cache_folder
from offline_bench.core.plain import cut
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.cards import load_cards
from offline_bench.data.loaders.d4rl import load_d4rl
from offline_bench.data.loaders.folders import check_id, locate
from offline_bench.data.loaders.leniency import STRICT, Leniency
from offline_bench.data.loaders.metadata import find_references, of_folder, read_metadata
from offline_bench.data.loaders.minari import OURS, read_minari, with_environment
from offline_bench.data.loaders.writer import take_apart, write_minari
from offline_bench.environments.name import same_environment
from offline_bench.environments.packages import name_package

# As Minari has it: it takes no other, and no namespace of one letter.
NEW_ID = re.compile(r"([-\w][-\w/]*[-\w]/)?[-\w]+-v\d+")


@dataclass(frozen=True)
class Intake:
    """What was taken in, and how many of its episodes have rows that do not follow each other."""

    data: Dataset
    folder: Path
    jumps: int


def take_in(file: Path, environment: str | None, dataset_id: str, leniency: Leniency = STRICT) -> Intake:
    """Check `file` and write its transitions into the cache as `dataset_id`: whole, or not at all.

    `file` is a D4RL file, with the `environment` it comes from; or the folder of a Minari dataset, which names its own.
    The content is that of `load_d4rl` or `read_minari`, to the bit. Minari keeps T+1 observations of an episode of T
    steps; where a step's next observation is not what the next step saw, those of the episode are in its `infos` too.
    A package that `environment` names may be imported from now on.
    Raises `DatasetError` where the id is no new one, and as the readers; `StorageError`.
    """
    _check_new(dataset_id)
    name_package(environment or "")
    data, references = _read(file, environment, dataset_id, leniency)
    episodes = list(take_apart(data))
    low, high = references or (None, None)
    write_minari(
        cache_folder(),
        dataset_id,
        data.environment,
        episodes,
        algorithm_name="not known",
        author="not known",
        description=cut(". ".join([f"imported from {file.name}", *data.notes]), 2_000),
        ref_min_score=low,
        ref_max_score=high,
    )
    folder = cache_folder() / dataset_id
    written = read_minari(folder, dataset_id).fingerprint
    if written != data.fingerprint:
        raise StorageError(
            f"{folder} was written, but it reads as {written}, and {file} reads as {data.fingerprint}. Delete the "
            "folder, check the disk, and import the file again."
        )
    return Intake(data, folder, sum(bool(episode["infos"]) for episode in episodes))


def _read(
    file: Path, environment: str | None, dataset_id: str, leniency: Leniency
) -> tuple[Dataset, tuple[float, float] | None]:
    """What lies in `file`, and the returns that mark 0 and 100, where they are known."""
    card = load_cards().get(dataset_id)
    references = (card.task.random_return, card.task.expert_return) if card else None
    if not file.exists():
        raise DatasetNotFoundError(f"there is no file {file}. Name a D4RL file, or the folder of a Minari dataset.")
    if not file.is_dir():
        if environment is None:
            raise DatasetError(f"{file}: a D4RL file does not name its environment. Name it with --env.")
        if leniency.drop_broken:
            raise DatasetError(
                f"{file}: --drop-broken works on Minari datasets only, and this is a file. Leave the option out."
            )
        return load_d4rl(file, environment, dataset_id, leniency), references
    if not (file / "data").is_dir():
        raise DatasetError(f"{file} is not a Minari dataset: the folder data is missing in it.")
    if leniency.ignore:
        raise DatasetError(
            f"{file}: --ignore works on D4RL files only, and this is a Minari dataset. Leave the option out."
        )
    data = with_environment(read_minari(file, dataset_id, leniency), file)
    if environment is not None and not same_environment(environment, data.environment):
        raise DatasetError(
            f"{file} says that it comes from {data.environment}, not from {environment}. Leave out --env."
        )
    about = of_folder(file)
    return data, find_references(about, read_metadata(about)) or references


def _check_new(dataset_id: str) -> None:
    check_id(dataset_id)
    if not NEW_ID.fullmatch(dataset_id):
        raise DatasetError(
            f"{dataset_id!r} is not an id for Minari. An id has only letters, digits, - and _, and ends in a version, "
            "such as mine/hopper-medium-v0."
        )
    if dataset_id.startswith(OURS):
        raise DatasetError(
            f"{dataset_id!r}: ids that begin with {OURS} belong to sets that this project builds. Choose another id."
        )
    card = load_cards().get(dataset_id)
    if card and (card.recipe or card.file):
        source = f"the file {card.file}" if card.file else f"the recipe {card.recipe}"
        raise DatasetError(f"{dataset_id!r}: its card says that it comes from {source}. Choose another id.")
    there = locate(dataset_id) or cache_folder() / dataset_id
    if there.exists():
        raise DatasetError(f"{dataset_id!r} is in {there} already, and nothing was overwritten. Choose another id.")
    for folder in there.relative_to(cache_folder()).parents:
        if (cache_folder() / folder / "data").is_dir():
            raise DatasetError(f"{dataset_id!r} would lie inside the dataset {folder}. Choose another id.")
