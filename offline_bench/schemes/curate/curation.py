"""What a curation is, and carrying one out: it decides which transitions are there and where episodes end, no more.

A curation is a pure function `(data, *, parameters) -> Selection`. It is handed read-only arrays and returns which
rows stay; `curate` takes those rows from every array. A curation that draws takes its seed as a parameter, so that
its text names one selection and every run with that text learns from the same transitions.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import CurationError, OfflineBenchError
from offline_bench.core.registry import Component, Registry
from offline_bench.core.spec import parse_spec
from offline_bench.data.dataset import CONTENT, Dataset, Sources, is_write, protect
from offline_bench.data.seal import watch
from offline_bench.schemes.curate.pool import Pool

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Selection:
    """What a curation returns, for the m transitions that stay.

    rows (m,) int64, strictly ascending; terminals, timeouts (m,) bool, where episodes end now.
    beside: id of another dataset of the same task, whose n' rows are the rows n to n + n' - 1; '' for none. It is
    named, not handed over: so its transitions, too, come as they are.
    """

    rows: Array
    terminals: Array
    timeouts: Array
    beside: str = ""


curations: Registry[Callable[..., Selection]] = Registry("curation", handed=1)


def curate(data: Dataset, text: str, seed: int | None = None) -> Dataset:
    """The transitions of `data` that the curation `text` selects.

    seed  put into `text` where the curation draws and `text` names no seed: `fraction(p=0.5)` with 3 is
          `fraction(p=0.5, seed=3)`. So the text alone says which transitions these are, and a run's seed, which
          decides what `relabel` draws, does not.

    Raises `CurationError`, with the curation's name and what it did, where the selection is malformed, ends no
    episode where two would run together, claims a terminal the data does not have, is empty, or where the curation
    tried to write into the data or did so, or raised; `SpecError` and `UnknownNameError` where `text` names none;
    what loading raises where another dataset is mixed in.
    """
    component = curations.bind(text)
    if seed is not None and _draws(component) and "seed" not in dict(parse_spec(text).parameters):
        component = curations.bind(
            str(replace(component.spec, parameters=(*component.spec.parameters, ("seed", seed))))
        )
    name = str(component)
    try:
        with watch(data, partial(refuse_change, name)):
            selection = component(copy(data))
    except OfflineBenchError:
        raise
    except Exception as error:
        what = "tried to write into the data" if is_write(error) else "raised"
        raise CurationError(f"curation {name} {what}: {type(error).__name__}: {error}") from error
    if not isinstance(selection, Selection):
        raise CurationError(f"curation {name} returned {type(selection).__name__}: a Selection is wanted")
    pool = Pool.of(data, selection.beside)
    _check(selection, name, pool)
    return _take(data, selection, name, pool)


def _draws(component: Component[Callable[..., Selection]]) -> bool:
    return "seed" in signature(component.function).parameters


def refuse_change(name: str, what: str) -> CurationError:
    """The error for the curation `name`, which changed `what` of the data it was given."""
    return CurationError(f"curation {name} changed the data it was given: return a selection only (changed: {what})")


def needed_datasets(text: str) -> tuple[str, ...]:
    """Ids of the datasets that the curation `text` reads beside the one it is given: its parameter `id`.

    Raises `SpecError`, `UnknownNameError`.
    """
    return tuple(str(value) for key, value in curations.bind(text).spec.parameters if key == "id")


def _take(data: Dataset, selection: Selection, name: str, pool: Pool) -> Dataset:
    taken: dict[str, Any] = {}
    # Where no row goes the arrays are shared, whatever became of the ends.
    if len(selection.rows) < data.n or selection.beside:
        taken = {field: pool.take(field, selection.rows) for field in (*CONTENT, "rewards")}
    taken |= {"terminals": selection.terminals, "timeouts": selection.timeouts}
    return replace(data, **taken, sources=_sources(selection, pool), curation=name)


def _sources(selection: Selection, pool: Pool) -> Sources:
    ends = selection.rows[selection.terminals | selection.timeouts]
    kept, episodes = np.unique(pool.source_of[ends], return_inverse=True)
    return Sources(protect(pool.behavior_returns[kept]), protect(episodes.astype(np.int64)))


def _check(selection: Selection, name: str, pool: Pool) -> None:
    rows, terminals, timeouts = selection.rows, selection.terminals, selection.timeouts
    kinds = [getattr(array, "dtype", np.dtype(object)).kind for array in (rows, terminals, timeouts)]
    if kinds != ["i", "b", "b"] or rows.ndim != 1 or not rows.shape == terminals.shape == timeouts.shape:
        raise CurationError(f"curation {name} returned rows, terminals and timeouts that are not int, bool, bool (m,)")
    if len(rows) == 0:
        raise CurationError(f"curation {name} leaves no transition of {pool.id!r}: choose a larger share")
    if rows[0] < 0 or rows[-1] >= pool.n or (np.diff(rows) <= 0).any():
        raise CurationError(f"curation {name} returned rows that do not ascend strictly within 0..{pool.n - 1}")
    if (terminals & ~pool.terminals[rows]).any():
        raise CurationError(f"curation {name} marks a terminal where the task did not end: mark a time-out there")
    if (terminals & timeouts).any():
        raise CurationError(f"curation {name} marks a transition as terminal and as time-out: it can be one of them")
    episodes = pool.episode_of[rows]
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


def select_pieces(data: Dataset, keep: Array) -> Selection:
    """`select_rows`, with an end before every gap too: what was torn apart becomes episodes of its own.

    So the next observation of every row that ends no episode is the observation of the next row.
    """
    whole = select_rows(data, keep)
    torn = np.append(np.diff(whole.rows) > 1, False)
    return replace(whole, timeouts=whole.timeouts | (torn & ~whole.terminals))
