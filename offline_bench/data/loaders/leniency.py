"""Faults that a reader may mend if the user allows it, and the notes on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from offline_bench.core.errors import DatasetError
from offline_bench.data.dataset import ActionSpace, Array, find_outside, tell_outside


@dataclass(frozen=True)
class Leniency:
    """Which faults are mended, each with a note of the set; a fault that is not named is refused.

    clip_actions  actions beyond the box are clipped to it
    drop_broken   episodes of a Minari dataset that are none are left out: observations that are not one more than the
                  steps, no steps, numbers that are not finite
    ignore        names of arrays of a D4RL file that are passed over though nobody here knows what they mean
    """

    clip_actions: bool = False
    drop_broken: bool = False
    ignore: tuple[str, ...] = ()


STRICT = Leniency()


def settle_actions(
    path: Path, dataset_id: str, actions: Array, space: ActionSpace, clip: bool
) -> tuple[Array, tuple[str, ...]]:
    """`actions` within the box of `space`, and a note where some were clipped.

    Raises `DatasetError` naming `path` and the option where some are beyond it and `clip` is not set.
    """
    if space.discrete or actions.ndim != 2 or actions.shape[1:] != space.low.shape:
        return actions, ()  # `Dataset` says what is wrong with those
    outside = find_outside(actions, space)
    if not outside.any():
        return actions, ()
    if not clip:
        named = " --env ENVIRONMENT" if path.is_file() else ""
        raise DatasetError(
            f"{path}: dataset {dataset_id!r}: actions {tell_outside(actions, outside, space)}. If the task itself "
            f"clips actions, take them in clipped: `offline-bench datasets import {path} --id NEW-ID{named} "
            "--clip-actions`."
        )
    rows = int(outside.any(axis=1).sum())
    note = f"{rows} of {len(actions)} actions were beyond the box of the action space and were clipped to it"
    return np.clip(actions, space.low, space.high), (note,)


def join_ends(terminals: Array, timeouts: Array) -> tuple[Array, tuple[str, ...]]:
    """`timeouts` (n,) without the rows that are terminal too, and a note where there are some.

    The one rule for all files: a task that ended at the moment in which the clock ran out has ended, and the value
    after it is 0.
    """
    both = int((terminals & timeouts).sum())
    if not both:
        return timeouts, ()
    note = f"{both} episodes ended and timed out at once: they are taken as ended, the value after them as 0"
    return timeouts & ~terminals, (note,)
