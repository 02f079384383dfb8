"""The page: what it may call best, that its commands name its runs, that its links lead somewhere, and its escapes."""

from __future__ import annotations

import shlex

from hypothesis import given, settings
from hypothesis import strategies as st

from offline_bench.analysis.best import find_best
from offline_bench.analysis.board import Cell, DatasetTable, Row
from offline_bench.analysis.reproduction import write_commands
from offline_bench.record import Run
from offline_bench.suites import Grid

VALUES = st.integers(-20, 120)


def table(*rows: list[Cell], curations: list[str] | None = None) -> DatasetTable:
    curations = curations or ["full"] * len(rows)
    made = [
        Row(curation, f"a{at}", f"a{at}", 100, 2, 0.0, tuple(cells), 1, 1)
        for at, (curation, cells) in enumerate(zip(curations, rows, strict=True))
    ]
    return DatasetTable("toy", None, tuple(made))


def cell(low: float, value: float, high: float, n_ok: int = 5) -> Cell:
    return Cell("zero", value, low, high, n_ok, 5)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES).map(sorted), min_size=2, max_size=6))
def test_the_best_lies_above_every_other_interval_and_there_is_one_at_most(numbers: list[list[int]]) -> None:
    best = find_best(table(*([cell(*three)] for three in numbers)))
    clear = [
        at
        for at, (low, _, _) in enumerate(numbers)
        if all(low > high for other, (_, _, high) in enumerate(numbers) if other != at)
    ]
    assert best == {(at, 0) for at in clear}
    assert len(best) <= 1


def test_nothing_is_best_alone_beside_a_single_run_or_against_another_curation() -> None:
    high, low, single = cell(50, 60, 70), cell(1, 2, 3), Cell("zero", 2.0, n_ok=1, n_expected=5)
    assert find_best(table([high])) == set()
    assert find_best(table([high], [Cell("zero", n_expected=5)])) == set()
    assert find_best(table([high], [single])) == set()
    assert find_best(table([high], [low], curations=["full", "truncate(steps=2)"])) == set()
    assert find_best(table([low], [high], [Cell("zero", n_expected=5)])) == {(1, 0)}
    assert find_best(table([low, high], [high, low])) == {(1, 0), (0, 1)}
    assert find_best(DatasetTable("toy", None, ())) == set()


def parse_command(line: str) -> set[Run]:
    """The runs that a command of `write_commands` carries out, as the command line reads it."""
    program, command, *words = shlex.split(line)
    assert (program, command) == ("offline-bench", "run")
    given: dict[str, list[str]] = {}
    for option, value in zip(words[::2], words[1::2], strict=True):
        given.setdefault(option.removeprefix("--"), []).append(value)
    known = {"dataset", "algorithm", "relabeling", "curation", "seed", "steps", "episodes", "curve"}
    assert set(given) <= known
    grid = Grid(
        datasets=given["dataset"],
        algorithms=given["algorithm"],
        relabelings=given["relabeling"],
        seeds=[int(seed) for seed in given["seed"]],
        steps=int(given["steps"][0]),
        episodes=int(given["episodes"][0]),
        curations=given["curation"],
        curve=[int(step) for step in given.get("curve", [])],
    )
    evaluated.update(dict.fromkeys(grid.runs(), grid.evaluated_steps()))
    return set(grid.runs())


evaluated: dict[Run, tuple[int, ...]] = {}

RUNS = st.builds(
    Run,
    st.sampled_from(["mine/a b'c; rm -rf ~", "$(x)/y"]),
    st.sampled_from(["full", "truncate(steps=200)"]),
    st.sampled_from(["original", "zero", "random(high=1, low=0)"]),
    st.sampled_from(["bc", "iql(expectile=0.9)"]),
    st.integers(0, 3),
    st.sampled_from([100, 200]),
    st.sampled_from([2, 5]),
)


@settings(max_examples=60)
@given(st.dictionaries(RUNS, st.sampled_from([(), (50,), (20, 50)]), min_size=1, max_size=25))
def test_the_commands_of_a_row_carry_out_its_runs_and_no_other_evaluated_at_the_same_steps(
    chosen: dict[Run, tuple[int, ...]],
) -> None:
    from offline_bench.curate import curations
    from offline_bench.relabel import relabelings

    evaluated.clear()
    runs = {
        Run(
            run.dataset,
            str(curations.bind(run.curation)),
            str(relabelings.bind(run.relabeling)),
            run.algorithm,
            run.seed,
            run.steps,
            run.episodes,
        ): (*steps, run.steps)
        for run, steps in chosen.items()
    }
    found: list[Run] = []
    for row in write_commands(runs):
        key = (row.dataset, row.curation, row.algorithm, row.steps, row.episodes)
        of_row = [run for line in row.commands for run in parse_command(line)]
        assert {(r.dataset, r.curation, r.algorithm, r.steps, r.episodes) for r in of_row} == {key}
        found += of_row
    assert sorted(found) == sorted(runs)
    assert evaluated == runs
