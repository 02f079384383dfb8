"""D4RL's HDF5 files: flat arrays with ends marked, in older files with some of them left out; d3rlpy 1's are alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from offline_bench.core.errors import DatasetError, DatasetNotFoundError, EnvironmentMismatchError
from offline_bench.data.dataset import Array, Dataset
from offline_bench.data.loaders.d4rl_writer import FINGERPRINT, LABELS, REWARDS, TRUE_REWARDS
from offline_bench.data.loaders.exported import check_fingerprints
from offline_bench.data.loaders.hdf5 import Source, StoredFile, open_hdf5
from offline_bench.data.loaders.leniency import STRICT, Leniency, join_ends, settle_actions
from offline_bench.data.loaders.spaces import Spaces, find_spaces

REQUIRED = ("observations", "actions", "rewards", "terminals")
OPTIONAL = ("timeouts", "next_observations", "episode_terminals")
FLAGS = ("terminals", "timeouts", "episode_terminals")
# Of D4RL: what the simulator stood at, who made it. Of d3rlpy 1: masks for ensembles, and what `_check_dump` compares.
HARMLESS = ("infos", "metadata", "create_mask", "mask_size")
DUMP = ("version", "discrete_action")
ENDS = "episode_terminals"
REMEDY = "If it was downloaded, fetch it again. If not, write it again from its source."


def load_d4rl(path: Path, environment: str, dataset_id: str, leniency: Leniency = STRICT) -> Dataset:
    """The D4RL file `path` of transitions from `environment`, as the dataset `dataset_id`.

    Without `timeouts`, an episode ends at a terminal, after the environment's time limit, and where its next
    observation is not the next row's. An episode still open at the end of the file timed out there. Where a file of
    d3rlpy says by `episode_terminals` where episodes end, those that did not end at a terminal timed out there.
    Without `next_observations`, they are the next row's. A terminal's is its own observation: the value there is 0.
    A time-out's is not known, so that its transition is dropped and the one before becomes the time-out; an episode
    of one such row disappears. A row that is terminal and time-out is terminal.
    A file of `write_d4rl` gives the true rewards by `infos/true_rewards`, and its rewards to the learner. One whose
    content is not that of the fingerprint it names is refused.
    Raises `DatasetError` naming the file, the field and the row; `DatasetNotFoundError`; `EnvironmentMismatchError`
    for an environment that is unknown or has observations of another length.
    """
    if not path.exists():
        raise DatasetNotFoundError(f"dataset {dataset_id!r}: there is no file {path}. Put the D4RL file there.")
    source = Source(path, REMEDY)
    with open_hdf5(source) as file:
        _check_keys(source, file, leniency)
        spaces = find_spaces(environment, str(path))
        columns = _read_columns(source, file)
        labels = _read_labels(source, file) if TRUE_REWARDS in columns else {}
        named = _read_scalar(file, FINGERPRINT) if labels and file.holds(FINGERPRINT) else None
        rewarded = _read_scalar(file, REWARDS) if labels and file.holds(REWARDS) else None
        _check_dump(source, file, spaces, environment)
    _check_fit(path, environment, spaces, columns)
    notes = _settle_ends(source, columns, spaces.max_steps)
    columns["actions"], clipped = settle_actions(
        path, dataset_id, columns["actions"], spaces.action_space, leniency.clip_actions
    )
    if "next_observations" not in columns:
        columns = _derive_next(columns)
    # Of a file that this project wrote, the rewards may be relabeled: the task's lie beside them.
    columns["true_rewards"] = columns.pop(TRUE_REWARDS, columns["rewards"])
    try:
        data = Dataset(dataset_id, environment, spaces.action_space, **columns, **labels, notes=(*notes, *clipped))
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from error
    check_fingerprints(source, data, None if clipped else named, rewarded)
    return data


def _check_keys(source: Source, file: StoredFile, leniency: Leniency) -> None:
    """Refuse a file that lacks a key, or has one that may change what the others mean."""
    names = file.names()
    listed = ", ".join(map(repr, sorted(names)[:12])) + (" ..." if len(names) > 12 else "")
    for name in REQUIRED:
        if name not in names:
            raise DatasetError(
                f"{source.path} lacks {name}: a D4RL file has {', '.join(REQUIRED)}. "
                f"This one has {listed or 'nothing'}."
            )
    for name in leniency.ignore:
        if name in (*REQUIRED, *OPTIONAL):
            raise DatasetError(f"{source.path}: {name} is a known part of the data and cannot be ignored.")
    dump = DUMP if ENDS in names else ()
    unknown = sorted(set(names) - {*REQUIRED, *OPTIONAL, *HARMLESS, *dump, *leniency.ignore})
    if unknown:
        raise DatasetError(
            f"{source.path} has {', '.join(map(repr, unknown[:12]))}. What is unknown here may change the meaning of "
            "the other arrays. If it does not, pass over it: `offline-bench datasets import` with "
            f"{' '.join(f'--ignore {name}' for name in unknown[:3])}."
        )


def _check_dump(source: Source, file: StoredFile, spaces: Spaces, environment: str) -> None:
    """Refuse what d3rlpy dumped where its rewards or its actions mean another thing."""
    if not file.holds(ENDS):
        return
    version = _read_scalar(file, "version") if file.holds("version") else None
    if version != "1.0":
        raise source.odd(
            f"it is a dump of d3rlpy of version {version!r:.20}, not '1.0'. In older dumps, a row may hold the reward "
            "of the step before it. Read the dump with the d3rlpy that wrote it, and write it again with d3rlpy 1.0 "
            "or newer"
        )
    discrete = _read_scalar(file, "discrete_action") if file.holds("discrete_action") else None
    if discrete is not None and bool(discrete) != spaces.action_space.discrete:
        kinds = ("are not", "are")
        raise source.odd(
            f"discrete_action says that its actions {kinds[bool(discrete)]} discrete, but those of {environment} "
            f"{kinds[spaces.action_space.discrete]}"
        )


def _settle_ends(source: Source, columns: dict[str, Any], max_steps: int | None) -> tuple[str, ...]:
    """Put the time-outs (n,) into `columns`: those of the file, else what can be told of them; and notes."""
    ends = columns.pop(ENDS, None)
    if "timeouts" not in columns:
        columns["timeouts"] = ends if ends is not None else _derive_timeouts(columns, max_steps)
    elif ends is not None and (ends != (columns["terminals"] | columns["timeouts"])).any():
        row = int((ends != (columns["terminals"] | columns["timeouts"])).argmax())
        raise source.odd(f"{ENDS} contradicts terminals and timeouts at row {row}")
    # Where episodes end includes where the task did: no row of that is in doubt.
    columns["timeouts"], notes = join_ends(columns["terminals"], columns["timeouts"])
    columns["timeouts"][-1] |= not columns["terminals"][-1]
    return notes if ends is None else ()


def _read_columns(source: Source, file: StoredFile) -> dict[str, Any]:
    """The arrays of the file by name, of one length: float32, flags bool; rewards and flags (n,)."""
    columns = {name: _read(source, file, name) for name in (*REQUIRED, *OPTIONAL) if file.holds(name)}
    if all(file.holds(name) for name in (TRUE_REWARDS, *LABELS.values())):
        columns[TRUE_REWARDS] = _read(source, file, TRUE_REWARDS)
    n = len(columns["observations"])
    for name, array in columns.items():
        if len(array) != n:
            raise DatasetError(f"{source.path}: {name} has {len(array)} rows, but observations has {n}.")
    if n == 0:
        raise DatasetError(f"{source.path}: observations has no rows, and a set has at least one episode.")
    return columns


def _read_labels(source: Source, file: StoredFile) -> dict[str, Any]:
    """What was done to the data before this project wrote the file, as `Dataset` names it."""
    labels = {field: _read_scalar(file, name) for field, name in LABELS.items()}
    for field, text in labels.items():
        if not isinstance(text, str):
            raise source.odd(f"{LABELS[field]} is not a text")
    return labels


def _open(source: Source, file: StoredFile, name: str) -> Any:
    """The `h5py.Dataset` called `name`, whose numbers or texts lie in this file."""
    import h5py

    try:
        stored = h5py.Dataset(file.open(name))
    except KeyError:
        raise DatasetError(f"{source.path}: {name} holds a group, not numbers.") from None
    file.check(name, stored.id)
    return stored


def _read_scalar(file: StoredFile, name: str) -> Any:
    """A single number or text; None for anything else."""
    stored = _open(file.source, file, name)
    if stored.shape != () or stored.dtype.kind not in "biufOS":
        return None
    value = stored[()]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _read(source: Source, file: StoredFile, name: str) -> Array:
    stored = _open(source, file, name)
    if stored.dtype.kind not in "biuf":
        raise DatasetError(f"{source.path}: {name} holds {stored.dtype}, not numbers.")
    shape = stored.shape
    flat = name in (*FLAGS, "rewards", TRUE_REWARDS)
    if not shape or (flat and shape not in ((shape[0],), (shape[0], 1))):
        raise DatasetError(f"{source.path}: {name} has shape {shape}, not (n,).")
    try:
        # A float64 too great for float32 becomes infinite, and is refused as such.
        with np.errstate(over="ignore"):
            array: Array = stored[()].astype(np.float32, copy=False)
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise source.broken(f"{name} cannot be read ({error})") from error
    finite = np.isfinite(array)
    if not finite.all():
        row = int(np.argwhere(~finite)[0][0])
        raise DatasetError(
            f"{source.path}: {name} has {int((~finite).sum())} values that are not finite, the first at row {row}."
        )
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
                raise DatasetError(f"{path}: {name}: {error}, as in the Discrete space of {environment}.") from error
        if array.shape[1:] != (spaces.observation_size,):
            raise EnvironmentMismatchError(
                f"{path}: {name} has shape {array.shape}, but {environment} shows vectors of length "
                f"{spaces.observation_size}. Name the environment that this file comes from."
            )
    if spaces.action_space.discrete:
        actions = columns["actions"].reshape(len(columns["actions"]), -1)
        if actions.shape[1] != 1 or (actions != np.rint(actions)).any():
            raise DatasetError(
                f"{path}: the actions of {environment} are Discrete, but actions does not have one integer in each row."
            )
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
