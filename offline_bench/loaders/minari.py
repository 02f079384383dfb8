"""Minari datasets: found on this machine or downloaded, and read without Minari's own loader."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from offline_bench.dataset import ActionSpace, Dataset
from offline_bench.errors import DatasetError, DatasetNotFoundError
from offline_bench.loaders.cards import Card, load_cards
from offline_bench.loaders.download import download
from offline_bench.loaders.episodes import read_episodes
from offline_bench.loaders.hdf5 import Source
from offline_bench.loaders.spaces import find_spaces, parse_action_space, parse_observation_size
from offline_bench.paths import cache_folder
from offline_bench.registry import unknown_name

OURS = "offline-bench/"
ID_PART = re.compile(r"[-+.\w]+")


def load_minari(dataset_id: str) -> Dataset:
    """The Minari dataset `dataset_id`, from the first of `roots()` that has it, else downloaded.

    Raises `DatasetNotFoundError` that says where it was looked for and how to get it, `DatasetError` as `read_minari`.
    """
    check_id(dataset_id)
    reason = "datasets of this project are built, not downloaded"
    folder = _locate(dataset_id)
    if folder is None and not dataset_id.startswith(OURS):
        try:
            download(dataset_id)
        except DatasetNotFoundError as error:
            reason = str(error)
        folder = _locate(dataset_id)
    if folder is None:
        raise DatasetNotFoundError(_not_found(dataset_id, reason))
    return read_minari(folder, dataset_id)


def read_minari(folder: Path, dataset_id: str) -> Dataset:
    """The Minari dataset that lies in `folder` as data/main_data.hdf5 and data/metadata.json.

    Episodes come in the order of their numbers. One that both terminated and was truncated at its last step
    terminated: the value after it is 0. One that ends with neither flag was cut there: it timed out.
    Raises `DatasetError` naming the file where it is half-downloaded, inconsistent or not supported.
    """
    remedy = f"Delete the folder {folder} and {how_to_get(dataset_id)}."
    about = Source(folder / "data" / "metadata.json", remedy)
    main = Source(folder / "data" / "main_data.hdf5", remedy)
    metadata = _read_metadata(about)
    environment, size, space = _describe(about, metadata)
    if not main.path.is_file():
        raise main.broken("it is missing")
    # A float64 too great for float32 becomes infinite, which Dataset refuses in words.
    with np.errstate(over="ignore"):
        content = read_episodes(main, size, space, metadata)
    try:
        return Dataset(dataset_id, environment, space, **content)
    except DatasetError as error:
        raise DatasetError(f"{main.path}: {error}") from error


def check_id(dataset_id: str) -> None:
    """Raise `DatasetError` unless `dataset_id` is names joined by '/', so that it stays inside its folder."""
    if not all(ID_PART.fullmatch(part) and part.strip(".") for part in dataset_id.split("/")):
        raise DatasetError(
            f"{dataset_id!r} is no dataset id: an id is names of letters, digits and - + . _ joined by '/', "
            "such as offline-bench/hopper/medium-v0, and leads to no other folder."
        )


def roots() -> list[Path]:
    """Where Minari datasets are looked for, in this order: $MINARI_DATASETS_PATH, our cache, Minari's default."""
    given = os.environ.get("MINARI_DATASETS_PATH")
    return [*([Path(given)] if given else []), cache_folder(), Path.home() / ".minari" / "datasets"]


def how_to_get(dataset_id: str) -> str:
    """What to type to have `dataset_id`, as the end of a sentence."""
    card = _cards().get(dataset_id)
    if dataset_id.startswith(OURS) or (card and card.recipe):
        return "build it with `make datasets`"
    return f"fetch it where there is a network with `minari download {dataset_id}`"


def _locate(dataset_id: str) -> Path | None:
    # With `data`, because a namespace is a folder, too.
    return next((root / dataset_id for root in roots() if (root / dataset_id / "data").is_dir()), None)


def _not_found(dataset_id: str, reason: str) -> str:
    looked = "".join(f"\n  {root / dataset_id}" for root in roots())
    here = {
        path.parent.parent.relative_to(root).as_posix()
        for root in roots()
        for path in root.glob("**/data/metadata.json")
    }
    cards = set(_cards())
    lines = [f"dataset {dataset_id!r} is in none of these folders:{looked}", f"It was not downloaded: {reason}."]
    if dataset_id not in cards:
        lines.append(f"Mistyped? {unknown_name('dataset', dataset_id, here | cards)}")
    if dataset_id in cards or not dataset_id.startswith(OURS):
        lines.append(f"To have it, {how_to_get(dataset_id)}.")
    return "\n".join(lines)


def _cards() -> dict[str, Card]:
    # Only to help with an error: that the cards cannot be read is another one.
    with suppress(DatasetError):
        return load_cards()
    return {}


def _read_metadata(source: Source) -> dict[str, Any]:
    try:
        metadata = json.loads(source.path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise source.broken("it is missing") from error
    except (OSError, ValueError) as error:
        raise source.broken(f"it cannot be read ({error})") from error
    if not isinstance(metadata, dict):
        raise source.broken("it is no JSON object")
    stored = metadata.get("data_format", "hdf5")
    if stored != "hdf5":
        raise DatasetError(f"{source.path}: data_format {stored!r} is not supported, only 'hdf5' is.")
    return metadata


def _describe(source: Source, metadata: dict[str, Any]) -> tuple[str, int, ActionSpace]:
    """The environment ('' where none is known), the length of an observation, and the action space."""
    where = str(source.path)
    try:
        environment = str(json.loads(metadata.get("env_spec") or '{"id": ""}')["id"])
        if "observation_space" in metadata and "action_space" in metadata:
            size = parse_observation_size(metadata["observation_space"], where)
            return environment, size, parse_action_space(metadata["action_space"], where)
    except (ValueError, TypeError, KeyError) as error:
        raise source.broken(f"its spaces cannot be read ({error!r})") from error
    if not environment:
        raise source.broken("it names neither the spaces nor the environment")
    # Minari leaves the spaces out where they are the environment's own.
    spaces = find_spaces(environment, where)
    return environment, spaces.observation_size, spaces.action_space
