"""Relabelings beside what is left of the true reward's lift."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offline_bench.analysis.frame import to_frame
from offline_bench.analysis.scores.competence import judge_learners
from offline_bench.analysis.scores.schemes import PREDICTORS, compare_schemes, load_properties
from offline_bench.core.errors import RecordError
from offline_bench.report.scores.schemes import schemes_section
from offline_bench.runs.record import Record, Run

SET = "offline-bench/hopper/medium-v1"
SEEDS = (0, 1, 2)
WRONG = {f"constant(value={value:.1f})": value / 10 for value in range(10)}  # what is left of each


def record(algorithm: str, relabeling: str, seed: int, true_return: float) -> Record:
    run = Run(SET, "full", relabeling, algorithm, seed, 10, 1)
    return Record(run, "ok", returns=[true_return], lengths=[100], data={"mean_return": 500.0, "best_return": 3000.0})


def records(lift: float) -> list[Record]:
    made = []
    for seed in SEEDS:
        made.append(record("bc", "original", seed, 500.0 + seed))
        made.append(record("pct-bc", "original", seed, 500.0 + lift + seed))
        made += [record("pct-bc", name, seed, 500.0 + kept * lift + seed) for name, kept in WRONG.items()]
    return made


def properties(of: Mapping[str, float]) -> dict[str, dict[str, dict[str, float | None]]]:
    told = {name: dict.fromkeys(PREDICTORS, value) for name, value in of.items()}
    return {SET: {name: {**found, "length_correlation": None} for name, found in told.items()}}


def test_relabelings_are_sorted_by_what_is_left_and_a_property_that_goes_with_it_predicts() -> None:
    frame = to_frame(records(1000.0))
    (table,), left_out = compare_schemes(frame, judge_learners(frame), properties(WRONG))
    assert left_out == ()
    assert [one.relabeling for one in table.schemes] == sorted(WRONG, key=lambda name: -WRONG[name])
    assert [one.kept for one in table.schemes] == pytest.approx([value / 10 for value in range(9, -1, -1)])
    by_step, by_return, with_length, ending = table.predictors
    assert by_step.value == by_return.value == ending.value == pytest.approx(1.0)
    assert by_step.low > 0.9
    assert np.isnan(with_length.value)
    opposite = properties({name: -value for name, value in WRONG.items()})
    (turned,), _ = compare_schemes(frame, judge_learners(frame), opposite)
    assert turned.predictors[0].value == pytest.approx(-1.0)


def test_a_property_of_chance_predicts_nothing() -> None:
    frame = to_frame(records(1000.0))
    chance = dict(zip(WRONG, np.random.default_rng(1).permutation(10).astype(float), strict=True))
    (table,), _ = compare_schemes(frame, judge_learners(frame), properties(chance))
    assert table.predictors[0].low < 0.5
    assert table.predictors[0].high - table.predictors[0].low > 0.5


def test_a_learner_that_the_gate_does_not_pass_is_left_out_and_named() -> None:
    frame = to_frame(records(0.0))
    tables, left_out = compare_schemes(frame, judge_learners(frame), properties(WRONG))
    assert tables == ()
    assert [item.label for item in left_out] == ["pct-bc"]
    said = schemes_section(tables, left_out)
    assert "Left out, as the true reward does not lift them above cloning: pct-bc on" in said


def test_without_properties_there_is_no_section() -> None:
    frame = to_frame(records(1000.0))
    assert schemes_section(*compare_schemes(frame, judge_learners(frame), {})) == ""


@pytest.mark.parametrize("unknown", [("constant(value=0.0)",), ("constant(value=2.0)", "constant(value=7.0)")])
def test_half_a_suite_is_told_with_its_seeds_and_what_is_not_known_stands_last(unknown: tuple[str, ...]) -> None:
    # Seed 0 of the true reward is below cloning, and some relabelings have no other seed.
    made = [one for one in records(1000.0) if one.run.relabeling not in unknown or one.run.seed == 0]
    for one in made:
        if one.run.algorithm == "pct-bc" and one.run.relabeling == "original":
            one.returns[0] = {0: 400.0, 1: 1600.0, 2: 1650.0}[one.run.seed]
    frame = to_frame(made)
    passed = [replace(item, verdict="competent") if item.label == "pct-bc" else item for item in judge_learners(frame)]
    (table,), _ = compare_schemes(frame, passed, properties(WRONG))
    last = table.schemes[-len(unknown) :]
    assert tuple(one.relabeling for one in last) == unknown
    assert all(np.isnan(one.kept) and one.seeds == 1 for one in last)
    kept = [one.kept for one in table.schemes[: -len(unknown)]]
    assert kept == sorted(kept, reverse=True)
    assert f"| {unknown[0]} |" in schemes_section((table,), ())


@pytest.mark.parametrize(
    "content", ["{", "[1]", '{"d": 3}', '{"d": {"r": {"x": "y"}}}', '{"d": {"r": {"x": NaN}}}', "\xff"]
)
def test_properties_that_are_none_are_refused_with_the_file(content: str, tmp_path: Path) -> None:
    (tmp_path / "properties.json").write_text(content, encoding="latin-1")
    with pytest.raises(RecordError, match=r"properties\.json is not a file of"):
        load_properties(tmp_path)


def test_properties_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert load_properties(tmp_path) == {}
    (tmp_path / "properties.json").write_text(json.dumps(properties(WRONG)))
    assert load_properties(tmp_path) == properties(WRONG)
