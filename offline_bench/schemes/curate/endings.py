"""Curations of how episodes end: what a learner sees of endings, and so what its value after them is."""

from __future__ import annotations

import numpy as np

from offline_bench.data.dataset import Dataset
from offline_bench.schemes.curate.curation import Selection, curations, select_rows


@curations.register("full")
def full(data: Dataset) -> Selection:
    """Every transition, as it is: all that the data covers."""
    return Selection(np.arange(data.n), data.terminals, data.timeouts)


@curations.register("drop-terminals")
def drop_terminals(data: Dataset) -> Selection:
    """Without the transitions that ended the task; the step before each becomes a time-out.

    Takes the endings out of the coverage, and nothing else: no learner sees that an episode can end, so no reward can
    make ending attractive.
    """
    return select_rows(data, ~data.terminals)


@curations.register("terminals-as-timeouts")
def terminals_as_timeouts(data: Dataset) -> Selection:
    """Every transition stays, but the value after a terminal is bootstrapped instead of 0.

    What is covered stays the same; that it ends an episode is not seen any more.
    """
    return Selection(np.arange(data.n), np.zeros(data.n, bool), data.terminals | data.timeouts)
