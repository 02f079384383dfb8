"""A learner of which only results are known: they were imported, and nobody here has trained or evaluated it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from offline_bench.algorithms.learner import Learner, Snapshot, algorithms
from offline_bench.core.errors import AlgorithmError, SpecError
from offline_bench.data.dataset import Dataset

EXTERNAL = "external"


@algorithms.register(EXTERNAL)
def external(*, of: str) -> Learner:
    """Results of the learner `of` that `results import` brought in. It cannot be trained here."""
    return ExternalLearner(of)


@dataclass(frozen=True)
class ExternalLearner:
    """Stands in tables for a learner of another project."""

    of: str
    trainer = "external"

    def check(self) -> None:
        """Raise `SpecError` where it has no name."""
        if not self.of.strip():
            raise SpecError("external(of='...') names the learner whose results they are")

    def learn(
        self, data: Dataset, at: Sequence[int], seed: np.random.SeedSequence, progress: Callable[[int], None]
    ) -> Iterator[Snapshot]:
        """Raise `AlgorithmError`: there is nothing to train."""
        raise AlgorithmError(
            f"the results of {self.of} were imported, so it cannot be trained here. "
            "Train it where they came from, or write it as a learner of your own."
        )
