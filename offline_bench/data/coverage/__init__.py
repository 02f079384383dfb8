"""How a dataset covers its task: pure functions from `Dataset` to numbers, and what the figure of them shows."""

from offline_bench.data.coverage.cells import Cells, cut_into_cells, saco
from offline_bench.data.coverage.measures import Coverage, Spread, measure_coverage
from offline_bench.data.coverage.neighbors import action_entropy, action_spread, knn_entropy
from offline_bench.data.coverage.points import (
    Moments,
    Points,
    effective_dimension,
    measure_moments,
    states_of,
    visits_of,
)
from offline_bench.data.coverage.quality import Endings, Quality, measure_endings, measure_quality
from offline_bench.data.coverage.view import EpisodePoints, StateView, episode_points, view_states

__all__ = [
    "Cells",
    "Coverage",
    "Endings",
    "EpisodePoints",
    "Moments",
    "Points",
    "Quality",
    "Spread",
    "StateView",
    "action_entropy",
    "action_spread",
    "cut_into_cells",
    "effective_dimension",
    "episode_points",
    "knn_entropy",
    "measure_coverage",
    "measure_endings",
    "measure_moments",
    "measure_quality",
    "saco",
    "states_of",
    "view_states",
    "visits_of",
]
