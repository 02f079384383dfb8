"""The page of a large study: it shows what can be read, and names the files beside it that have the rest."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from offline_bench.report.figures import thinned
from offline_bench.report.figures.figure import Figure
from offline_bench.report.figures.sheet import open_sheet
from offline_bench.report.figures.thinned import MOST_MARKS, tell_thinned, thin
from offline_bench.report.html.page import _environment
from offline_bench.report.html.views import MOST_DRAWN, MOST_ROWS, MOST_WITHIN, TableView, view_figure, view_table
from offline_bench.report.tables.formats import to_csv, write_table_files
from offline_bench.report.tables.table import Column, Table


def a_table(rows: int, width: int = 1) -> Table:
    columns = (Column("reward", text=True), Column("score"))
    return Table("cells", "Cells", columns, tuple((f"r{at:06d}" * width, float(at)) for at in range(rows)), "A note.")


def a_figure() -> Figure:
    with open_sheet(50.0) as sheet:
        return sheet.to_figure("dots", "Dots", "Many dots.", "a,b\n")


def show(block: object) -> str:
    template = "{% import 'blocks.html.j2' as blocks with context %}{{ blocks.show(block) }}"
    return _environment().from_string(template).render(block=block)


def names_shown(view: TableView) -> list[str]:
    return [line[0].text for line in view.lines]


def test_of_a_long_table_the_first_rows_are_shown_and_it_is_said() -> None:
    whole, cut = view_table(a_table(MOST_ROWS)), view_table(a_table(MOST_ROWS + 1))
    assert len(whole.lines) == len(cut.lines) == MOST_ROWS
    assert names_shown(whole) == names_shown(cut)
    assert whole.note == "A note."
    assert f"The first {MOST_ROWS} of {MOST_ROWS + 1:,} rows" in cut.note
    assert cut.note.endswith("A note.")
    # What is filtered by is what is there to be filtered.
    assert dict(cut.filters)["reward"] == tuple(names_shown(cut))


def test_a_large_file_lies_beside_the_page_with_all_rows(tmp_path: Path) -> None:
    table = a_table(5_000, width=4)
    assert len(to_csv(table)) > MOST_WITHIN
    write_table_files(tmp_path / "tables", [table])
    for file in view_table(table).downloads:
        assert (tmp_path / file.uri).is_file()
        assert file.uri in file.label
    content = (tmp_path / "tables" / "cells.csv").read_text()
    assert len(list(csv.reader(io.StringIO(content)))) == 5_001
    assert all(file.uri.startswith("data:") for file in view_table(a_table(100)).downloads)


def test_a_large_drawing_is_named_and_not_set_in_the_page() -> None:
    figure = a_figure()
    small, large = (view_figure(one, "") for one in (figure, replace(figure, svg=figure.svg + " " * MOST_DRAWN)))
    assert "<svg" in show(small)
    told = show(large)
    assert "<svg" not in told
    assert 'href="figures/dots.svg"' in told
    assert "Many dots." in told
    assert len(told) < 2_000


@pytest.mark.parametrize("count", [0, 1, MOST_MARKS, MOST_MARKS + 1, 20_000])
def test_marks_are_thinned_evenly_and_only_where_there_are_too_many(count: int) -> None:
    kept = thin(range(count))
    assert kept == sorted(set(kept))
    if count <= MOST_MARKS:
        assert kept == list(range(count))
        assert tell_thinned(count, "runs") == ""
        return
    assert abs(len(kept) - MOST_MARKS) <= 2
    assert f"Of {count:,} runs" in tell_thinned(count, "runs")
    # Of ten seeds in turn, each is as often there as any other.
    seeds = [sum(at % 10 == seed for at in kept) for seed in range(10)]
    assert max(seeds) - min(seeds) <= 0.2 * MOST_MARKS / 10 + 2


def test_parts_of_a_drawing_share_its_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thinned, "MOST_MARKS", 10)
    assert 4 <= len(thin(range(50), of=100)) <= 6
