"""The paths on the grids: what a policy walks, what is kept of it, what is drawn, and that it can be made again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offline_bench.analysis.behavior.walks import WALKS, RunWalk, Walks, compare_walks, load_walks, write_walks
from offline_bench.analysis.digest.lines import walk_line
from offline_bench.analysis.frame import to_frame
from offline_bench.analysis.scores.leaderboard import build_leaderboard
from offline_bench.commands.walk import walk_run
from offline_bench.core.errors import SuiteError
from offline_bench.core.paths import project_root
from offline_bench.environments.layout import MOVES
from offline_bench.environments.make import find_model
from offline_bench.evaluation.exact import HERE
from offline_bench.evaluation.walking import Walk, walk
from offline_bench.report.behavior.walks import draw_walks, walks_section
from offline_bench.runs.record import Record
from offline_bench.runs.store import read_records
from tests.environments.test_grids import CORRIDOR, GRID, model_of

FOLDER = project_root() / "results" / "grids"


class Always:
    """A policy that takes one action everywhere."""

    def __init__(self, action: int) -> None:
        self.action = action

    def act(self, observations: np.ndarray) -> np.ndarray:
        return np.full(len(observations), self.action)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return read_records(FOLDER).records


@pytest.fixture(scope="module")
def tables(records: list[Record]) -> tuple:
    return tables_of(load_walks(FOLDER), records)


def tables_of(walks: Walks | None, records: list[Record]) -> tuple:
    return compare_walks(walks, build_leaderboard(to_frame(records), [r.run for r in records], []), records)


def test_a_policy_that_goes_right_crosses_the_grid_in_a_straight_line() -> None:
    layout = model_of(GRID).layout
    (start,) = layout.marked("S").nonzero()[0]
    (key,) = layout.marked("K").nonzero()[0]
    found = walk(Always(MOVES.index((0, 1))), GRID)[HERE]
    assert found.legs == {(cell, cell + 1): 1.0 for cell in range(start, key)}
    assert found.ends == {key: 1.0}


def test_shares_are_of_the_starts_and_a_walk_ends_where_the_episode_does() -> None:
    found = walk(Always(MOVES.index((0, 1))), CORRIDOR)
    assert set(found) == {HERE, "moved"}
    assert sum(found[HERE].ends.values()) == pytest.approx(1.0, abs=0.001)
    assert set(found[HERE].legs.values()) == {0.3333}
    # Moved coins lie on the way, and end the episode there.
    assert len(found["moved"].ends) > len(found[HERE].ends)
    (start,) = model_of(GRID).layout.marked("S").nonzero()[0]
    assert walk(Always(MOVES.index((0, 0))), GRID)[HERE] == Walk({}, {start: 1.0})


def test_every_leg_of_the_committed_walks_joins_neighbors_and_none_goes_on_from_an_end_in_lava() -> None:
    walks = load_walks(FOLDER)
    assert walks is not None
    for one in walks.walks:
        rows = walks.grids[one.run.dataset]
        for found in one.places.values():
            for leg in found.legs:
                (y, x), (down, right) = (divmod(cell, len(rows[0])) for cell in leg)
                assert (down - y, right - x) in MOVES
                assert rows[y][x] != "L"
            assert sum(found.ends.values()) == pytest.approx(1.0, abs=0.005)


def test_the_committed_walks_are_of_the_committed_policies(records: list[Record]) -> None:
    walks = load_walks(FOLDER)
    assert walks is not None
    policies = {record.run: record.fingerprints["policy"] for record in records}
    assert {one.run: one.policy for one in walks.walks}.items() <= policies.items()
    assert {record.run for record in records if record.provenance["trainer"] == "tabular"} == {
        one.run for one in walks.walks
    }


@pytest.mark.slow
def test_a_learner_that_is_trained_again_takes_the_same_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from offline_bench.behaviors.collect import find_recipe, write_collected
    from offline_bench.data.loaders.cards import load_cards
    from offline_bench.runs import experiment

    walks = load_walks(FOLDER)
    assert walks is not None
    (tmp_path / "datasets").mkdir()
    for path in (project_root() / "datasets").iterdir():
        if path.name != "cache":
            (tmp_path / "datasets" / path.name).symlink_to(path)
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(tmp_path))
    card = load_cards()["offline-bench/survival-grid/cut-v0"]
    write_collected(card, find_recipe(card), card.id, lambda share: None)
    experiment._load_once.cache_clear()
    wanted = [one for one in walks.walks if one.run.dataset == card.id and one.run.seed == 1]
    picked = [one for one in wanted if one.run.algorithm.startswith("value-iteration")]
    assert len(picked) == 4
    assert [walk_run(one.run).places for one in picked] == [one.places for one in picked]
    experiment._load_once.cache_clear()


def test_the_file_is_read_as_it_was_written_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    walks = load_walks(FOLDER)
    assert walks is not None
    write_walks(tmp_path / WALKS, walks)
    assert (tmp_path / WALKS).read_bytes() == (FOLDER / WALKS).read_bytes()
    assert load_walks(tmp_path) == walks
    assert load_walks(tmp_path / "none") is None
    for text in ("{", "[]", '{"schema":2}', '{"schema":1,"grids":{},"walks":[{"run":{}}]}'):
        (tmp_path / WALKS).write_text(text)
        with pytest.raises(SuiteError, match="offline-bench walk"):
            load_walks(tmp_path)


def test_walks_of_other_policies_are_left_out(records: list[Record]) -> None:
    walks = load_walks(FOLDER)
    assert walks is not None
    changed = tuple(RunWalk(one.run, "0" * 16, one.places) for one in walks.walks)
    assert tables_of(replace(walks, walks=changed), records) == ()
    assert tables_of(None, records) == ()
    (first,) = tables_of(replace(walks, walks=(*changed[1:], walks.walks[0])), records)
    assert sum(panel.n for panel in first.panels) == len(walks.walks[0].places)


def test_a_panel_has_the_exact_chances_and_a_figure_of_each_dataset_is_linked(tables: tuple) -> None:
    cut = next(table for table in tables if table.dataset.endswith("cut-v0"))
    panel = next(p for p in cut.panels if (p.label, p.relabeling) == ("vi-lcb", "negative"))
    assert dict(panel.chances)["key"] == pytest.approx(0.64, abs=0.01)
    assert panel.n == 5
    figures = draw_walks(tables)
    section = walks_section(tables)
    assert len(figures) == 3
    for figure in figures:
        assert f"(figures/{figure.name}.svg)" in section
        assert figure.svg == (FOLDER / "figures" / f"{figure.name}.svg").read_text(encoding="utf-8")
        assert figure.csv == (FOLDER / "figures" / f"{figure.name}.csv").read_text(encoding="utf-8")
    assert section in (FOLDER / "README.md").read_text(encoding="utf-8")
    assert walks_section(()) == ""


def test_cloning_takes_one_path_whatever_the_reward_and_the_line_counts_it(tables: tuple) -> None:
    line = walk_line(tables)
    assert "tabular-bc in 12 of 12" in line
    assert walk_line(()) == ""


def test_the_cells_of_a_model_are_those_of_its_layout() -> None:
    for environment in (GRID, CORRIDOR):
        model = find_model(environment)
        assert model is not None
        with pytest.raises(ValueError, match="cells"):
            replace(model, cells=model.cells[:-1])
