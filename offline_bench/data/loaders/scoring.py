"""Setting the environment in which policies are scored, for a dataset whose metadata does not say it."""

from __future__ import annotations

import json

import numpy as np

from offline_bench.core.errors import DatasetError, DatasetNotFoundError, EnvironmentMismatchError
from offline_bench.core.storage import write_text
from offline_bench.data.loaders.cards import load_cards
from offline_bench.data.loaders.folders import check_id, locate
from offline_bench.data.loaders.metadata import find_data_spaces, find_environment, of_folder, read_metadata
from offline_bench.data.loaders.minari import OURS, how_to_get
from offline_bench.data.loaders.spaces import Spaces, find_spaces
from offline_bench.environments.name import portable_spec
from offline_bench.environments.packages import name_package


def set_environment(dataset_id: str, environment: str) -> str:
    """Set the `environment` in which policies of the Minari dataset `dataset_id` are scored; return its new name.

    It becomes the `eval_env_spec` of the metadata, which Minari itself keeps for this; all else stays. A package that
    `environment` names may be imported from now on.
    Raises `DatasetNotFoundError`, `DatasetError` for a set whose card says where it is scored, and
    `EnvironmentMismatchError` for an environment that cannot be made here or does not fit the data.
    """
    check_id(dataset_id)
    card = load_cards().get(dataset_id)
    if dataset_id.startswith(OURS) or (card and (card.recipe or card.file)):
        raise DatasetError(f"{dataset_id!r}: its card says in which environment it is scored. Change it in the card.")
    folder = locate(dataset_id)
    if folder is None:
        raise DatasetNotFoundError(f"dataset {dataset_id!r} is not here. To get it, {how_to_get(dataset_id)}.")
    about = of_folder(folder)
    metadata = read_metadata(about)
    name_package(environment)
    theirs = find_spaces(environment, str(about.path))
    stated = {metadata.get(key) for key in ("observation_space", "action_space")}
    ours = theirs if None in stated else find_data_spaces(about, metadata, environment)
    if not _fits(ours, theirs):
        raise EnvironmentMismatchError(
            f"{about.path}: the data has other observations or actions than {environment}. Name the environment that "
            "it comes from."
        )
    metadata["eval_env_spec"] = portable_spec(environment).to_json()
    write_text(about.path, json.dumps(metadata))
    return find_environment(about, metadata)


def _fits(ours: Spaces, theirs: Spaces) -> bool:
    mine, its = ours.action_space, theirs.action_space
    same_size = ours.observation_size == theirs.observation_size and mine.n == its.n
    return same_size and np.shape(mine.low) == np.shape(its.low)
