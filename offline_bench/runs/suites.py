"""Suites: a TOML file that says which runs make up a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from offline_bench.algorithms import algorithms
from offline_bench.core.errors import OfflineBenchError, SuiteError
from offline_bench.core.paths import results_folder, suite_files
from offline_bench.core.reading import read_toml
from offline_bench.core.registry import unknown_name
from offline_bench.runs.content import is_count
from offline_bench.runs.record import Run, make_runs
from offline_bench.schemes.curate import curations
from offline_bench.schemes.relabel import relabelings

# Numbers of tables have 64 bits.
LIMIT = 2**63
FLAGS = ("frontier", "gate", "unfinished")


@dataclass(frozen=True)
class Grid:
    """Every combination of the lists is one run. Component texts are made canonical.

    seeds     the runs' seeds
    steps     gradient steps
    episodes  evaluation episodes at every step that is evaluated
    curve     steps at which the policy is evaluated on the way; the last step always is
    """

    datasets: Sequence[str]
    algorithms: Sequence[str]
    relabelings: Sequence[str]
    seeds: Sequence[int]
    steps: int
    episodes: int
    curations: Sequence[str] = ("full",)
    curve: Sequence[int] = ()

    def __post_init__(self) -> None:
        _check_grid(self)

    def runs(self) -> list[Run]:
        """All runs, seed by seed, so that a half-finished suite has whole comparisons. Raises `OfflineBenchError`."""
        texts = {
            "curation": [str(curations.bind(text)) for text in self.curations],
            "relabeling": [str(relabelings.bind(text)) for text in self.relabelings],
            "algorithm": [str(algorithms.bind(text)) for text in self.algorithms],
        }
        cells = product(self.seeds, self.datasets, texts["curation"], texts["algorithm"], texts["relabeling"])
        return make_runs([(d, c, r, a, seed, self.steps, self.episodes) for seed, d, c, a, r in cells])

    def evaluated_steps(self) -> tuple[int, ...]:
        return tuple(sorted({*(step for step in self.curve if step < self.steps), self.steps}))


@dataclass(frozen=True)
class Suite:
    """A named study; `folder` holds its suite file and its committed results.

    predictions   the file's [[predictions]] tables as they stand; `analysis.predictions` reads them
    published     the folder whose published.toml holds the numbers to compare with: its own, or that which the file
                  names by `published`, relative to its own
    gate          `gate = true`: only learners that read their reward count where rewards are spoken of, see
                  `analysis.scores.competence`; suites from before there was a gate lack the key
    frontier      `frontier = true`: a study of settings, whose tables show what each scored for what it took
    unfinished    `unfinished = true`: its committed records are those that there are so far, and its tables say so
    found         runs beside those of its grids, each with the steps at which it was evaluated: what a folder holds
    """

    name: str
    title: str
    folder: Path
    grids: tuple[Grid, ...]
    predictions: tuple[Any, ...] = ()
    published: Path = Path()
    gate: bool = False
    unfinished: bool = False
    frontier: bool = False
    found: Mapping[Run, tuple[int, ...]] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """What makes its records; '' where these were only found."""
        return f"make reproduce SUITE={self.name}" if self.grids else ""

    def runs(self) -> dict[Run, tuple[int, ...]]:
        """Each run with the steps at which it is evaluated."""
        return dict(self._runs)

    @cached_property
    def _runs(self) -> dict[Run, tuple[int, ...]]:
        # A large suite is laid out once, and not once more for every table that asks.
        steps = {run: tuple(sorted(at)) for run, at in self.found.items()}
        for grid in self.grids:
            at = grid.evaluated_steps()
            if not steps:
                steps = dict.fromkeys(grid.runs(), at)
                continue
            for run in grid.runs():
                known = steps.get(run, at)
                steps[run] = at if known == at else tuple(sorted({*known, *at}))
        return steps


def list_suites() -> list[str]:
    """Names of the suites under `results/`, the user's own and those of this package."""
    return sorted(suite_files())


