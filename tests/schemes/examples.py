"""A text for every relabeling that has a required parameter or takes long, and data that each of them takes."""

from __future__ import annotations

import pytest

from offline_bench.core.errors import RelabelingError, SpecError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.checks import samples_with_cards
from offline_bench.schemes.relabel import relabel, relabelings

EXAMPLES = {
    "binary": "binary(quantile=0.75)",
    "clipped": "clipped(high=1.0, low=0.0)",
    "constant": "constant(value=0.5)",
    "delayed": "delayed(k=3)",
    "flipped": "flipped(p=0.5)",
    "learned": "learned(hidden_units=(8,), n_labels=5)",
    "missing-as-min": "missing-as-min(p=0.5)",
    "poisoned-preferences": "poisoned-preferences(hidden_units=(8,), n_pairs=20, p=0.5, segment=2)",
    "preferences": "preferences(hidden_units=(8,), n_pairs=20, segment=2)",
    "quantized": "quantized(levels=3)",
    "sparse": "sparse(p=0.5)",
    "support-tax": "support-tax(scale=1.0)",
}

USUAL = ["original", "zero", "random", "negative", "scaled-negative", "constant(value=2.0)", "shuffled", "noisy"]


def example(name: str) -> str:
    """The canonical text of the relabeling `name` as it is tried."""
    if name in EXAMPLES:
        return EXAMPLES[name]
    try:
        return str(relabelings.bind(name))
    except SpecError as error:
        pytest.fail(f"add an example of the relabeling {name!r} to EXAMPLES in {__file__}: {error}")


def texts_for(data: Dataset) -> list[str]:
    """The texts of all relabelings that take `data`."""
    return [text for text in map(example, relabelings.names()) if _takes(data, text)]


def carded(task: str) -> Dataset:
    """Four episodes of 6, 2, 40 and 12 random steps, two ended by the task, with the card of `task`."""
    return next(data for data in samples_with_cards() if f"/{task}/" in data.id)


def data_for(name: str) -> Dataset:
    """The first of the datasets with cards that the relabeling `name` takes: most take all."""
    return next(data for data in samples_with_cards() if _takes(data, example(name)))


def _takes(data: Dataset, text: str) -> bool:
    try:
        relabel(data, text, 0)
    except RelabelingError:
        return False
    return True
