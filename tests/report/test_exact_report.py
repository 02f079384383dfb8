"""The section of exact values: what the records hold, averaged over runs, and nothing where they hold none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from offline_bench.analysis.behavior.exact_values import compare_exact
from offline_bench.analysis.digest.lines import exact_line
from offline_bench.analysis.frame import to_frame
from offline_bench.analysis.scores.leaderboard import build_leaderboard
from offline_bench.report.behavior.exact_values import exact_section, exact_tables
from offline_bench.runs.record import Record, Run


@pytest.fixture(autouse=True)
def no_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "cards.toml").write_text("")
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))


def record(seed: int, facts: dict[str, float] | None, status: str = "ok", relabeling: str = "zero") -> Record:
    run = Run("toy", "full", relabeling, "vi-lcb", seed, 1, 2)
    provenance = {"learner": {"states": 9.0, **facts}} if facts else {}
    return Record(run, status, returns=[1.0], lengths=[3], data={"mean_return": 1.0}, provenance=provenance)


def facts(value: float) -> dict[str, float]:
    here = {"exact.here.P(key)": value, "exact.here.return": 10 * value, "exact.here.short": 1.0}
    return {**here, "exact.moved.P(key)": 0.25, "exact.moved.return": 7.0}


def compare(records: list[Record]) -> tuple:
    return compare_exact(build_leaderboard(to_frame(records), [r.run for r in records], []), records)


def test_a_row_is_the_mean_over_the_runs_that_ended_well_and_says_how_many() -> None:
    (table,) = compare([record(0, facts(0.5)), record(1, facts(0.7)), record(2, None, "failed")])
    names = [(quantity.where, quantity.what) for quantity in table.quantities]
    assert names == [("here", "return"), ("here", "short"), ("here", "P(key)"), ("moved", "P(key)")]
    (row,) = table.rows
    assert (row.n_ok, row.n_runs) == (2, 3)
    assert [value.mean for value in row.values] == pytest.approx([6.0, 1.0, 0.6, 0.25])
    assert (row.values[2].low, row.values[2].high) == (0.5, 0.7)


def test_the_section_shows_a_range_only_where_runs_differ_and_names_the_variant() -> None:
    text = exact_section(compare([record(0, facts(0.5)), record(1, facts(0.7)), record(2, facts(0.6))]))
    header, _, row = [line for line in text.splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in header.strip("|").split("|")] == [
        *("algorithm", "reward", "return", "short", "P(key)", "P(key), moved", "runs")
    ]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        *("vi-lcb", "zero", "6.00 [5.00, 7.00]", "1.00", "0.60 [0.50, 0.70]", "0.25", "3/3")
    ]


def test_the_page_has_the_same_means_to_sort_by_and_its_line_tells_how_far_returns_fall_short() -> None:
    found = compare([record(0, facts(0.5)), record(1, facts(0.7)), record(2, None, "failed")])
    (table,) = exact_tables(found)
    assert table.name == "exact-toy"
    assert [column.heading for column in table.columns][2:] == ["return", "short", "P(key)", "P(key), moved", "runs"]
    assert table.rows[0][2:] == (pytest.approx(6.0), pytest.approx(1.0), pytest.approx(0.6), pytest.approx(0.25), "2/3")
    assert exact_line(found) == "The return falls short of the highest by 1.00 under wrong rewards."
    assert exact_line(()) == ""
    assert exact_tables(()) == ()


def test_rewards_come_in_the_order_of_the_leaderboard() -> None:
    (table,) = compare([record(0, facts(0.1), relabeling=name) for name in ("zero", "original", "negative")])
    assert table.rows[0].relabeling == "original"


def test_records_without_exact_values_make_no_section() -> None:
    assert exact_section(compare([record(0, None)])) == ""
    assert exact_section(compare([record(0, {"target_return": np.pi})])) == ""
