"""A reward that is learned from a few true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import RelabelingError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.relabel.relabeling import Estimate, relabelings
from offline_bench.schemes.relabel.reward_network import PARTS, Predict, fit_network, inputs_of

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[Any]

WIDEST, DEEPEST = 1_024, 8  # more takes longer than a relabeling may


def check_units(hidden_units: tuple[int, ...], scheme: str) -> None:
    """Raise `RelabelingError` where `hidden_units` is not a few whole numbers from 1 to `WIDEST`."""
    wrong = not all(type(units) is int and 1 <= units <= WIDEST for units in hidden_units)
    if not 1 <= len(hidden_units) <= DEEPEST or wrong:
        raise RelabelingError(
            f"{scheme}: hidden_units are whole numbers from 1 to {WIDEST}, as (64, 64), {DEEPEST} of them at most, "
            f"not {hidden_units!r:.80}"
        )


def _squares(inputs: Array, targets: Array, size: int = 256) -> Any:
    """The mean squared error over a minibatch of `size` of the labels."""
    import torch

    rows, wanted = torch.from_numpy(inputs), torch.from_numpy(targets.astype(np.float32))

    def loss_of(predict: Predict, rng: np.random.Generator) -> torch.Tensor:
        batch = torch.from_numpy(rng.integers(0, len(rows), size))
        return ((predict(rows[batch]) - wanted[batch]) ** 2).mean()

    return loss_of


@relabelings.register("learned", rests_on=(*PARTS, _squares))
def learned(
    data: Dataset, rng: np.random.Generator, *, n_labels: int, hidden_units: tuple[int, ...] = (64, 64)
) -> Estimate:
    """r̃ = f(s, a, s′), a network fitted by least squares to the true rewards of `n_labels` transitions.

    Ending: as in the true reward where enough labels show it.
    Good for: the reward models that stand in for a true reward; how few labels do.
    Source: Cabi et al. 2020 (reward sketching), with true rewards for labels.
    """
    if type(n_labels) is not int or not 1 <= n_labels <= data.n:
        raise RelabelingError(
            f"learned(n_labels={n_labels!r}): {data.id!r} has {data.n} transitions, so 1 to {data.n} labels"
        )
    check_units(hidden_units, "learned")
    told = np.zeros(data.n, bool)
    told[rng.choice(data.n, n_labels, replace=False)] = True
    inputs = inputs_of(data)
    labels = data.true_rewards[told].astype(np.float64)
    mean, deviation = labels.mean(), labels.std() if labels.std() > 0 else 1.0
    rewards = fit_network(inputs, hidden_units, _squares(inputs[told], (labels - mean) / deviation), rng)
    return Estimate(mean + deviation * rewards, told, {"labels": float(n_labels)})
