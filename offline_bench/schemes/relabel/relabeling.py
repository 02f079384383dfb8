"""What a relabeling is, and carrying one out: it decides what reward each transition carries, no more.

A relabeling is a pure function `(data, rng, *, parameters) -> rewards (n,)`. It is handed read-only arrays and
returns rewards; `relabel` attaches them, sharing every other array of the dataset. Several make a chain,
`noisy(scale=0.5) > clipped(high=1.0, low=0.0)`: each is handed the rewards of the one before it as the true ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import OfflineBenchError, RelabelingContractError
from offline_bench.core.plugins import own_line
from offline_bench.core.registry import Component, Registry
from offline_bench.core.seeds import relabeling_rng
from offline_bench.data.dataset import Dataset, is_write, protect
from offline_bench.data.seal import watch
from offline_bench.schemes.relabel.accuracy import measure_accuracy

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a relabeling that learns a reward returns, instead of the rewards alone.

    rewards  (n,) what the model says
    told     (n,) bool, the transitions whose reward it was told of; its accuracy is measured on the others
    facts    more numbers on how well it learned, by their names
    """

    rewards: Array
    told: Array
    facts: Mapping[str, float] = field(default_factory=dict)


relabelings: Registry[Callable[..., Array | Estimate]] = Registry("relabeling", handed=2, chained=True)


def relabel(data: Dataset, text: str, seed: int = 0) -> Dataset:
    """`data` with the rewards that the relabeling `text` gives, drawn from the relabeling stream of `seed`.

    Each stage of a chain draws from a stream of its own; the first, or only one, from that which it has alone.
    Raises `RelabelingContractError`, with the relabeling's name and what it did, where it returned the wrong shape, a
    type that is no number or values that are not finite, tried to write into the data or did so, or raised; the
    `RelabelingError` of its own where it refuses; `SpecError` and `UnknownNameError` where `text` names none.
    """
    component = relabelings.bind(text)
    stages = component.stages
    handed, facts = data, dict[str, float]()
    for number, stage in enumerate(stages):
        name = str(stage) if len(stages) == 1 else f"{stage} (stage {number + 1} of {component})"
        returned = _call(stage, handed, relabeling_rng(seed, number), name)
        rewards = _check(np.asarray(getattr(returned, "rewards", returned)), name, data.n)
        facts |= _find_facts(returned, rewards, data, f"stage {number + 1}: " if len(stages) > 1 else "")
        if number + 1 < len(stages):
            handed = replace(data, true_rewards=rewards, rewards=rewards)
    return data.with_rewards(rewards, str(component), facts)


def _call(stage: Component[Any], data: Dataset, rng: np.random.Generator, name: str) -> Any:
    """What the relabeling `stage` returns, as an array or as an `Estimate`."""
    try:
        with watch(data, partial(_refuse_change, name)):
            # A copy of the frame around the same arrays: whatever is done to its attributes stays there.
            returned = stage(copy(data), rng)
            return returned if isinstance(returned, Estimate) else np.asarray(returned)
    except OfflineBenchError:
        raise
    except Exception as error:
        what, remedy = "raised", ""
        if is_write(error):
            what, remedy = "tried to write into the data", ". The data is read-only: write into a copy of the array"
        where = own_line(error, inspect.getsourcefile(stage.function))
        raise RelabelingContractError(
            f"relabeling {name} {what}{where}: {type(error).__name__}: {error}{remedy}"
        ) from error


def _find_facts(returned: Any, rewards: Array, data: Dataset, prefix: str) -> dict[str, float]:
    """How accurate a learned reward is, against the true one of `data`; nothing for any other."""
    if not isinstance(returned, Estimate):
        return {}
    facts = {**returned.facts, **measure_accuracy(rewards, data.true_rewards, ~returned.told)}
    return {f"{prefix}{name}": value for name, value in facts.items()}


def _refuse_change(name: str, what: str) -> RelabelingContractError:
    told = "changed the data it was given: return rewards only"
    return RelabelingContractError(f"relabeling {name} {told} (changed: {what})")


def _check(rewards: Array, name: str, n: int) -> Array:
    if rewards.dtype == object and rewards.shape == () and rewards[()] is None:
        raise RelabelingContractError(f"relabeling {name} returned None: return the rewards")
    if rewards.shape != (n,):
        raise RelabelingContractError(
            f"relabeling {name} returned shape {rewards.shape}: one reward per transition is ({n},), as this data has "
            f"{n} transitions. Return an array of shape (data.n,)"
        )
    if rewards.dtype.kind not in "fiub":
        raise RelabelingContractError(f"relabeling {name} returned dtype {rewards.dtype}: rewards are numbers")
    with np.errstate(over="ignore"):
        rewards = rewards.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(rewards))
    if len(bad):
        raise RelabelingContractError(
            f"relabeling {name} returned {rewards[bad[0]]} at row {bad[0]}; {len(bad)} of its {n} rewards are not "
            "finite. Give each transition a finite number"
        )
    return protect(rewards)
