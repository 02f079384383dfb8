"""Whether a policy learned from a dataset can act in its environment: found out before anything trains."""

from __future__ import annotations

from typing import Any

import numpy as np

from offline_bench.core.errors import EnvironmentAbsentError, EnvironmentMismatchError
from offline_bench.data.action_range import find_action_range
from offline_bench.data.dataset import Dataset
from offline_bench.environments.make import find_step_limit, make_environment
from offline_bench.environments.refusal import explain_refusal

TOLERANCE = 1e-5


def check_environment(data: Dataset) -> None:
    """Make the environment of `data` and reset it once.

    Raises `EnvironmentMismatchError`, naming the dataset, where there is none, it has no time limit, shows other
    observations than the data's or takes other actions; `EnvironmentAbsentError` where it cannot be made here.
    """
    if not data.environment:
        raise EnvironmentMismatchError(f"dataset {data.id!r} names no environment, so no policy can be evaluated.")
    where = f"dataset {data.id!r}"
    made = None
    try:
        find_step_limit(data.environment)
        made = make_environment(data.environment, disable_env_checker=True)
        shown = np.asarray(made.reset(seed=0)[0])
        space = made.action_space
    except EnvironmentMismatchError as error:
        raise type(error)(f"{where}: {error}") from error
    except Exception as error:
        raise EnvironmentAbsentError(f"{where}: {explain_refusal(data.environment, error)}") from error
    finally:
        if made is not None:
            made.close()
    if shown.shape != data.observations.shape[1:]:
        raise EnvironmentMismatchError(
            f"{where} has observations of shape {data.observations.shape[1:]}, but its environment {data.environment} "
            f"shows {shown.shape}."
        )
    if shown.dtype.kind not in "biuf" or not np.isfinite(shown).all():
        raise EnvironmentMismatchError(f"{where}: its environment {data.environment} shows {shown} after a reset.")
    _check_actions(data, space, where)


def _check_actions(data: Dataset, space: Any, where: str) -> None:
    """Refuse actions that a policy learned from `data` may take and the environment's `space` does not have."""
    if data.action_space.discrete:
        if getattr(space, "n", None) != data.action_space.n:
            raise EnvironmentMismatchError(
                f"{where} has actions 0..{data.action_space.n - 1}, but its environment {data.environment} takes "
                f"{space}."
            )
        return
    box = find_action_range(data)
    if not hasattr(space, "low") or space.shape != box.low.shape:
        raise EnvironmentMismatchError(
            f"{where} has actions of shape {box.low.shape}, but its environment {data.environment} takes {space}."
        )
    below = box.low < space.low - TOLERANCE * (1.0 + np.abs(box.low))
    above = box.high > space.high + TOLERANCE * (1.0 + np.abs(box.high))
    if (below | above).any():
        raise EnvironmentMismatchError(
            f"{where} has actions from {box.low.tolist()} to {box.high.tolist()}, but its environment "
            f"{data.environment} takes {space}."
        )
