"""Making and stepping the true task, and this project's own environments for Gymnasium.

Call `register()`, then `gymnasium.make` knows them. `make.make_environment` and `steppers.Steppers` come from here; it
imports `core` alone. Read `make.py` first.
"""

from __future__ import annotations

from typing import Any

from offline_bench.environments import point_maze


def register() -> None:
    """Have Gymnasium know them. `make_environment` does so first; a second call changes nothing."""
    _register("SurvivalGrid-v0", "survival_grid:make_survival_grid", 40)
    _register("CoinCorridor-v0", "coin_corridor:make_coin_corridor", 40)
    _register("CoinCorridor-Moved-v0", "coin_corridor:make_coin_corridor", 40, moved=True)
    _register("PointMaze-v0", "point_maze:make_point_maze", 400, **point_maze.TASK)


def _register(name: str, entry_point: str, horizon: int, **parameters: Any) -> None:
    import gymnasium

    full = f"offline_bench/{name}"
    if full not in gymnasium.registry:
        gymnasium.register(
            full,
            entry_point=f"offline_bench.environments.{entry_point}",
            max_episode_steps=horizon,
            kwargs=parameters,
        )
