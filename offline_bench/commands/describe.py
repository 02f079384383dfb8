"""Describing a dataset: its coverage as text, JSON and PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from offline_bench.commands.tell import tell
from offline_bench.core.errors import DatasetNotFoundError
from offline_bench.core.storage import write_text
from offline_bench.data.coverage import (
    Cells,
    Coverage,
    cut_into_cells,
    episode_points,
    measure_coverage,
    measure_moments,
    states_of,
    view_states,
)
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders import find_task, load
from offline_bench.report.coverage.description import describe_json, describe_text
from offline_bench.report.coverage.picture import draw_coverage

# Every description draws the same rows.
DESCRIPTION_ENTROPY = 41_147


def describe_dataset(dataset: str, json: Path | None, png: Path | None, reference: str | None = None) -> None:
    """Print how `dataset` covers its task; write the numbers to `json` and the figure to `png`, where given.

    Cells are counted against `reference`, else against the set that the card of its task names, where that is here.
    Raises `DatasetNotFoundError` and `DatasetError` as `load`, `EnvironmentMismatchError` for a reference that does
    not fit, `StorageError` where a file cannot be written.
    """
    data, coverage, notes = cover(dataset, reference)
    tell(describe_text(coverage, notes))
    if json is not None:
        write_text(json, describe_json(coverage))
    if png is not None:
        task = find_task(dataset)
        view = view_states(data, measure_moments(states_of(data)), task)
        draw_coverage(png, coverage, episode_points(data, task), view)
    for path in (json, png):
        if path is not None:
            tell(f"wrote {path}")


def cover(dataset: str, reference: str | None = None) -> tuple[Dataset, Coverage, tuple[str, ...]]:
    """The dataset, how it covers its task, and what is to be noted of both. Raises as `describe_dataset` does."""
    # First, and one after the other, so that the arrays of two datasets are never in memory together.
    cells, notes = _find_cells(dataset, reference)
    data = load(dataset)
    rng, moments = np.random.default_rng(DESCRIPTION_ENTROPY), measure_moments(states_of(data))
    coverage = measure_coverage(data, find_task(dataset), cells, rng, moments)
    return data, coverage, (*(f"Note: {note}." for note in data.notes), *notes)


def _find_cells(dataset: str, reference: str | None) -> tuple[Cells | None, tuple[str, ...]]:
    """The cells of the reference set, or None, with a note on why there is none."""
    if reference is not None:
        return cut_into_cells(load(reference)), ()
    task = find_task(dataset)
    if task is None:
        return None, (f"The task of {dataset} is not known, so nothing is normalized; --reference ID gives SACo.",)
    if not task.reference:
        return None, (f"No reference set is named for the task {task.name}; --reference ID gives SACo.",)
    try:
        return cut_into_cells(load(task.reference)), ()
    except DatasetNotFoundError:
        return None, (f"The reference set {task.reference} is not here, so there is no SACo.",)
