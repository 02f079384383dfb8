"""Minari datasets: found on this machine or downloaded, and read without Minari's own loader."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from offline_bench.core.errors import DatasetError, DatasetNotFoundError
from offline_bench.core.registry import unknown_name
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.cards import Card, load_cards
from offline_bench.data.loaders.columns import read_episodes
from offline_bench.data.loaders.download import download
from offline_bench.data.loaders.exported import check_fingerprints
from offline_bench.data.loaders.folders import check_id, list_folders, locate, roots
from offline_bench.data.loaders.hdf5 import Source
from offline_bench.data.loaders.leniency import STRICT, Leniency, settle_actions
from offline_bench.data.loaders.metadata import (
    PROVENANCE,
    find_data_spaces,
    find_environment,
    find_labels,
    of_folder,
    read_metadata,
)

OURS = "offline-bench/"


def load_minari(dataset_id: str) -> Dataset:
    """The Minari dataset `dataset_id`, from the first of `roots()` that has it, else downloaded.

    Raises `DatasetNotFoundError` that says where it was looked for and how to get it, `DatasetError` as `read_minari`,
    and where neither its metadata nor its card names an environment.
    """
    check_id(dataset_id)
    reason = "datasets of this project are built, not downloaded"
    folder = locate(dataset_id)
    if folder is None and not dataset_id.startswith(OURS):
        try:
            download(dataset_id)
        except DatasetNotFoundError as error:
            reason = str(error)
        folder = locate(dataset_id)
    if folder is None:
        raise DatasetNotFoundError(_not_found(dataset_id, reason))
    return with_environment(read_minari(folder, dataset_id), folder)


def read_minari(folder: Path, dataset_id: str, leniency: Leniency = STRICT) -> Dataset:
    """The Minari dataset that lies in `folder` as data/main_data.hdf5 and data/metadata.json.

    Episodes come in the order of their numbers. One that both terminated and was truncated at its last step
    terminated: the value after it is 0. One that ends with neither flag was cut there: it timed out.
    Observations are what `make_environment` shows of the environment: those of Dict and Discrete spaces become vectors.
    What `leniency` allows is set right and told in the set's notes. In a set that `export` wrote, the rewards
    are the learner's, and the true ones lie beside them; one whose content is not that of the fingerprint it names is
    refused.
    Raises `DatasetError` naming the file where it is half-downloaded, inconsistent or not supported.
    """
    remedy = _remedy(folder, dataset_id)
    about = of_folder(folder, remedy)
    way_out = f"`offline-bench datasets import {folder} --id NEW-ID --drop-broken` leaves out every such episode."
    main = Source(folder / "data" / "main_data.hdf5", remedy, "" if leniency.drop_broken else way_out)
    metadata = read_metadata(about)
    environment = find_environment(about, metadata)
    spaces = find_data_spaces(about, metadata, environment)
    if not main.path.exists():
        raise main.broken("it is missing")
    # A float64 too great for float32 becomes infinite, which Dataset refuses in words.
    with np.errstate(over="ignore"):
        labels = find_labels(about, metadata)
        content, notes = read_episodes(main, spaces, metadata, leniency.drop_broken, relabeled=bool(labels))
    content["actions"], clipped = settle_actions(
        folder, dataset_id, content["actions"], spaces.action_space, leniency.clip_actions
    )
    try:
        data = Dataset(dataset_id, environment, spaces.action_space, **content, notes=(*notes, *clipped))
    except DatasetError as error:
        raise DatasetError(f"{main.path}: {error}") from error
    if not labels:
        return data
    if not data.notes:
        check_fingerprints(main, data, labels["fingerprint"], metadata[PROVENANCE].get("rewards_fingerprint"))
    return replace(data, curation=labels["curation"], relabeling=labels["relabeling"])


def with_environment(data: Dataset, folder: Path) -> Dataset:
    """`data`, which lies in `folder`, with the environment of its card where it names none itself.

    Raises `DatasetError` where its card names none either.
    """
    if data.environment:
        return data
    card = load_cards().get(data.id)
    if card is None:
        raise DatasetError(
            f"{folder / 'data' / 'metadata.json'}: there is no env_spec, so no policy could be scored. Name the "
            f"environment there, or in the task of a card for {data.id!r} in cards.toml."
        )
    return replace(data, environment=card.task.environment)


def how_to_get(dataset_id: str) -> str:
    """What to type to get `dataset_id`, as the end of a sentence."""
    card = _cards().get(dataset_id)
    if card and card.recipe:
        return f"build it with `offline-bench datasets build {dataset_id}`"
    if is_built(dataset_id):
        return "build it with `offline-bench datasets build`"
    return f"fetch it over a network with `minari download {dataset_id}`"


def _remedy(folder: Path, dataset_id: str) -> str:
    """What to do with a broken copy in `folder`: what cannot be had again is never to be deleted."""
    if is_built(dataset_id):
        return f"Delete the folder {folder} and {how_to_get(dataset_id)}."
    return (
        f"If it was downloaded, move the folder {folder} away and {how_to_get(dataset_id)}. If you collected it "
        "yourself, keep it: this may be its only copy."
    )


def is_built(dataset_id: str) -> bool:
    """Whether this project builds `dataset_id`, and can do so again."""
    card = _cards().get(dataset_id)
    return dataset_id.startswith(OURS) or bool(card and card.recipe)


def _not_found(dataset_id: str, reason: str) -> str:
    looked = "".join(f"\n  {root / dataset_id}" for root in roots())
    cards = set(_cards())
    lines = [f"dataset {dataset_id!r} is in none of these folders:{looked}", f"It was not downloaded: {reason}."]
    if dataset_id not in cards:
        here = {name for _, name in list_folders()}
        lines.append(f"Mistyped? {unknown_name('dataset', dataset_id, here | cards)}")
    if dataset_id in cards or not dataset_id.startswith(OURS):
        lines.append(f"To get it, {how_to_get(dataset_id)}.")
    return "\n".join(lines)


def _cards() -> dict[str, Card]:
    # Only to help with an error: that the cards cannot be read is another one.
    with suppress(DatasetError):
        return load_cards()
    return {}
