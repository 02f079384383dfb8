"""Writing datasets in Minari's format: whole, or not at all."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from offline_bench.core.errors import EnvironmentMismatchError, OfflineBenchError, StorageError
from offline_bench.core.storage import scratch_folder
from offline_bench.data.dataset import Dataset
from offline_bench.data.episode import Episode
from offline_bench.data.loaders.columns import NEXT, TRUE
from offline_bench.environments.flat import unflatten
from offline_bench.environments.gymnasium_library import import_gymnasium
from offline_bench.environments.name import portable_spec
from offline_bench.environments.refusal import explain_refusal


def write_minari(
    cache: Path, dataset_id: str, environment: str, episodes: Sequence[dict[str, Any]], **about: Any
) -> None:
    """Write `episodes` into the folder `cache` as the Minari dataset `dataset_id`, which must not be there yet.

    Each episode holds the fields of a Minari `EpisodeBuffer` but its id; observations are those that
    `make_environment(environment)` shows, and are written as the environment itself shows them: with goals, as a dict.
    `about` goes to Minari: `author`, `description`, ...
    Raises `StorageError` where the folder or the disk does not take it; nothing is left behind.
    """
    target = cache / dataset_id
    try:
        with _scratch_root(cache) as root:
            _create(dataset_id, environment, episodes, about)
            target.parent.mkdir(parents=True, exist_ok=True)
            (root / dataset_id).rename(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"cannot write dataset {dataset_id} to {cache}: {reason}. Nothing was left there."
        ) from error


def lay_out(episode: Episode) -> dict[str, Any]:
    """`episode` as one of those that `write_minari` takes."""
    last = np.arange(episode.length) == episode.length - 1
    return {
        "seed": episode.seed,
        "observations": episode.observations,
        "actions": episode.actions,
        "rewards": episode.rewards,
        "terminations": last & episode.terminated,
        "truncations": last & (not episode.terminated),
        "infos": {},
    }


def take_apart(data: Dataset, relabeled: bool = False) -> Iterator[dict[str, Any]]:
    """The episodes of `data` as `write_minari` takes them.

    relabeled   whether rewards are those that a learner sees, with the true ones in `infos`; else the true ones
    """
    for start, end in zip(data.episode_starts, data.episode_ends, strict=True):
        rows = slice(start, end + 1)
        seen, following = data.observations[rows], data.next_observations[rows]
        infos = {NEXT[1]: following} if (following[:-1] != seen[1:]).any() else {}
        infos |= {TRUE[1]: data.true_rewards[rows]} if relabeled else {}
        yield {
            "observations": np.concatenate([seen, following[-1:]]),
            "actions": data.actions[rows],
            "rewards": (data.rewards if relabeled else data.true_rewards)[rows],
            "terminations": data.terminals[rows],
            "truncations": data.timeouts[rows],
            "infos": {NEXT[0]: infos} if infos else {},
        }


def _create(dataset_id: str, environment: str, episodes: Sequence[dict[str, Any]], about: dict[str, Any]) -> None:
    """Have Minari write the dataset into the folder that it takes for its root."""
    from minari import create_dataset_from_buffers
    from minari.data_collector import EpisodeBuffer

    try:
        spec = portable_spec(environment)
        made = import_gymnasium().make(spec)
    except OfflineBenchError:
        raise
    except Exception as error:
        raise EnvironmentMismatchError(explain_refusal(environment, error)) from error
    spaces = {"observation_space": made.observation_space, "action_space": made.action_space}
    made.close()
    shown = [unflatten(episode["observations"], spaces["observation_space"]) for episode in episodes]
    buffers = [
        EpisodeBuffer(id=number, **{**episode, "observations": observations})
        for number, (episode, observations) in enumerate(zip(episodes, shown, strict=True))
    ]
    with warnings.catch_warnings():
        # Minari warns of fields for publishing: a permalink, an address.
        warnings.filterwarnings("ignore", message=".* is set to None", category=UserWarning)
        create_dataset_from_buffers(dataset_id, buffers, env=spec, **spaces, **about)


@contextmanager
def _scratch_root(cache: Path) -> Iterator[Path]:
    """A folder in `cache` that Minari takes for its root meanwhile; gone afterwards with what is left in it."""
    before = os.environ.get("MINARI_DATASETS_PATH")
    with scratch_folder(cache, "building") as root:
        os.environ["MINARI_DATASETS_PATH"] = str(root)
        try:
            yield root
        finally:
            del os.environ["MINARI_DATASETS_PATH"]
            if before is not None:
                os.environ["MINARI_DATASETS_PATH"] = before
