"""Writing datasets in Minari's format: whole, or not at all."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from offline_bench.core.errors import EnvironmentMismatchError, OfflineBenchError, StorageError
from offline_bench.core.storage import scratch_folder, write_text
from offline_bench.data.dataset import Dataset
from offline_bench.data.episode import Episode
from offline_bench.data.loaders.columns import NEXT, TRUE
from offline_bench.data.loaders.origin import MARK
from offline_bench.environments.flat import unflatten
from offline_bench.environments.gymnasium_library import import_gymnasium
from offline_bench.environments.name import portable_spec
from offline_bench.environments.refusal import explain_refusal


def write_minari(
    cache: Path,
    dataset_id: str,
    environment: str,
    episodes: Sequence[dict[str, Any]],
    origin: Mapping[str, str] | None = None,
    **about: Any,
) -> None:
    """Write `episodes` into the folder `cache` as the Minari dataset `dataset_id`, which must not be there yet.

    Each episode holds the fields of a Minari `EpisodeBuffer` but its id; observations are those that
    `make_environment(environment)` shows, and are written as the environment itself shows them: with goals, as a dict.
    `origin` is where relabeled or curated data comes from, as `find_origin` tells it: metadata.json has it.
    `about` goes to Minari: `author`, `description`, ...
    Raises `StorageError` where the folder or the disk does not take it; nothing is left behind.
    """
    target = cache / dataset_id
    try:
        with _scratch_root(cache) as root:
            _create(dataset_id, environment, episodes, about)
            if origin is not None:
                _mark(root / dataset_id / "data" / "metadata.json", origin)
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


def split_episodes(data: Dataset, both_rewards: bool = False) -> Iterator[dict[str, Any]]:
    """The episodes of `data` as `write_minari` takes them; with `both_rewards`, the true ones in `infos`.

    Minari keeps T+1 observations of an episode of T steps; where a step's next observation is not what the next step
    saw, those of the episode are in its `infos` too.
    """
    for start, end in zip(data.episode_starts, data.episode_ends, strict=True):
        rows = slice(start, end + 1)
        seen, following = data.observations[rows], data.next_observations[rows]
        infos = {NEXT[1]: following} if (following[:-1] != seen[1:]).any() else {}
        if both_rewards:
            infos[TRUE[1]] = data.true_rewards[rows]
        yield {
            "observations": np.concatenate([seen, following[-1:]]),
            "actions": data.actions[rows],
            "rewards": data.rewards[rows] if both_rewards else data.true_rewards[rows],
            "terminations": data.terminals[rows],
            "truncations": data.timeouts[rows],
            "infos": {NEXT[0]: infos} if infos else {},
        }


def _mark(path: Path, origin: Mapping[str, str]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    write_text(path, json.dumps({**content, MARK: dict(origin)}))


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
