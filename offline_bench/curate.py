"""Curations: which transitions are there, and where episodes now end. Nothing else can change.

A curation is a pure function `(data, *, parameters) -> Selection`. It is handed read-only arrays and returns which
rows stay; `curate` takes those rows from every array. A curation that draws takes its seed as a parameter, so that
its text names one selection and every run with that text learns from the same transitions.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.dataset import CONTENT, Dataset, is_write
from offline_bench.errors import CurationError, OfflineBenchError
from offline_bench.registry import Registry

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Selection:
    """What a curation returns, for the m transitions that stay.

    rows (m,) int64, strictly ascending; terminals, timeouts (m,) bool, where episodes end now.
    """

    rows: Array
    terminals: Array
    timeouts: Array


curations: Registry[Callable[..., Selection]] = Registry("curation")


def curate(data: Dataset, text: str) -> Dataset:
    """The transitions of `data` that the curation `text` selects.

    Raises `CurationError`, with the curation's name and what it did, where the selection is malformed, ends no
    episode where two would run together, claims a terminal the data does not have, is empty, or where the curation
    wrote into the data or raised; `SpecError` and `UnknownNameError` where `text` names none.
    """
    component = curations.bind(text)
    name = str(component)
    try:
        selection = component(copy(data))
    except OfflineBenchError:
        raise
    except Exception as error:
        what = "tried to write into the data" if is_write(error) else "raised"
        raise CurationError(f"curation {name} {what}: {type(error).__name__}: {error}") from error
    _check(selection, name, data)
    return _take(data, selection, name)


def _take(data: Dataset, selection: Selection, name: str) -> Dataset:
    if len(selection.rows) == data.n:
        # No row goes: the arrays are shared, whatever became of the ends.
        return replace(data, terminals=selection.terminals, timeouts=selection.timeouts, curation=name)
    taken = {field: getattr(data, field)[selection.rows] for field in (*CONTENT, "rewards")}
    taken |= {"terminals": selection.terminals, "timeouts": selection.timeouts}
    return replace(data, **taken, curation=name)


def _check(selection: Any, name: str, data: Dataset) -> None:
    if not isinstance(selection, Selection):
        raise CurationError(f"curation {name} returned {type(selection).__name__}: a Selection is wanted")
    rows, terminals, timeouts = selection.rows, selection.terminals, selection.timeouts
    kinds = [getattr(array, "dtype", np.dtype(object)).kind for array in (rows, terminals, timeouts)]
    if kinds != ["i", "b", "b"] or rows.ndim != 1 or not rows.shape == terminals.shape == timeouts.shape:
        raise CurationError(f"curation {name} returned rows, terminals and timeouts that are not int, bool, bool (m,)")
    if len(rows) == 0:
        raise CurationError(f"curation {name} leaves no transition of {data.id!r}: choose a larger share")
    if rows[0] < 0 or rows[-1] >= data.n or (np.diff(rows) <= 0).any():
        raise CurationError(f"curation {name} returned rows that do not ascend strictly within 0..{data.n - 1}")
    if (terminals & ~data.terminals[rows]).any():
        raise CurationError(f"curation {name} marks a terminal where the task did not end: mark a time-out there")
    if (terminals & timeouts).any():
        raise CurationError(f"curation {name} marks a transition as terminal and as time-out: it can be one of them")
    episodes = data.episode_of[rows]
    last = np.append(episodes[:-1] != episodes[1:], True)
    if (last & ~(terminals | timeouts)).any():
        raise CurationError(f"curation {name} lets an episode run into the next: mark its last kept row as a time-out")


def select_rows(data: Dataset, keep: Array) -> Selection:
    """The rows where `keep` (n,) is true; an episode whose end was taken away ends in a time-out."""
    rows = np.flatnonzero(keep)
    episodes = data.episode_of[rows]
    last = np.append(episodes[:-1] != episodes[1:], True)[: len(rows)]
    terminals = data.terminals[rows]
    return Selection(rows, terminals, data.timeouts[rows] | (last & ~terminals))


@curations.register("full")
def full(data: Dataset) -> Selection:
    """Every transition, as it is."""
    return Selection(np.arange(data.n), data.terminals, data.timeouts)


@curations.register("drop-terminals")
def drop_terminals(data: Dataset) -> Selection:
    """Without the transitions that ended the task; the step before each becomes a time-out.

    No learner sees that an episode can end, so no reward can make ending attractive.
    """
    return select_rows(data, ~data.terminals)


@curations.register("terminals-as-timeouts")
def terminals_as_timeouts(data: Dataset) -> Selection:
    """Every transition stays, but the value after a terminal is bootstrapped instead of 0."""
    return Selection(np.arange(data.n), np.zeros(data.n, bool), data.terminals | data.timeouts)


@curations.register("fraction")
def fraction(data: Dataset, *, p: float, seed: int = 0) -> Selection:
    """A random share p in (0, 1] of the episodes, at least one: less coverage of everything alike."""
    if not 0.0 < p <= 1.0:
        raise CurationError(f"fraction(p={p}): a share lies in (0, 1]")
    count = max(1, round(p * data.n_episodes))
    chosen = np.random.default_rng(seed).permutation(data.n_episodes)[:count]
    return select_rows(data, np.isin(data.episode_of, chosen))


@curations.register("truncate")
def truncate(data: Dataset, *, steps: int) -> Selection:
    """The first `steps` transitions of every episode; a cut is a time-out. Weakens the length bias."""
    if steps < 1:
        raise CurationError(f"truncate(steps={steps}): at least one step is needed")
    position = np.arange(data.n) - data.episode_starts[data.episode_of]
    return select_rows(data, position < steps)
