"""`LearnerView`: what a learner is handed, a dataset that has no true reward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NoReturn

import numpy.typing as npt

from offline_bench.core.errors import TrueRewardError
from offline_bench.data.dataset import Dataset, Sources

Array = npt.NDArray[Any]

# The true rewards, and what tells of them.
WITHHELD = ("true_rewards", "true_returns", "behavior_returns", "sources", "fingerprint", "relabeling_facts")


class LearnerView(Dataset):
    """A dataset without the arrays of `WITHHELD`: reading one raises `TrueRewardError`. All other arrays are shared.

    So a learner that reads the wrong field by a slip is found out, instead of passing as blind to rewards.
    """

    _source_of: Array

    @classmethod
    def of(cls, data: Dataset) -> LearnerView:
        """The view of `data`; of a view, itself."""
        if isinstance(data, LearnerView):
            return data
        view = object.__new__(cls)
        kept = {name: value for name, value in vars(data).items() if name not in WITHHELD}
        view.__dict__.update(kept, _source_of=data.source_of)
        return view

    def with_rewards(self, rewards: Array, relabeling: str, facts: Mapping[str, float] | None = None) -> LearnerView:
        """The same transitions with other `rewards` (n,) to learn from. Raises `DatasetError`, as any dataset does."""
        names = {field.name for field in fields(Dataset)} - set(WITHHELD)
        shown = {name: getattr(self, name) for name in names} | {"rewards": rewards, "relabeling": relabeling}
        # A stand-in for the true rewards, which the view of it leaves out again.
        view = LearnerView.of(Dataset(**shown, true_rewards=self.rewards))
        view.__dict__["_source_of"] = self._source_of
        return view

    @property
    def true_rewards(self) -> Array:
        self._refuse("true_rewards")

    @property
    def true_returns(self) -> Array:
        self._refuse("true_returns")

    @property
    def behavior_returns(self) -> Array:
        self._refuse("behavior_returns")

    @property
    def sources(self) -> Sources | None:
        self._refuse("sources")

    @property
    def relabeling_facts(self) -> Mapping[str, float]:
        self._refuse("relabeling_facts")

    @property
    def fingerprint(self) -> str:
        self._refuse("fingerprint")

    @property
    def source_of(self) -> Array:
        """(n,) which whole episode each transition comes from."""
        return self._source_of

    def __repr__(self) -> str:
        return f"<{self.n} transitions of {self.id!r} with the rewards {self.relabeling!r}, as a learner is shown them>"

    def _refuse(self, name: str) -> NoReturn:
        raise TrueRewardError(
            f"a learner gets no true reward, and `{name}` of dataset {self.id!r} shows it. Learn from `rewards`, the "
            "rewards of the run's relabeling."
        )
