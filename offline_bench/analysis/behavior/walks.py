"""The walks of a suite's learners on their grids: the file that keeps them, and what they come to over seeds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from offline_bench.analysis.behavior.exact_values import EVENT, ExactRow, ExactTable, compare_exact
from offline_bench.analysis.scores.entries import Leaderboard
from offline_bench.core.errors import OfflineBenchError, SuiteError
from offline_bench.core.reading import read_text
from offline_bench.core.storage import write_text
from offline_bench.evaluation.walking import DIGITS, Walk
from offline_bench.runs.record import Record, Run

WALKS = "walks.json"
SCHEMA = 1


@dataclass(frozen=True)
class RunWalk:
    """The walks of one run's policy by place, see `walking.walk`; `policy` is its fingerprint."""

    run: Run
    policy: str
    places: Mapping[str, Walk]


@dataclass(frozen=True)
class Walks:
    """The content of a file: the rows of each dataset's grid, see `Layout`, and a walk for each run."""

    grids: Mapping[str, tuple[str, ...]]
    walks: tuple[RunWalk, ...]


@dataclass(frozen=True)
class WalkPanel:
    """What a learner does under a reward in one place: the mean over `n` runs, and the chance of each event."""

    where: str
    label: str
    relabeling: str
    walk: Walk
    chances: tuple[tuple[str, float], ...]
    n: int


@dataclass(frozen=True)
class WalkTable:
    """The panels of one dataset under one curation, place by place, learner by learner, reward by reward."""

    dataset: str
    curation: str
    grid: tuple[str, ...]
    panels: tuple[WalkPanel, ...]


def write_walks(path: Path, walks: Walks) -> None:
    """Write `walks` to `path`, a run a line; the same walks make the same bytes. Raises `StorageError`."""
    lines = ",\n".join(json.dumps(_pack(one), separators=(",", ":")) for one in walks.walks)
    grids = json.dumps(dict(sorted(walks.grids.items())))
    write_text(path, f'{{"schema":{SCHEMA},"grids":{grids},"walks":[\n{lines}\n]}}\n')


def load_walks(folder: Path) -> Walks | None:
    """The walks of a suite's folder; None where it has none. Raises `SuiteError` where they cannot be read."""
    path = folder / WALKS
    if not path.is_file():
        return None
    again = f"Write it again: offline-bench walk {folder.name}"
    try:
        content = json.loads(read_text(path))
        if content["schema"] != SCHEMA:
            raise SuiteError(f"{path} has schema {content['schema']}, but this version reads schema {SCHEMA}. {again}")
        grids = {str(name): tuple(map(str, rows)) for name, rows in content["grids"].items()}
        return Walks(grids, tuple(map(_unpack, content["walks"])))
    except SuiteError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OfflineBenchError) as error:
        raise SuiteError(f"cannot read {path}: {error!r:.200}. {again}") from error


def compare_walks(walks: Walks | None, board: Leaderboard, records: Sequence[Record]) -> tuple[WalkTable, ...]:
    """A table for each dataset that has walks of the policies that `records` are of; all other walks are left out."""
    if walks is None:
        return ()
    policies = {record.run: record.fingerprints.get("policy") for record in records}
    groups: dict[tuple[str, str], list[RunWalk]] = defaultdict(list)
    for one in walks.walks:
        if policies.get(one.run) == one.policy:
            groups[one.run.dataset, one.run.curation].append(one)
    labels = {entry.algorithm: entry.label for entry in board.algorithms}
    exact = compare_exact(board, records)
    tables = ((part, groups[part.dataset, part.curation]) for part in exact)
    return tuple(
        WalkTable(part.dataset, part.curation, walks.grids[part.dataset], tuple(_panels(part, own, labels)))
        for part, own in tables
        if own
    )


def _panels(part: ExactTable, walks: Iterable[RunWalk], labels: Mapping[str, str]) -> Iterator[WalkPanel]:
    cells: dict[tuple[str, str], list[RunWalk]] = defaultdict(list)
    for one in walks:
        cells[labels.get(one.run.algorithm, one.run.algorithm), one.run.relabeling].append(one)
    places = dict.fromkeys(where for own in cells.values() for one in own for where in one.places)
    for where in places:
        for row in part.rows:
            own = [one.places[where] for one in cells.get((row.label, row.relabeling), ()) if where in one.places]
            if own:
                chances = tuple(_chances(part, row, where))
                yield WalkPanel(where, row.label, row.relabeling, _mean(own), chances, len(own))


def _chances(part: ExactTable, row: ExactRow, where: str) -> Iterator[tuple[str, float]]:
    """(event, its chance) of those that were computed in `where`."""
    for quantity, value in zip(part.quantities, row.values, strict=True):
        if quantity.where == where and quantity.what.startswith(EVENT):
            yield quantity.what[len(EVENT) : -1], value.mean


def _mean(walks: Sequence[Walk]) -> Walk:
    legs: dict[tuple[int, int], float] = defaultdict(float)
    ends: dict[int, float] = defaultdict(float)
    for one in walks:
        for leg, share in one.legs.items():
            legs[leg] += share / len(walks)
        for cell, share in one.ends.items():
            ends[cell] += share / len(walks)
    return Walk(
        {leg: round(share, DIGITS) for leg, share in sorted(legs.items())},
        {cell: round(share, DIGITS) for cell, share in sorted(ends.items())},
    )


def _pack(one: RunWalk) -> dict[str, Any]:
    places = {
        where: {
            "legs": [[*leg, share] for leg, share in walk.legs.items()],
            "ends": [[cell, share] for cell, share in walk.ends.items()],
        }
        for where, walk in one.places.items()
    }
    return {"run": asdict(one.run), "policy": one.policy, "places": places}


def _unpack(content: Mapping[str, Any]) -> RunWalk:
    places = {
        str(where): Walk(
            {(int(one), int(other)): float(share) for one, other, share in walk["legs"]},
            {int(cell): float(share) for cell, share in walk["ends"]},
        )
        for where, walk in content["places"].items()
    }
    return RunWalk(Run(**content["run"]), str(content["policy"]), places)
