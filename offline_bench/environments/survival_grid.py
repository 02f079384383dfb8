"""The survival grid: a key behind a passage between lava.

Inspired by the grid figure of Li et al. 2023 (The Survival Instinct in Offline RL), of our own design.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from offline_bench.environments.layout import Layout
from offline_bench.environments.model import TabularModel
from offline_bench.environments.tabular import TabularEnvironment

# S start, K key, L lava. The way between the lava is the shortest, 8 moves, and a slip there is the end; along the
# outermost rows, 14 moves, nothing can happen.
LAYOUT = Layout(
    (
        ".........",
        ".........",
        "..LL.LL..",
        "S.......K",
        "..LL.LL..",
        ".........",
        ".........",
    )
)
SLIP = 0.1
HORIZON = 40


@cache
def survival_grid_model() -> TabularModel:
    """A step that ends on the key pays 1, and one into lava −1 and ends the episode; the key can be stood on.

    States are cells, shown as one-hot vectors. Events: `key`, a step ends there; `lava`.
    """
    successors, probabilities = LAYOUT.walk(SLIP)
    lava, possible = LAYOUT.marked("L"), probabilities > 0
    events = {"key": LAYOUT.marked("K")[successors] & possible, "lava": lava[successors] & possible}
    return TabularModel(
        observations=np.eye(LAYOUT.size, dtype=np.float32),
        successors=successors,
        probabilities=probabilities,
        rewards=events["key"].astype(np.float64) - events["lava"],
        terminal=lava,
        initial=LAYOUT.marked("S").astype(np.float64),
        horizon=HORIZON,
        events=events,
        layout=LAYOUT,
        cells=np.arange(LAYOUT.size),
    )


def make_survival_grid() -> TabularEnvironment:
    """What Gymnasium calls for `offline_bench/SurvivalGrid-v0`."""
    return TabularEnvironment(survival_grid_model())
