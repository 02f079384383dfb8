"""The metadata.json of a Minari dataset: what it was made in, what it holds, and its reference scores."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from offline_bench.core.errors import DatasetError
from offline_bench.core.reading import read_text
from offline_bench.data.loaders.hdf5 import Source, open_hdf5
from offline_bench.data.loaders.spaces import Spaces, find_spaces, parse_action_space, parse_layout
from offline_bench.environments.name import name_environment

# What no text of a JSON file may raise but these is a fault of this program's.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
ENVIRONMENT = re.compile(r"(?:[\w.]+:)?(?:[\w:.-]+/)?[\w:.-]{1,200}")  # module:namespace/name-v0
NEWEST = "0.5"  # of Minari, whose layout is read
# The key under which a set that this project exported says what was done to it, and what it says at least.
PROVENANCE = "offline_bench"
LABELS = ("curation", "relabeling", "fingerprint")


def read_metadata(source: Source) -> dict[str, Any]:
    """The content of the file. Raises `DatasetError` naming it where it is no JSON object or of another layout."""
    try:
        metadata = json.loads(read_text(source.path))
    except FileNotFoundError as error:
        _refuse_old(source)
        raise source.broken("it is missing") from error
    except (OSError, ValueError, RecursionError) as error:
        raise source.broken(f"it cannot be read ({error})") from error
    if not isinstance(metadata, dict):
        raise source.broken("it is not a JSON object")
    stored = metadata.get("data_format", "hdf5")
    if stored != "hdf5":
        raise DatasetError(
            f"{source.path}: data_format {stored!r:.80}, written by Minari "
            f"{metadata.get('minari_version', '?')!s:.20}, is not supported. Have Minari {NEWEST} write the dataset "
            "again in the format 'hdf5'."
        )
    return metadata


def find_environment(source: Source, metadata: dict[str, Any]) -> str:
    """The name of the environment that policies are to be scored in; '' where none is given.

    That is Minari's `eval_env_spec`, else its `env_spec`, the environment of the data; with the arguments that are not
    those registered here under its id. Raises `DatasetError` naming the file.
    """
    try:
        text = metadata.get("eval_env_spec") or metadata.get("env_spec")
        if not text:  # an empty one is none
            return ""
        spec = json.loads(text)
        wrappers = [wrapper["name"] for wrapper in spec.get("additional_wrappers") or ()]
        name, limit, arguments = spec["id"], spec.get("max_episode_steps"), dict(spec.get("kwargs") or {})
        entry_point = spec.get("entry_point") or ""
        if not isinstance(name, str) or not ENVIRONMENT.fullmatch(name):
            raise ValueError(f"id {name!r:.80}")
        if type(limit) not in (int, type(None)) or not 0 < (limit or 1) < 2**63:
            raise ValueError(f"max_episode_steps {limit!r:.80}")
        if not all(key.isidentifier() for key in arguments):
            raise ValueError(f"kwargs {list(arguments)!r:.80}")
        if not isinstance(entry_point, str):
            raise ValueError(f"entry_point {entry_point!r:.80}")
    except UNREADABLE as error:
        raise source.broken(f"its env_spec cannot be read ({error!r})") from error
    if wrappers:
        raise DatasetError(
            f"{source.path}: its environment is {name} in the wrappers {', '.join(map(str, wrappers))}, which is not "
            "supported. Only environments as registered are supported, with arguments of their own."
        )
    if "max_episode_steps" not in spec and not arguments:
        return name
    arguments.pop("render_mode", None)
    arguments.pop("max_episode_steps", None)  # the specification has its own
    try:
        return name_environment(name, limit, arguments, entry_point)
    except RecursionError as error:
        raise source.broken("the kwargs of its env_spec are nested too deeply") from error


def find_data_spaces(source: Source, metadata: dict[str, Any], environment: str) -> Spaces:
    """What the dataset shows and takes: as it says, else what its environment does.

    Raises `DatasetError` naming the file where that cannot be read or is not supported.
    """
    where = str(source.path)
    texts = {key: metadata.get(key) for key in ("observation_space", "action_space")}
    # Minari leaves the spaces out where they are the environment's own.
    if None not in texts.values():
        try:
            return Spaces(
                parse_layout(_text(texts, "observation_space"), f"{where}, observation_space"),
                parse_action_space(_text(texts, "action_space"), f"{where}, action_space"),
            )
        except UNREADABLE as error:
            raise source.broken(f"its spaces cannot be read ({error!r})") from error
    if not environment:
        raise source.broken("it names neither the spaces nor the environment")
    return find_spaces(environment, where)


def find_references(source: Source, metadata: dict[str, Any]) -> tuple[float, float] | None:
    """The returns that mark 0 and 100, `ref_min_score` and `ref_max_score`; None where they are not both given.

    Raises `DatasetError` naming the file where they mark no scale.
    """
    low, high = (metadata.get(key) for key in ("ref_min_score", "ref_max_score"))
    if low is None or high is None:
        return None
    if not all(map(_is_number, (low, high))) or low == high:
        raise DatasetError(
            f"{source.path}: ref_min_score {low!r:.80} and ref_max_score {high!r:.80} are not two different numbers."
        )
    return float(low), float(high)


def find_labels(source: Source, metadata: dict[str, Any]) -> dict[str, str]:
    """What was done to a set that this project exported: curation, relabeling, fingerprint; empty for all others.

    Raises `DatasetError` where one of them is no text.
    """
    told = metadata.get(PROVENANCE)
    if told is None:
        return {}
    if not isinstance(told, dict) or not all(isinstance(told.get(name), str) for name in LABELS):
        raise source.odd(f"{PROVENANCE} must hold texts for {', '.join(LABELS)}, as `datasets export` writes them")
    return {name: told[name] for name in LABELS}


def find_parts(source: Source, metadata: dict[str, Any]) -> tuple[str, ...]:
    """The ids of the sets that this one was combined from, each once; none where it was not.

    Raises `DatasetError` naming the file where they are no texts.
    """
    parts = metadata.get("combined_datasets") or []
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise source.broken("its combined_datasets is not a list of ids")
    return tuple(dict.fromkeys(parts))


def of_folder(folder: Path, remedy: str = "") -> Source:
    """The metadata file of the dataset in `folder`."""
    return Source(folder / "data" / "metadata.json", remedy)


def _is_number(value: Any) -> bool:
    if type(value) not in (int, float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def _text(texts: dict[str, Any], key: str) -> str:
    if not isinstance(texts[key], str):
        raise TypeError(f"{key} is not a text")
    return str(texts[key])


def _refuse_old(source: Source) -> None:
    """Say so where the metadata is missing because Minari before 0.5 kept it in the HDF5 file."""
    main = Source(source.path.with_name("main_data.hdf5"), source.remedy)
    if not main.path.is_file():
        return
    with open_hdf5(main) as file:
        version = file.file.attrs.get("minari_version") if "total_episodes" in file.file.attrs else None
    if version is not None:
        raise DatasetError(
            f"{main.path} was written by Minari {version}, and that layout is not supported. Fetch a newer version of "
            f"the dataset, in the layout of Minari {NEWEST} with a metadata.json."
        )
