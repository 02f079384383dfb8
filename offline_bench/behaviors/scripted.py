"""What a scripted behavior is, and the names of those there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from offline_bench.core.registry import Registry

Array = npt.NDArray[Any]

# (episodes (b,), observations (b, *observation_shape)) -> actions (b, action_size) or (b,): as `EpisodicPolicy.act_in`
Behavior = Callable[[Array, Array], Array]

# A registered function takes the environment's id, a Generator for all it draws, and its parameters by keyword.
behaviors: Registry[Callable[..., Behavior]] = Registry("behavior")
