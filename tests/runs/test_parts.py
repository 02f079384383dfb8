"""A part of a suite is the runs that match, whole or by their short names."""

from itertools import product

import pytest

from offline_bench.core.errors import SpecError
from offline_bench.runs.parts import select_runs
from offline_bench.runs.record import Run

DATASETS = ("offline-bench/hopper/medium-v1", "offline-bench/hopper/expert-v1", "offline-bench/walker2d/medium-v0")
ALGORITHMS = ("atac(beta=8.0)", "atac(beta=1.0)", "iql")
RELABELINGS = ("original", "random(high=1, low=0)")
SEEDS = (0, 1, 10)
RUNS = {Run(d, "full", r, a, s, 100, 5): (100,) for s, d, a, r in product(SEEDS, DATASETS, ALGORITHMS, RELABELINGS)}


def values(patterns: list[str], key: str) -> set[object]:
    return {getattr(run, key) for run in select_runs(RUNS, patterns)}


def test_without_patterns_all_runs_are_wanted() -> None:
    assert select_runs(RUNS, []) == RUNS


def test_what_is_selected_keeps_its_order_and_what_is_told_of_it() -> None:
    found = select_runs(RUNS, ["algorithm=iql"])
    assert list(found.items()) == [(run, told) for run, told in RUNS.items() if run.algorithm == "iql"]


@pytest.mark.parametrize(
    ("pattern", "key", "wanted"),
    [
        ("dataset=hopper/*", "dataset", set(DATASETS[:2])),
        ("dataset=offline-bench/hopper/*", "dataset", set(DATASETS[:2])),
        ("dataset=*/medium-v?", "dataset", {DATASETS[0], DATASETS[2]}),
        ("algorithm=atac", "algorithm", set(ALGORITHMS[:2])),
        ("algorithm=atac(beta=8.0)", "algorithm", {ALGORITHMS[0]}),
        ("relabeling=random", "relabeling", {RELABELINGS[1]}),
        ("seed=1", "seed", {1}),
        ("seed=1*", "seed", {1, 10}),
    ],
)
def test_a_pattern_is_held_against_the_whole_and_the_short_name(pattern: str, key: str, wanted: set[object]) -> None:
    assert values([pattern], key) == wanted


def test_patterns_of_one_key_add_and_those_of_several_narrow() -> None:
    found = select_runs(RUNS, ["dataset=hopper/*", "algorithm=iql", "algorithm=atac(beta=1.0)", "seed=0"])
    assert {(run.dataset, run.algorithm, run.seed) for run in found} == set(product(DATASETS[:2], ALGORITHMS[1:], (0,)))
    assert len(found) == 2 * 2 * len(RELABELINGS)


@pytest.mark.parametrize(
    ("patterns", "says"),
    [
        (["hopper"], "does not have the form key=text, such as"),
        (["dataset="], "does not have the form key=text, such as"),
        (["datset=hopper/*"], "did you mean dataset"),
        (["algorithm=ata"], r"no run has this algorithm\. The suite has atac, iql"),
        (["dataset=hopper"], "The suite has hopper/medium-v1, hopper/expert-v1, walker2d/medium-v0"),
    ],
)
def test_a_pattern_that_is_none_or_matches_nothing_says_what_there_is(patterns: list[str], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        select_runs(RUNS, patterns)


def test_patterns_that_match_no_run_together_say_so() -> None:
    runs = {run: told for run, told in RUNS.items() if run.algorithm != "iql" or run.dataset == DATASETS[2]}
    with pytest.raises(SpecError, match="no run matches all of them"):
        select_runs(runs, ["algorithm=iql", "dataset=hopper/*"])
