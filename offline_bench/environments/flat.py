"""Observations as vectors, and back to what the environment itself shows."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from offline_bench.environments.gymnasium_library import import_gymnasium

Array = npt.NDArray[Any]


def sort_space(space: Any) -> Any:
    """`space` with the keys of Dict spaces in alphabetical order, at every depth."""
    gymnasium = import_gymnasium()
    if not isinstance(space, gymnasium.spaces.Dict):
        return space
    return gymnasium.spaces.Dict({key: sort_space(space[key]) for key in sorted(space.spaces)})


def unflatten(vectors: Array, space: Any) -> Any:
    """The vectors (n, size) that `make_environment` shows as observations of `space`: the environment's own.

    Those of a Dict become a dict of arrays (n, ...) of the dtypes that it declares, nested as it is, those of a
    Discrete one whole numbers (n,); all others stay as they are.
    """
    spaces = import_gymnasium().spaces
    if not isinstance(space, spaces.Dict | spaces.Discrete):
        return vectors
    observations, used = _take(vectors, space, 0)
    if used != vectors.shape[1]:
        raise ValueError(f"observations of length {vectors.shape[1]}, but the space has {used}")
    return observations


def _take(vectors: Array, space: Any, start: int) -> tuple[Any, int]:
    """What the columns from `start` on say of `space`, and the column after them."""
    spaces = import_gymnasium().spaces
    if isinstance(space, spaces.Dict):
        parts = {}
        for key in sorted(space.spaces):
            parts[key], start = _take(vectors, space[key], start)
        return parts, start
    end = start + spaces.utils.flatdim(space)
    columns = vectors[:, start:end]
    if isinstance(space, spaces.Discrete):
        return space.start + columns.argmax(axis=1), end
    return columns.reshape(len(columns), *space.shape).astype(space.dtype), end
