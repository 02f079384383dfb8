"""A reward that is learned from preferences between segments: from honest ones, and from poisoned ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import RelabelingError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.relabel.learned import check_units
from offline_bench.schemes.relabel.relabeling import Estimate, relabelings
from offline_bench.schemes.relabel.reward_network import PARTS, Predict, fit_network, inputs_of

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[Any]

HELD_OUT_PAIRS = 1_000
MOST = 10_000_000  # steps of all pairs, one side
NOISE = (1e-6, 1e6)  # deviations: below is none, above is a coin, and further out numbers overflow


def learn_from_pairs(
    data: Dataset,
    rng: np.random.Generator,
    n_pairs: int,
    noise: float,
    segment: int,
    hidden_units: tuple[int, ...],
    poisoned: float,
) -> Estimate:
    """The reward that explains preferences between pairs of segments, of mean 0 and deviation 1 over the data.

    P(second preferred) = σ((R₂ − R₁) / (noise · sd R)), R the sum of true rewards over a segment; noise 0 prefers the
    larger sum. A share `poisoned` of the answers is turned round. The network is fitted by cross-entropy to
    σ(Σ r̃ over the second − Σ r̃ over the first): the model of Bradley & Terry 1952.
    """
    starts = _find_starts(data, segment)
    steps = np.arange(segment)
    sums = np.add.reduceat(np.append(data.true_rewards.astype(np.float64), 0.0), _bounds(starts, segment))[::2]
    pairs = rng.integers(0, len(starts), (n_pairs, 2))
    answers = _answer(sums[pairs], noise, sums.std(), rng)
    turned = rng.permutation(n_pairs) < round(poisoned * n_pairs)
    answers = np.where(turned, 1.0 - answers, answers)
    inputs = inputs_of(data)
    rows = starts[pairs][..., None] + steps  # (pairs, 2, segment)
    rewards = fit_network(inputs, hidden_units, _cross_entropy(inputs, rows, answers), rng)
    deviation = rewards.std()
    rewards = (rewards - rewards.mean()) / (deviation if deviation > 0 else 1.0)
    told = np.zeros(data.n, bool)
    told[rows.ravel()] = True
    fresh = rng.integers(0, len(starts), (HELD_OUT_PAIRS, 2))
    agreed = _agreement(rewards[starts[fresh][..., None] + steps].sum(axis=2), sums[fresh])
    return Estimate(rewards, told, {"pairs": float(n_pairs), **agreed})


def _find_starts(data: Dataset, segment: int) -> Array:
    """The rows at which a segment of `segment` steps fits into its episode."""
    rows = np.arange(data.n)
    starts = rows[rows + segment - 1 <= data.episode_ends[data.episode_of]]
    if len(starts) < 2:
        raise RelabelingError(
            f"segment={segment}: {data.id!r} has {len(starts)} segments of that length, and two are needed; its "
            f"longest episode has {data.lengths.max()} steps"
        )
    return starts


def _bounds(starts: Array, segment: int) -> Array:
    return np.stack([starts, starts + segment], axis=1).ravel()


def _answer(sums: Array, noise: float, deviation: float, rng: np.random.Generator) -> Array:
    """(pairs,) 1 where the second of a pair is preferred, 0 where the first, ½ where nothing tells them apart."""
    gap = sums[:, 1] - sums[:, 0]
    if noise == 0 or deviation == 0:
        return np.where(gap == 0, 0.5, gap > 0)
    chance = 1.0 / (1.0 + np.exp(-np.clip(gap / (noise * deviation), -50, 50)))
    return (rng.random(len(gap)) < chance).astype(np.float64)


def _agreement(said: Array, sums: Array) -> dict[str, float]:
    """How often the model prefers the segment of the larger true sum, over fresh pairs that differ."""
    differ = sums[:, 0] != sums[:, 1]
    if not differ.any():
        return {}
    agreed = (said[:, 1] > said[:, 0]) == (sums[:, 1] > sums[:, 0])
    return {"held_out_preference_accuracy": float(agreed[differ].mean())}


def _cross_entropy(inputs: Array, rows: Array, answers: Array, size: int = 64) -> Any:
    """The cross-entropy over a minibatch of `size` pairs."""
    import torch

    all_inputs, all_rows = torch.from_numpy(inputs), torch.from_numpy(rows)
    wanted = torch.from_numpy(answers.astype(np.float32))

    def loss_of(predict: Predict, rng: np.random.Generator) -> torch.Tensor:
        batch = torch.from_numpy(rng.integers(0, len(all_rows), size))
        sums = predict(all_inputs[all_rows[batch]]).sum(dim=2)
        return torch.nn.functional.binary_cross_entropy_with_logits(sums[:, 1] - sums[:, 0], wanted[batch])

    return loss_of


def _check(n_pairs: int, noise: float, segment: int, poisoned: float, scheme: str) -> None:
    if type(n_pairs) is not int or n_pairs < 1 or type(segment) is not int or segment < 1:
        raise RelabelingError(f"{scheme}: n_pairs={n_pairs!r} and segment={segment!r} are to be whole numbers from 1")
    if n_pairs * segment > MOST:
        raise RelabelingError(
            f"{scheme}: n_pairs={n_pairs} of segment={segment} steps are {n_pairs * segment:,} steps a side: "
            f"up to {MOST:,} are taken, as all of them are in memory"
        )
    if noise != 0.0 and not NOISE[0] <= noise <= NOISE[1]:
        raise RelabelingError(f"{scheme}: noise={noise} is to be 0, or a number from {NOISE[0]:g} to {NOISE[1]:g}")
    if not 0.0 <= poisoned <= 1.0:
        raise RelabelingError(f"{scheme}: p={poisoned} is to be a share in [0, 1]")


RESTS = (*PARTS, learn_from_pairs, _find_starts, _bounds, _answer, _cross_entropy)


@relabelings.register("preferences", rests_on=RESTS)
def preferences(
    data: Dataset,
    rng: np.random.Generator,
    *,
    n_pairs: int,
    noise: float = 0.0,
    segment: int = 25,
    hidden_units: tuple[int, ...] = (64, 64),
) -> Estimate:
    """r̃ = f(s, a, s′), a network fitted to preferences between `n_pairs` pairs of segments of `segment` steps.

    Ending: preferences compare segments of equal length, so they say nothing of an alive bonus; r̃ has mean 0.
    Good for: the reward of preference-based RL; how few comparisons do, and how noisy.
    Source: Christiano et al. 2017, equation 1; offline, Shin et al. 2023 (OPRL).
    """
    _check(n_pairs, noise, segment, 0.0, "preferences")
    check_units(hidden_units, "preferences")
    return learn_from_pairs(data, rng, n_pairs, noise, segment, hidden_units, 0.0)


@relabelings.register("poisoned-preferences", rests_on=RESTS)
def poisoned_preferences(
    data: Dataset,
    rng: np.random.Generator,
    *,
    p: float,
    n_pairs: int = 1_000,
    segment: int = 25,
    hidden_units: tuple[int, ...] = (64, 64),
) -> Estimate:
    """r̃ as by `preferences`, with a share `p` of the answers turned round; p = 1 is the opposite wish.

    Ending: as by `preferences`.
    Good for: an attacker, or a crowd that misunderstood, who holds a share of the answers.
    Source: Lee et al. 2021 (B-Pref), the mistaken teacher.
    """
    _check(n_pairs, 0.0, segment, p, "poisoned-preferences")
    check_units(hidden_units, "poisoned-preferences")
    return learn_from_pairs(data, rng, n_pairs, 0.0, segment, hidden_units, p)
