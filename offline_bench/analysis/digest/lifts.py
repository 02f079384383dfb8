"""What learners gain over cloning under the true reward: of one that gains nothing, a wrong reward tells little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.findings import Estimate
from offline_bench.analysis.jackknife import ENOUGH_SEEDS, jackknife_reach
from offline_bench.analysis.scores.best_reward import find_blind
from offline_bench.analysis.scores.entrants import enter_runs, split_runs
from offline_bench.analysis.scores.leaderboard import REFERENCE_ALGORITHM, TRUE_RELABELING
from offline_bench.core.spec import spec_name

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrueLift:
    """One learner on one dataset under one curation: its true return under the true reward, less cloning's.

    lift   mean over the seeds that both have, with the paired interval; NaN where cloning has no run there
    """

    dataset: str
    curation: str
    algorithm: str
    lift: Estimate

    @property
    def told(self) -> bool:
        return bool(np.isfinite(self.lift.low))

    @property
    def beats_cloning(self) -> bool:
        return self.told and self.lift.low > 0.0


def lifts_over_cloning(frame: pd.DataFrame) -> tuple[TrueLift, ...]:
    """Every learner that reads rewards, on every dataset and curation. frame: of `to_frame`.

    It beats cloning where its whole interval is above 0: that of the paired differences over seeds, by Student's t. It
    takes three seeds.
    """
    runs, blind = enter_runs(frame), find_blind(frame)
    true = runs[runs["relabeling"] == TRUE_RELABELING]
    found = []
    for (dataset, curation), group in split_runs(true, "dataset", "curation"):
        cloning = group[[spec_name(str(text)) == REFERENCE_ALGORITHM for text in group["algorithm"]]]
        known = cloning.groupby("seed")["true_return"].mean()
        for (entrant, algorithm), own in split_runs(group, "entrant", "algorithm"):
            if entrant not in blind and spec_name(algorithm) != REFERENCE_ALGORITHM:
                lifts = (own.set_index("seed")["true_return"] - known).dropna().to_numpy(float)
                found.append(TrueLift(dataset, curation, entrant, _mean(lifts)))
    return tuple(found)


def _mean(values: Array) -> Estimate:
    if not len(values):
        return Estimate()
    value = float(values.mean())
    if len(values) < ENOUGH_SEEDS:
        return Estimate(value, n=len(values))
    without = np.array([np.delete(values, at).mean() for at in range(len(values))])
    reach = jackknife_reach(without, len(values) - 1)
    return Estimate(value, value - reach, value + reach, len(values))
