"""The plug-in contracts as functions: each raises where a plug-in breaks its contract, and returns nothing else."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import partial

import numpy as np

from offline_bench.core.errors import CurationError, RelabelingContractError, RelabelingError
from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.data.loaders import load, load_cards
from offline_bench.data.seal import watch
from offline_bench.schemes.curate import curate, curations, needed_datasets
from offline_bench.schemes.curate.curation import refuse_change
from offline_bench.schemes.relabel import relabel


def check_relabeling(text: str) -> None:
    """The contract of a relabeling, tried on small datasets: raises `RelabelingError` saying what it broke.

    Finite rewards of shape (n,) whatever the data; the data untouched; the same rewards for the same seed.
    Datasets that the relabeling refuses with an error of its own, as too short for its parameters or without what it
    reads from a card, are passed over; one at least it has to take.
    """
    tried = [(data, _try_relabeling(text, data)) for data in [*sample_datasets(), *samples_with_cards()]]
    if all(isinstance(found, str) for _, found in tried):
        told = f"refused every sample dataset, so it was not tried: {tried[0][1]}"
        raise RelabelingError(f"relabeling {text} {told}")
    for data, first in tried:
        if isinstance(first, Dataset) and not np.array_equal(first.rewards, relabel(data, text, seed=1).rewards):
            raise RelabelingContractError(
                f"relabeling {text} gave two results for one seed: draw only from the rng it is given"
            )


def _try_relabeling(text: str, data: Dataset) -> Dataset | str:
    """`data` relabeled, or what the relabeling itself says against it. Raises what it broke."""
    try:
        return relabel(data, text, seed=1)
    except RelabelingContractError:
        raise
    except RelabelingError as error:
        return str(error)


def check_curation(text: str) -> None:
    """The contract of a curation, tried on small datasets: raises `CurationError` saying what it broke.

    A selection that keeps the rules of `Selection`; the data untouched; the same selection every time. One that mixes
    in another dataset is tried on that one itself, as nothing small is of its task. Datasets that the curation refuses
    with an error of its own, as too short for its parameters, are passed over; one at least it has to take.
    """
    samples = [load(name) for name in needed_datasets(text)] or sample_datasets()
    refusals = [_refusal(text, data) for data in samples]
    if all(refusals):
        raise CurationError(f"curation {text} refused every sample dataset, so it was not tried: {refusals[-1]}")
    for data in (data for data, refusal in zip(samples, refusals, strict=True) if not refusal):
        first, again = curate(data, text), curate(data, text)
        if first.fingerprint != again.fingerprint:
            raise CurationError(
                f"curation {text} selected differently the second time: take a seed as a parameter, and draw from it "
                "alone"
            )


def _refusal(text: str, data: Dataset) -> str:
    """What the curation itself says against `data`; '' where it takes it, or breaks in a way that is not deliberate."""
    # Watched from outside: what was written before a refusal is no refusal.
    with watch(data, partial(refuse_change, text)):
        try:
            curations.bind(text)(copy(data))
        except CurationError as error:
            return str(error)
        except Exception:  # noqa: BLE001 - `curate` says what that is
            return ""
    return ""


def sample_datasets() -> list[Dataset]:
    """Small datasets that between them show a plug-in what data can be like; fresh arrays at every call."""
    return [
        sample_dataset([5, 1, 8, 3], terminal=[True, False, False, True]),
        sample_dataset([1000], terminal=[False]),
        sample_dataset([1] * 6 + [2], terminal=[True, False] * 3 + [False]),
        sample_dataset([20, 20], terminal=[False, False], reward=1.0),
    ]


def samples_with_cards() -> list[Dataset]:
    """One small dataset for each task that has a card here and continuous actions, with its id and its observations."""
    cards = {card.task.name: card for card in load_cards().values() if card.task.observation_mean}
    return [
        replace(
            sample_dataset([6, 2, 40, 12], [True, False, True, False], size=len(card.task.observation_mean)),
            id=card.id,
            environment=card.task.environment,
        )
        for card in cards.values()
    ]


def sample_dataset(
    lengths: list[int], terminal: list[bool], reward: float | None = None, seed: int = 0, size: int = 3
) -> Dataset:
    """Episodes of the given lengths in a random walk of `size` dimensions with 2 actions, ending as `terminal` says."""
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    ends = np.cumsum(lengths) - 1
    ended = np.zeros(n, bool)
    ended[ends] = terminal
    cut = np.zeros(n, bool)
    cut[ends] = ~np.asarray(terminal)
    observations = rng.standard_normal((n, size)).astype(np.float32)
    next_observations = np.roll(observations, -1, axis=0)
    next_observations[ends] = rng.standard_normal((len(ends), size))
    return Dataset(
        id="sample",
        environment="",
        action_space=ActionSpace(-np.ones(2, np.float32), np.ones(2, np.float32)),
        observations=observations,
        actions=rng.uniform(-1, 1, (n, 2)).astype(np.float32),
        next_observations=next_observations,
        true_rewards=rng.standard_normal(n).astype(np.float32) if reward is None else np.full(n, reward, np.float32),
        terminals=ended,
        timeouts=cut,
    )
