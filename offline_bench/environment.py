"""Making the true environment: the one place that does, so that all see the same observations of it."""

from __future__ import annotations

from functools import cache
from typing import Any

from offline_bench.environments.model import TabularModel


def make_environment(environment: Any, **options: Any) -> Any:
    """The Gymnasium environment of an id or spec, its observations vectors or discrete.

    Dict observations, as those with goals, become one vector by Gymnasium's own `flatten`: their entries one after
    the other in the alphabetical order of their keys, nested ones likewise: achieved_goal, desired_goal, observation.
    Raises what `gymnasium.make` raises.
    """
    gymnasium = import_gymnasium()
    made: Any = gymnasium.make(environment, **options)
    if isinstance(made.observation_space, gymnasium.spaces.Dict):
        return gymnasium.wrappers.FlattenObservation(made)
    return made


def import_gymnasium() -> Any:
    """Gymnasium, with this project's own environments in its registry: version 1.0 looks for no plug-ins itself."""
    import gymnasium

    from offline_bench.environments import register

    register()
    return gymnasium


@cache
def find_model(environment: str) -> TabularModel | None:
    """The tabular model that the environment of this Gymnasium id shows; None where it shows none."""
    made = make_environment(environment)
    try:
        model = getattr(made.unwrapped, "model", None)
    finally:
        made.close()
    return model if isinstance(model, TabularModel) else None
