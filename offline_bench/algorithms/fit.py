"""Whether a learner can learn from a dataset at all, known before anything trains."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from offline_bench.algorithms.learner import Learner
from offline_bench.data.dataset import Dataset


@runtime_checkable
class ChoosyLearner(Protocol):
    """A learner that says beforehand which data it does not learn from. One that does not say fails when it learns."""

    def check_data(self, data: Dataset) -> None:
        """Raise `EnvironmentMismatchError` where the actions or observations of `data` are not for this learner."""


def check_fit(learner: Learner, data: Dataset) -> None:
    """Raise `EnvironmentMismatchError` where `learner` says that it cannot learn from `data`."""
    if isinstance(learner, ChoosyLearner):
        learner.check_data(data)
