"""D4RL's HDF5 files: flat arrays with ends marked, in older files with some of them left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from offline_bench.core.errors import DatasetError, DatasetNotFoundError, EnvironmentMismatchError
from offline_bench.data.dataset import Array, Dataset
from offline_bench.data.loaders.hdf5 import Source, check_stored, open_hdf5
from offline_bench.data.loaders.spaces import Spaces, find_spaces

REQUIRED = ("observations", "actions", "rewards", "terminals")
OPTIONAL = ("timeouts", "next_observations")
FLAGS = ("terminals", "timeouts")


def load_d4rl(path: Path, environment: str, dataset_id: str) -> Dataset:
    """The D4RL file `path` of transitions from `environment`, as the dataset `dataset_id`.

    Without `timeouts`, an episode ends at a terminal, after the environment's time limit, and where its next
    observation is not the next row's. An episode still open at the end of the file timed out there.
    Without `next_observations`, they are the next row's. A terminal's is its own observation: the value there is 0.
    A time-out's is not known, so that its transition is dropped and the one before becomes the time-out; an episode
    of one such row disappears.
    Raises `DatasetError` naming the file, the field and the row; `DatasetNotFoundError`; `EnvironmentMismatchError`
    for an environment that is unknown or has observations of another length.
    """
    if not path.is_file():
        raise DatasetNotFoundError(f"dataset {dataset_id!r}: there is no file {path}. Put the D4RL file there.")
    spaces = find_spaces(environment, str(path))
    columns = _read_columns(Source(path, "Delete it and fetch it again."))
    _check_fit(path, environment, spaces, columns)
    if "timeouts" not in columns:
        columns["timeouts"] = _derive_timeouts(columns, spaces.max_steps)
    columns["timeouts"][-1] |= not columns["terminals"][-1]
    if "next_observations" not in columns:
        columns = _derive_next(columns)
    rewards = columns.pop("rewards")
    try:
        return Dataset(dataset_id, environment, spaces.action_space, true_rewards=rewards, **columns)
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from error


def _read_columns(source: Source) -> dict[str, Any]:
    """The arrays of the file by name, of one length: float32, flags bool; rewards and flags (n,)."""
    with open_hdf5(source) as file:
        for name in REQUIRED:
            if name not in file:
                raise DatasetError(f"{source.path} lacks {name}: a D4RL file has {', '.join(REQUIRED)}.")
        columns = {name: _read(source, file, name) for name in (*REQUIRED, *OPTIONAL) if name in file}
    n = len(columns["observations"])
    for name, array in columns.items():
        if len(array) != n:
            raise DatasetError(f"{source.path}: {name} has {len(array)} rows where observations has {n}.")
    if n == 0:
        raise DatasetError(f"{source.path}: observations has no rows: at least one episode is needed.")
    if "timeouts" in columns:
        both = columns["terminals"] & columns["timeouts"]
        if both.any():
            raise DatasetError(
                f"{source.path}: terminals and timeouts are both set at row {int(both.argmax())}: "
                "a task that ended did not run out of time. Clear one of them there."
            )
    return columns


def _read(source: Source, file: Any, name: str) -> Array:
    import h5py

    stored = file[name]
    if not isinstance(stored, h5py.Dataset) or stored.dtype.kind not in "biuf":
        what = stored.dtype if isinstance(stored, h5py.Dataset) else "a group"
        raise DatasetError(f"{source.path}: {name} holds {what}, not numbers.")
    shape = stored.shape
    flat = name in (*FLAGS, "rewards")
    if not shape or (flat and shape not in ((shape[0],), (shape[0], 1))):
        raise DatasetError(f"{source.path}: {name} has shape {shape}, not (n,).")
    check_stored(source, name, stored.id)
    try:
        # A float64 too great for float32 becomes infinite, and is refused as such.
        with np.errstate(over="ignore"):
            array: Array = stored[()].astype(np.float32, copy=False)
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise source.broken(f"{name} cannot be read ({error})") from error
    finite = np.isfinite(array)
    if not finite.all():
        row = int(np.argwhere(~finite)[0][0])
        raise DatasetError(f"{source.path}: {name} is not finite {int((~finite).sum())} times, first at row {row}.")
    if name in FLAGS:
        return _read_flags(source, name, array.reshape(-1))
    return array.reshape(-1) if flat else array


def _read_flags(source: Source, name: str, array: Array) -> Array:
    odd = (array != 0) & (array != 1)
    if odd.any():
        row = int(odd.argmax())
        raise DatasetError(f"{source.path}: {name} is {array[row]} at row {row}, neither 0 nor 1.")
    return array.astype(np.bool_)


def _check_fit(path: Path, environment: str, spaces: Spaces, columns: dict[str, Any]) -> None:
    """Refuse observations of another environment; make Discrete ones one-hot, and discrete actions (n,) int64."""
    (part, *_) = spaces.layout
    for name in {"observations", "next_observations"} & columns.keys():
        array = columns[name]
        if part.first is not None and len(spaces.layout) == 1 and array.shape in ((len(array),), (len(array), 1)):
            try:
                columns[name] = array = part.flatten(array.reshape(-1))
            except ValueError as error:
                raise DatasetError(f"{path}: {name}: {error}, as the Discrete ones of {environment} are.") from error
        if array.shape[1:] != (spaces.observation_size,):
            raise EnvironmentMismatchError(
                f"{path}: {name} has shape {array.shape}, but {environment} shows vectors of length "
                f"{spaces.observation_size}. Name the environment that this file comes from."
            )
    if spaces.action_space.discrete:
        actions = columns["actions"].reshape(len(columns["actions"]), -1)
        if actions.shape[1] != 1 or (actions != np.rint(actions)).any():
            raise DatasetError(f"{path}: actions are not one integer a row, as the Discrete ones of {environment} are.")
        columns["actions"] = actions[:, 0].astype(np.int64)


def _derive_timeouts(columns: dict[str, Any], max_steps: int | None) -> Array:
    """(n,) bool: rows after which an episode was cut, where the file does not say so."""
    terminals, observations = columns["terminals"], columns["observations"]
    ends = terminals.copy()
    if "next_observations" in columns:
        ends[:-1] |= (columns["next_observations"][:-1] != observations[1:]).any(axis=1)
    if max_steps is not None:
        starts = np.flatnonzero(np.concatenate([[True], ends[:-1]]))
        rows = np.arange(len(ends))
        step = rows - starts[np.searchsorted(starts, rows, side="right") - 1]
        ends |= step % max_steps == max_steps - 1
    timeouts: Array = ends & ~terminals
    return timeouts


def _derive_next(columns: dict[str, Any]) -> dict[str, Any]:
    """`columns` with next observations, and without the rows that no next observation is known of."""
    observations, terminals, timeouts = columns["observations"], columns["terminals"], columns["timeouts"]
    following = np.concatenate([observations[1:], observations[-1:]])
    following[terminals] = observations[terminals]
    ends = terminals | timeouts
    cut = np.zeros_like(timeouts)
    cut[:-1] = timeouts[1:] & ~ends[:-1]
    complete = {**columns, "next_observations": following, "timeouts": cut}
    return {name: array[~timeouts] for name, array in complete.items()}
