"""`Extent`: how large a dataset is and what shapes it has, which is known where its numbers need not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from offline_bench.data.action_range import find_action_range
from offline_bench.data.dataset import ActionSpace, Dataset

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Extent:
    """The sizes of a dataset.

    id, environment    as the dataset has them
    n, longest         its transitions, and those of its longest episode
    observation_shape  of one observation
    discrete           how many discrete actions there are; 0 for a box
    low, high          (action_size,) the bounds of the box; empty for discrete actions
    least, greatest    (action_size,) those that a learner moves in, see `find_action_range`
    """

    id: str
    environment: str
    n: int
    longest: int
    observation_shape: tuple[int, ...]
    discrete: int
    low: Numbers
    high: Numbers
    least: Numbers
    greatest: Numbers

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """That of `data`."""
        space, moved = data.action_space, None if data.action_space.discrete else find_action_range(data)
        bounds = (space.low, space.high, *((moved.low, moved.high) if moved else (space.low, space.high)))
        sizes = (data.n, int(data.lengths.max()), data.observations.shape[1:], space.n)
        return cls(data.id, data.environment, *sizes, *(tuple(map(float, bound)) for bound in bounds))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """What `to_dict` gave, from JSON or not. Raises `TypeError`, `ValueError` where it is no such thing."""
        told: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
        }
        extent = cls(**told)
        extent.stand_in()
        return extent

    def to_dict(self) -> dict[str, Any]:
        """Its fields by name."""
        return asdict(self)

    def stand_in(self) -> Dataset:
        """A dataset of two transitions with these shapes, spaces and bounds, all of its observations and rewards 0.

        Raises what building a dataset raises.
        """
        low, high = (np.array(bound, np.float32) for bound in (self.low, self.high))
        space = ActionSpace(low, high, self.discrete)
        seen, last = np.zeros((2, *self.observation_shape), np.float32), np.array([False, True])
        return Dataset(
            id=self.id,
            environment=self.environment,
            action_space=space,
            observations=seen,
            actions=np.zeros(2, np.int64) if space.discrete else np.array([self.least, self.greatest], np.float32),
            next_observations=seen,
            true_rewards=np.zeros(2, np.float32),
            terminals=np.zeros(2, bool),
            timeouts=last,
        )
