"""What a relabeling asks for, seen before anything trains: how its rewards lie, and what they go with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.data.dataset import Dataset
from offline_bench.schemes.relabel.accuracy import correlate, correlate_ranks

Array = npt.NDArray[Any]

DISCOUNT = 0.99
FEWEST = 3  # episodes, for an interval
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Properties:
    """Of a relabeled dataset; None where a number is undefined, as the correlation with what never changes.

    mean, deviation     of the rewards r̃ over transitions
    quantiles           of them, at `QUANTILES`
    zero_share          the share of transitions whose r̃ is 0
    step_correlation    Pearson's, of r̃ with the true r over transitions
    step_rank_correlation     Spearman's of these
    return_correlation        Pearson's, of relabeled with true returns over episodes
    return_rank_correlation   Spearman's of these
    length_correlation        Spearman's, of the relabeled return with the episode's length
    at_terminals        mean r̃ of the transitions that ended the task
    going_on            mean r̃ of the others / (1 − discount): what living on at the mean reward pays
    ending_pays         (at_terminals − going_on) / deviation, in deviations of r̃; above 0, ending early pays
    ending_reach        half the 95 % interval of at_terminals − going_on, in units of r̃; None below three episodes
    facts               what a relabeling that learned its reward tells of itself
    """

    dataset: str
    relabeling: str
    transitions: int
    episodes: int
    mean: float
    deviation: float
    quantiles: tuple[float, ...]
    zero_share: float
    step_correlation: float | None
    step_rank_correlation: float | None
    return_correlation: float | None
    return_rank_correlation: float | None
    length_correlation: float | None
    at_terminals: float | None
    going_on: float | None
    ending_pays: float | None
    ending_reach: float | None = None
    facts: dict[str, float] = field(default_factory=dict)


def measure_properties(data: Dataset, discount: float = DISCOUNT) -> Properties:
    """The properties of `data`, which a relabeling has been at.

    A return is the undiscounted sum over an episode. Ending is weighed as a learner with `discount` would: what the
    last reward pays, against living on for ever at the mean reward of the steps that did not end the task.
    """
    rewards = data.rewards.astype(np.float64)
    returns = np.add.reduceat(rewards, data.episode_starts)
    # The deviation of equal numbers is rounding, and has to be nothing.
    deviation = float(rewards.std()) if (rewards != rewards[0]).any() else 0.0
    ended, going_on = _weigh_ending(rewards, data.terminals, discount)
    pays = (ended - going_on) / deviation if ended is not None and going_on is not None and deviation > 0 else None
    return Properties(
        dataset=data.id,
        relabeling=data.relabeling,
        transitions=data.n,
        episodes=data.n_episodes,
        mean=float(rewards.mean()),
        deviation=deviation,
        quantiles=tuple(float(value) for value in np.quantile(rewards, QUANTILES)),
        zero_share=float((rewards == 0).mean()),
        step_correlation=correlate(rewards, data.true_rewards),
        step_rank_correlation=correlate_ranks(rewards, data.true_rewards),
        return_correlation=correlate(returns, data.true_returns),
        return_rank_correlation=correlate_ranks(returns, data.true_returns),
        length_correlation=correlate_ranks(returns, data.lengths),
        at_terminals=ended,
        going_on=going_on,
        ending_pays=pays,
        ending_reach=_reach_of_ending(rewards, data, discount),
        facts=dict(data.relabeling_facts),
    )


def _weigh_ending(rewards: Array, terminals: Array, discount: float) -> tuple[float | None, float | None]:
    """Mean reward at terminals, and mean reward elsewhere for ever; None where there are no such transitions."""
    ended = float(rewards[terminals].mean()) if terminals.any() else None
    going_on = float(rewards[~terminals].mean() / (1.0 - discount)) if not terminals.all() else None
    return ended, going_on


def _reach_of_ending(rewards: Array, data: Dataset, discount: float) -> float | None:
    """Half the 95 % interval of what ending pays: the jackknife over episodes with Student's t (Tukey 1958)."""
    from scipy.special import stdtrit

    columns = (data.terminals, ~data.terminals, rewards * data.terminals, rewards * ~data.terminals)
    sums = np.stack([np.add.reduceat(np.asarray(one, np.float64), data.episode_starts) for one in columns])
    ends, others, paid, going = sums.sum(axis=1, keepdims=True) - sums
    if data.n_episodes < FEWEST or not ends.all() or not others.all():
        return None
    without = paid / ends - going / others / (1.0 - discount)
    variance = (data.n_episodes - 1) / data.n_episodes * ((without - without.mean()) ** 2).sum()
    return float(stdtrit(data.n_episodes - 1, 0.975) * np.sqrt(variance))


def tell_ending(found: Properties) -> str:
    """One sentence: whether ending an episode early pays under these rewards."""
    if found.at_terminals is None or found.going_on is None:
        return "No episode here is ended by the task, so nothing says whether ending early pays."
    gap = found.at_terminals - found.going_on
    if gap == 0:
        return "Ending an episode early pays as much as going on."
    reach = found.ending_reach
    if reach is not None and abs(gap) <= reach:
        return (
            "Whether ending an episode early pays cannot be told: "
            f"the difference is {gap:.4g}, give or take {reach:.4g} (95 % interval over episodes)."
        )
    verb = "pays" if gap > 0 else "costs"
    give = "" if reach is None else f", give or take {reach:.4g}"
    return (
        f"Ending an episode early {verb} {abs(gap):.4g}{give}: the last reward of an episode that the task ended is "
        f"{found.at_terminals:.4g} on average, and going on for ever at the mean reward is worth {found.going_on:.4g}, "
        f"at a discount of {DISCOUNT}."
    )
