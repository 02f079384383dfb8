"""Curations by the order in which the data was collected: in a replay buffer, by how far the behavior had come."""

from __future__ import annotations

import numpy as np

from offline_bench.core.errors import CurationError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.curate.curation import Selection, curations, select_rows


@curations.register("prefix")
def prefix(data: Dataset, *, steps: int) -> Selection:
    """The first `steps` transitions of the data; the episode they end in is cut by a time-out.

    Of a replay buffer the early behavior stays covered and the late one goes; where one policy collected all, it is
    less of everything. For the first steps of every episode see `truncate`.
    """
    _check("prefix", data, steps)
    return select_rows(data, np.arange(data.n) < steps)


@curations.register("suffix")
def suffix(data: Dataset, *, steps: int) -> Selection:
    """The last `steps` transitions of the data; the episode they begin in loses its start.

    Of a replay buffer the late behavior stays covered and the early one goes; where one policy collected all, it is
    less of everything. For the last steps of every episode see `tail`.
    """
    _check("suffix", data, steps)
    return select_rows(data, np.arange(data.n) >= data.n - steps)


def _check(name: str, data: Dataset, steps: int) -> None:
    if steps < 1:
        raise CurationError(f"{name}(steps={steps}): at least one step is needed")
    if steps > data.n:
        raise CurationError(f"{name}(steps={steps}): {data.id!r} has {data.n} transitions; ask for no more")
