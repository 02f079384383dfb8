"""`Layout`: the cells of a grid, drawn as text, and what walking on it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Up, right, down, left, stay.
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1), (0, 0))
STAY = 4
OUTCOMES = 3


@dataclass(frozen=True)
class Layout:
    """Rows of equal length, a mark per cell; cells are numbered row by row. Leaving the grid is staying in place."""

    rows: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.rows) * self.width

    @property
    def width(self) -> int:
        return len(self.rows[0])

    def marked(self, mark: str) -> Array:
        """(size,) bool, the cells that carry `mark`."""
        return np.array([cell == mark for row in self.rows for cell in row])

    def column(self, number: int) -> Array:
        """(size,) bool, the cells of a column; -1 is the last."""
        marked: Array = np.arange(self.size) % self.width == number % self.width
        return marked

    def walk(self, slip: float) -> tuple[Array, Array]:
        """Successors (size, 5, 3) int64 of each cell under each of `MOVES`, and their probabilities.

        A move goes to either side instead with probability `slip` / 2 each; staying always succeeds.
        """
        successors = np.zeros((self.size, len(MOVES), OUTCOMES), np.int64)
        probabilities = np.zeros(successors.shape)
        for cell in range(self.size):
            for action in range(len(MOVES)):
                for place, (successor, share) in enumerate(self._outcomes(cell, action, slip).items()):
                    successors[cell, action, place] = successor
                    probabilities[cell, action, place] = share
        return successors, probabilities

    def _outcomes(self, cell: int, action: int, slip: float) -> dict[int, float]:
        if action == STAY:
            return {cell: 1.0}
        ways = {action: 1.0 - slip, (action + 1) % STAY: slip / 2, (action - 1) % STAY: slip / 2}
        outcomes: dict[int, float] = {}
        for way, share in ways.items():
            successor = self._neighbor(cell, way)
            outcomes[successor] = outcomes.get(successor, 0.0) + share
        return outcomes

    def _neighbor(self, cell: int, way: int) -> int:
        row, column = divmod(cell, self.width)
        down, right = MOVES[way]
        if not (0 <= row + down < len(self.rows) and 0 <= column + right < self.width):
            return cell
        return (row + down) * self.width + column + right