def find_suite_file(name: str) -> Path:
    """Where the suite file of `name` lies, or would lie."""
    return suite_files().get(name, results_folder() / name / "suite.toml")


def load_suite(name: str) -> Suite:
    """The suite `name`, one of `list_suites()`, or the suite file at that path.

    Raises `SuiteError` naming the file and the key that is wrong, or the nearest suite names.
    """
    path = Path(name) if name.endswith(".toml") else find_suite_file(name)
    if not path.is_file():
        raise SuiteError(f"no suite file {path}: " + unknown_name("suite", name, list_suites()))
    try:
        content = read_toml(path)
    except (OSError, ValueError) as error:
        raise SuiteError(f"cannot read the suite file {path}: {error}") from error
    unknown = set(content) - {"title", "grids", "predictions", "published", *FLAGS}
    predictions = content.get("predictions", [])
    if unknown or not isinstance(content.get("grids"), list) or not isinstance(predictions, list):
        raise SuiteError(
            f"{path}: a suite file has a title and [[grids]], and may have published, frontier, gate, unfinished "
            f"and [[predictions]]; unknown: {', '.join(sorted(unknown)) or '-'}"
        )
    grids = tuple(_build_grid(table, f"{path}, [[grids]] number {i}") for i, table in enumerate(content["grids"], 1))
    folder = path.resolve().parent
    published = folder / str(content.get("published", ""))
    if "published" in content and not (published / "published.toml").is_file():
        raise SuiteError(f"{path}: published names {content['published']!r}, a folder without a published.toml")
    flags = {name: content.get(name, False) for name in FLAGS}
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise SuiteError(f"{path}: {name} must be true or false, not {flag!r}")
    return Suite(folder.name, str(content.get("title", "")), folder, grids, tuple(predictions), published, **flags)


def _build_grid(table: Any, where: str) -> Grid:
    known = {f.name for f in fields(Grid)}
    if not isinstance(table, dict):
        raise SuiteError(f"{where}: must be a table of {', '.join(sorted(known))}, not {table!r:.200}")
    for key in table:
        if key not in known:
            raise SuiteError(f"{where}: {unknown_name('key', key, known)}")
    try:
        grid = Grid(**table)
        # One seed says of all of them whether the texts can be read.
        replace(grid, seeds=grid.seeds[:1]).runs()
    except (TypeError, OfflineBenchError) as error:
        raise SuiteError(f"{where}: {error}") from error
    return grid


def _check_grid(grid: Grid) -> None:
    for name in ("datasets", "algorithms", "relabelings", "curations"):
        value = getattr(grid, name)
        if not isinstance(value, list | tuple) or not value or not all(isinstance(text, str) for text in value):
            raise SuiteError(f"{name} must be a list of texts, not {value!r:.200}")
    for name in ("seeds", "curve"):
        value = getattr(grid, name)
        if not isinstance(value, list | tuple) or not all(type(number) is int and number >= 0 for number in value):
            raise SuiteError(f"{name} must be a list of whole numbers, not {value!r:.200}")
        if not all(map(is_count, value)):
            raise SuiteError(f"{name} must be a list of whole numbers below 2**63, not {value!r:.200}")
    if not grid.seeds:
        raise SuiteError("seeds is empty: at least one seed is needed")
    _check_budget(grid)


def _check_budget(grid: Grid) -> None:
    for name, most in (("steps", 10**12), ("episodes", 10**6)):
        value = getattr(grid, name)
        if type(value) is not int or value < 1:
            raise SuiteError(f"{name} must be a whole number from 1, not {value!r:.80}")
        if value > most:
            raise SuiteError(f"{name} must be a whole number up to {most:,}, not {value!r:.80}")
    late = [step for step in grid.curve if step > grid.steps]
    if late:
        raise SuiteError(
            f"curve has step {late[0]}, but training ends at step {grid.steps}: leave that step out, or train longer"
        )
