"""`ActionRange`: the box in which a learner of continuous actions moves. It is finite for every action space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offline_bench.data.dataset import ActionSpace, Array, Dataset


@dataclass(frozen=True, eq=False)
class ActionRange:
    """Bounds low and high, each (action_size,) float32, finite. Where they are equal the action is one constant.

    from_data  (action_size,) bool, where the action space leaves one open and the data gave it
    """

    low: Array
    high: Array
    from_data: Array

    @property
    def constant(self) -> Array:
        """(action_size,) bool, where only one action is possible."""
        return np.asarray(self.low == self.high)

    @property
    def is_unit(self) -> bool:
        """Whether it is [-1, 1] in every dimension."""
        return bool((self.low == -1.0).all() and (self.high == 1.0).all())


def find_action_range(data: Dataset) -> ActionRange:
    """The bounds of the action space; where one is not finite, the least or greatest action of `data` in its place.

    Bounds so far apart that their distance is no float32 bound nothing, and are both taken from the data.
    """
    return range_of(data.actions, data.action_space)


def range_of(actions: Array, space: ActionSpace) -> ActionRange:
    """`find_action_range` of actions (n, action_size) in the box `space`."""
    open_below, open_above = ~np.isfinite(space.low), ~np.isfinite(space.high)
    with np.errstate(all="ignore"):
        too_wide = ~np.isfinite(space.high - space.low) & ~open_below & ~open_above
    low = np.where(open_below | too_wide, actions.min(axis=0), space.low).astype(np.float32)
    high = np.where(open_above | too_wide, actions.max(axis=0), space.high).astype(np.float32)
    # An action may lie outside its box by rounding.
    return ActionRange(low, np.maximum(low, high), open_below | open_above | too_wide)
