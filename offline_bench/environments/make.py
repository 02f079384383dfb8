"""Making the true environment: the one place that does, so that all see the same observations of it.

How an environment is named is said in `name`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import EnvironmentAbsentError, EnvironmentMismatchError, OfflineBenchError
from offline_bench.environments.flat import sort_space
from offline_bench.environments.gymnasium_library import import_gymnasium
from offline_bench.environments.model import TabularModel
from offline_bench.environments.name import find_spec, with_step_limit
from offline_bench.environments.refusal import explain_refusal

# Steps of an episode: who declares more has declared no end.
MOST_STEPS = 1_000_000


def make_environment(environment: Any, **options: Any) -> Any:
    """The Gymnasium environment of a name or spec, its observations vectors where they can be.

    Dict observations, as those with goals, become one vector by Gymnasium's own `flatten`: their entries one after
    the other in the alphabetical order of their keys, nested ones likewise: achieved_goal, desired_goal, observation.
    Discrete ones become one-hot vectors, as parts and alone. What is shown is of the dtype that the space declares,
    whatever `reset` and `step` return.
    Raises what `gymnasium.make` and `find_spec` raise.
    """
    gymnasium = import_gymnasium()
    made: Any = gymnasium.make(find_spec(environment) if isinstance(environment, str) else environment, **options)
    space = made.observation_space
    observe = gymnasium.wrappers.TransformObservation
    if isinstance(space, gymnasium.spaces.Box):
        return observe(made, lambda shown: conform(shown, space), space)
    if not isinstance(space, gymnasium.spaces.Dict | gymnasium.spaces.Discrete):
        return made
    # A Dict space may have been declared in another order; that of a file's metadata is lost when sets are combined.
    space = sort_space(space)
    flatten, flat = gymnasium.spaces.utils.flatten, gymnasium.spaces.utils.flatten_space(space)
    return observe(made, lambda shown: conform(flatten(space, shown), flat), flat)


def conform(shown: Any, space: Any) -> npt.NDArray[Any]:
    """`shown` as an array of the dtype of the Box `space`.

    Raises `OfflineBenchError` where it is of another shape, or fractions where whole numbers were declared.
    """
    array = np.asarray(shown)
    if array.dtype == space.dtype and array.shape == space.shape:
        return array
    if array.dtype.kind not in "biuf" or array.shape != space.shape:
        raise OfflineBenchError(
            f"the environment shows {array.dtype} of shape {array.shape}, but its observation space declares "
            f"{space.dtype} of shape {space.shape}. Make both the same."
        )
    cast = array.astype(space.dtype)
    if space.dtype.kind != "f" and not np.array_equal(cast, array):
        raise OfflineBenchError(
            f"the environment shows {array.ravel()[cast.ravel() != array.ravel()][0]}, but its observation space "
            f"declares {space.dtype}. Declare a dtype that holds all values it returns."
        )
    return cast


def find_step_limit(environment: str) -> int:
    """The most steps that an episode of `environment` has.

    Raises `EnvironmentMismatchError` where none is declared: a policy might act for ever; and for one not known here.
    """
    try:
        limit = find_spec(environment).max_episode_steps
    except Exception as error:
        raise EnvironmentAbsentError(explain_refusal(environment, error)) from error
    if limit is not None and 0 < limit <= MOST_STEPS:
        return int(limit)
    what = "no time limit" if limit is None or limit < 1 else f"a time limit of {limit} steps"
    other = with_step_limit(environment, 1000)
    raise EnvironmentMismatchError(
        f"environment {environment} has {what}, so an evaluation there might never end. Declare a limit of at most "
        f"{MOST_STEPS:,} steps, the longest that an episode may last: `offline-bench datasets set-env ID --env "
        f"'{other}'` with the ID of the dataset."
    )


@cache
def find_model(environment: str) -> TabularModel | None:
    """The tabular model that the environment of this Gymnasium id shows; None where it shows none."""
    made = make_environment(environment)
    try:
        model = getattr(made.unwrapped, "model", None)
    finally:
        made.close()
    return model if isinstance(model, TabularModel) else None
