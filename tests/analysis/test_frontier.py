"""What a second buys: scores of the last two evaluations, seconds in proportion, and who lies on the frontier."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from offline_bench.analysis.scores.frontier import Bought, find_frontier, tell_change
from offline_bench.analysis.scores.setting_costs import SettingCosts, load_costs
from offline_bench.core.errors import RecordError
from offline_bench.data.loaders.tasks import find_task
from offline_bench.report.scores.frontier import frontier_section
from offline_bench.runs.record import CurvePoint, Record
from offline_bench.runs.suites import Grid

SETS = ("offline-bench/halfcheetah/medium-v0", "offline-bench/hopper/medium-v1")
FIRST, FAST, WIDE = "bc(hidden_units=(4,))", "bc(hidden_units=(4,), learning_rate=0.01)", "bc(hidden_units=(8,))"
GRID = Grid(SETS, [FIRST, FAST, WIDE], ["original"], [7, 8], steps=40, episodes=1, curve=[10, 20])
# Of each setting the scores after 10, 20 and 40 steps, and its seconds.
TOLD = {FIRST: ([10, 20, 30], 4.0), FAST: ([10, 40, 20], 4.0), WIDE: ([0, 20, 60], 40.0)}


def made(skip: Iterable[tuple[str, int]] = (), seconds: bool = True) -> list[Record]:
    records = []
    for run in GRID.runs():
        scores, took = TOLD[run.algorithm]
        task, add = find_task(run.dataset), 2.0 * (run.seed - 7.5)
        returns = [
            task.random_return + (score + add) / 100 * (task.expert_return - task.random_return) for score in scores
        ]
        curve = [CurvePoint(step, [value], {}) for step, value in zip((10, 20, 40), returns, strict=True)]
        if (run.dataset, run.seed) not in skip:
            facts = {"processor_seconds": took} if seconds else {}
            records.append(
                Record(
                    run, "ok", returns=[returns[-1]], curve=curve, data={"mean_return": returns[0]}, provenance=facts
                )
            )
    return records


def bought(records: list[Record]) -> dict[tuple[str, int], Bought]:
    (part,) = find_frontier(records, [GRID])
    assert part.datasets == SETS
    return {(one.algorithm, one.step): one for one in part.bought}


def test_a_score_is_of_the_last_two_evaluations_and_of_all_seeds() -> None:
    found = bought(made())
    assert found[FIRST, 10].mean == pytest.approx(10)
    assert found[FIRST, 40].scores == pytest.approx((25, 25))
    assert found[FIRST, 40].runs == found[FIRST, 40].expected == 4


def test_seconds_are_in_proportion_to_the_steps() -> None:
    found = bought(made())
    assert [found[WIDE, step].seconds for step in (10, 20, 40)] == [10, 20, 40]
    assert np.isnan(bought(made(seconds=False))[WIDE, 10].seconds)


def test_the_frontier_has_no_cheaper_setting_that_is_as_good() -> None:
    least = {key for key, one in bought(made()).items() if one.least}
    # 10 at 1 s (twice), 25 at 2 s, 30 at 4 s, and 40 at 40 s; 25 at 4 s and 10 at 20 s are had for less.
    assert least == {(FIRST, 10), (FAST, 10), (FAST, 20), (FAST, 40), (WIDE, 40)}


def test_a_mean_waits_for_every_set() -> None:
    missing = bought(made(skip=[(SETS[1], 7), (SETS[1], 8)]))
    assert np.isnan(missing[FIRST, 40].mean) and not missing[FIRST, 40].least
    half = bought(made(skip=[(SETS[1], 8)]))[FIRST, 40]
    assert half.mean == pytest.approx(24.5) and half.runs == 3


def test_a_change_is_told_against_the_first_of_its_name() -> None:
    assert tell_change(FIRST, FIRST) == ""
    assert tell_change(FAST, WIDE, "cut(p=1)") == "hidden_units=(8,), without learning_rate, cut(p=1)"


def test_the_table_shows_each_setting_and_the_data() -> None:
    text = frontier_section(find_frontier(made(), [GRID]))
    assert text.count("● bc") == 5
    assert "learning" in text and "hidden" in text
    assert "| behavior  | the data itself" in text
    assert frontier_section(find_frontier([], [GRID])) == ""


def test_measured_costs_take_the_place_of_what_each_record_took() -> None:
    seconds = {FIRST: {"HalfCheetah-v5": 1.0, "Hopper-v5": 3.0}, FAST: {"Hopper-v5": 3.0}}
    costs = SettingCosts("a machine", 8, 10, seconds)
    (part,) = find_frontier(made(), [GRID], costs)
    found = {(one.algorithm, one.step): one for one in part.bought}
    assert [found[FIRST, step].seconds for step in (10, 20, 40)] == [2, 4, 8]
    assert np.isnan(found[FAST, 40].seconds) and np.isnan(found[WIDE, 40].seconds)
    assert not found[WIDE, 40].least
    text = frontier_section((part,), costs)
    assert "a machine" in text and "evaluations included" not in text
    assert "evaluations included" in frontier_section(find_frontier(made(), [GRID]))


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        '{"machine": "m", "together": 0, "steps": 1, "seconds": {}}',
        '{"machine": "m", "together": 8, "steps": 1, "seconds": {"bc": {"Hopper-v5": true}}}',
        '{"machine": "m", "together": 8, "steps": 1, "seconds": {"bc": 3}}',
        '{"machine": "m", "together": 8, "steps": 1, "seconds": {"bc": {"Hopper-v5": NaN}}}',
    ],
)
def test_a_file_that_holds_no_costs_is_refused_by_name(tmp_path: Path, content: str) -> None:
    assert load_costs(tmp_path) is None
    (tmp_path / "costs.json").write_text(content)
    with pytest.raises(RecordError, match=r"costs\.json is not a file of `describe costs`"):
        load_costs(tmp_path)
