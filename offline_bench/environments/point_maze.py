"""The point maze: a ball pushed through a maze of gymnasium-robotics, on a map of our own."""

from __future__ import annotations

import tempfile
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

from offline_bench.core.errors import MissingExtraError

# r start, g goal, # wall. Of the 24 free cells 9 lie on the way to the goal; the others are a loop and a corridor.
MAP = """
#########
#r..#g..#
#.#.#.#.#
#.#...#.#
#.###.#.#
#.....#.#
#########
"""

# A reward of 1 for every step that ends within 0.45 of the goal, else 0; the goal stays, and reaching it ends nothing.
TASK = {
    "maze_map": [[{"#": 1, ".": 0}.get(cell, cell) for cell in row] for row in MAP.split()],
    "reward_type": "sparse",
    "continuing_task": True,
    "reset_target": False,
}


def make_point_maze(**options: Any) -> Any:
    """A `PointMazeEnv` of gymnasium-robotics with these options. Raises `MissingExtraError` without that package.

    Observations are a Dict of achieved_goal (2,) and desired_goal (2,), positions in cells from the center of the
    map, and observation (4,), position and velocity in cells a second. Actions (2,) push; a step takes 10 ms.
    """
    point_maze = _import_point_maze()
    # It leaves its model in the folder for temporary files, named by the time of day: here, in one that goes again.
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        try:
            return point_maze(**options)
        finally:
            tempfile.tempdir = before


def _import_point_maze() -> Any:
    try:
        # On import it prints a notice about other environments of its.
        with redirect_stderr(StringIO()):
            from gymnasium_robotics.envs.maze.point_maze import PointMazeEnv
    except ImportError as error:
        raise MissingExtraError(
            "a point maze needs gymnasium-robotics, which is for Python below 3.13: "
            "pip install 'offline-bench[robotics]'"
        ) from error
    return PointMazeEnv
