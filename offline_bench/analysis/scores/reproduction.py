"""The commands that do a row of the leaderboard again, one run for each of its seeds and relabelings."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from offline_bench.runs.record import Run

Row = tuple[str, str, str, int, int]


@dataclass(frozen=True)
class RowCommands:
    """How one row of the leaderboard is made again; each command is one line for a POSIX shell."""

    dataset: str
    curation: str
    algorithm: str
    steps: int
    episodes: int
    commands: tuple[str, ...]


def write_commands(runs: Mapping[Run, tuple[int, ...]]) -> tuple[RowCommands, ...]:
    """The commands of every row, in the order of their names; `runs` are a suite's, each with its evaluated steps.

    A command carries out every combination of what it names. Where a row does not have all combinations, or does not
    evaluate all its runs at the same steps, it takes several commands: together they name its runs and no other.
    """
    rows: dict[Row, dict[Run, tuple[int, ...]]] = defaultdict(dict)
    for run, steps in runs.items():
        rows[run.dataset, run.curation, run.algorithm, run.steps, run.episodes][run] = steps
    return tuple(RowCommands(*key, _commands(rows[key])) for key in sorted(rows))


def _commands(runs: Mapping[Run, tuple[int, ...]]) -> tuple[str, ...]:
    seeds: dict[tuple[str, tuple[int, ...]], list[int]] = defaultdict(list)
    for run, steps in sorted(runs.items()):
        seeds[run.relabeling, steps].append(run.seed)
    alike: dict[tuple[tuple[int, ...], tuple[int, ...]], list[str]] = defaultdict(list)
    for (relabeling, steps), found in seeds.items():
        alike[steps, tuple(sorted(found))].append(relabeling)
    run = next(iter(runs))
    return tuple(_command(run, relabelings, *at) for at, relabelings in sorted(alike.items()))


def _command(run: Run, relabelings: list[str], evaluated: tuple[int, ...], seeds: tuple[int, ...]) -> str:
    words = ["offline-bench", "run", "--dataset", run.dataset, "--algorithm", run.algorithm]
    words += ["--curation", run.curation]
    for option, values in (("--relabeling", relabelings), ("--seed", seeds)):
        words += [word for value in values for word in (option, str(value))]
    words += ["--steps", str(run.steps), "--episodes", str(run.episodes)]
    words += [word for step in evaluated if step < run.steps for word in ("--curve", str(step))]
    return shlex.join(words)
