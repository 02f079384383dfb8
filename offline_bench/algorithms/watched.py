"""A learner from a plug-in, watched: it gets what every learner gets, and must not change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from offline_bench.algorithms.fit import check_fit
from offline_bench.algorithms.learner import Learner, Snapshot, reads_rewards
from offline_bench.core.errors import AlgorithmError
from offline_bench.data.dataset import Dataset
from offline_bench.data.learner_view import LearnerView
from offline_bench.data.seal import watch


@dataclass(frozen=True)
class WatchedLearner:
    """`learner`, which the plug-in algorithm `name` made."""

    name: str
    learner: Learner

    @property
    def trainer(self) -> str:
        """As its own learner says."""
        return self.learner.trainer

    @property
    def reads_rewards(self) -> bool:
        """As its own learner says."""
        return reads_rewards(self.learner)

    def check(self) -> None:
        """As its own learner does."""
        self.learner.check()

    def check_data(self, data: Dataset) -> None:
        """As its own learner does, where it says beforehand which data it does not learn from."""
        check_fit(self.learner, LearnerView.of(data))

    def learn(
        self, data: Dataset, at: Sequence[int], seed: np.random.SeedSequence, progress: Callable[[int], None]
    ) -> Iterator[Snapshot]:
        """See `Learner.learn`. Raises `AlgorithmError` where learner or policy changed the data.

        The policies act while this waits to go on, and the last one before it ends: so they are watched too.
        """
        view = LearnerView.of(data)
        with watch(view, self._refuse):
            yield from self.learner.learn(view, at, seed, progress)

    def _refuse(self, what: str) -> AlgorithmError:
        return AlgorithmError(
            f"algorithm {self.name} changed the data it was given (changed: {what}): copy an array before writing to it"
        )
