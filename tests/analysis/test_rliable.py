"""rliable's form: matrices of runs and tasks, refused where they are no rectangle, written and read without pickle."""

from __future__ import annotations

import numpy as np
import pytest

from offline_bench.analysis.frame import to_frame
from offline_bench.analysis.scores.rliable import to_rliable, write_rliable
from offline_bench.commands.report_page import export_scores
from offline_bench.core.errors import RecordError
from offline_bench.runs.store import read_records
from tests.analysis.runs_by_hand import frame_of, runs
from tests.report.report_pages import GOLDEN

FULL = [
    row
    for algorithm, base in (("bc", 0), ("iql", 50))
    for relabeling, lost in (("original", 0), ("zero", 10))
    for dataset, more in (("toy/one", 0), ("toy/two", 20))
    for row in runs(np.array([30, 31, 32]) + base - lost + more, relabeling, algorithm, dataset=dataset)
]


def test_one_matrix_for_each_algorithm_and_reward():
    scores, tasks = to_rliable(frame_of(FULL))
    assert list(scores) == ["bc, original", "bc, zero", "iql, original", "iql, zero"]
    assert tasks == ("toy/one", "toy/two")
    assert scores["iql, zero"] == pytest.approx(np.array([[0.70, 0.90], [0.71, 0.91], [0.72, 0.92]]))


def test_for_algorithms_alone_a_reward_is_part_of_the_task():
    scores, tasks = to_rliable(frame_of(FULL[::-1]), "algorithm")
    assert {name: matrix.shape for name, matrix in scores.items()} == {"bc": (3, 4), "iql": (3, 4)}
    at = tasks.index("toy/two; zero")
    assert scores["iql"][:, at] == pytest.approx([0.90, 0.91, 0.92])


def test_algorithms_may_have_different_numbers_of_runs():
    scores, _ = to_rliable(frame_of([row for row in FULL if row["algorithm"] == "iql" or row["seed"] == 0]))
    assert (scores["bc, zero"].shape, scores["iql, zero"].shape) == ((1, 2), (3, 2))


@pytest.mark.parametrize(("seeds", "said"), [((2,), "2 of 3 runs"), ((0, 1, 2), "0 of 3 runs")])
def test_a_cell_that_is_short_is_named(seeds, said):
    cell = {"algorithm": "iql", "relabeling": "zero", "dataset": "toy/two"}
    short = [row for row in FULL if not (row["seed"] in seeds and all(row[k] == v for k, v in cell.items()))]
    with pytest.raises(RecordError, match=f"iql, zero has {said} on toy/two"):
        to_rliable(frame_of(short))


def test_another_grouping_is_refused():
    with pytest.raises(RecordError, match="'dataset'"):
        to_rliable(frame_of(FULL), "dataset")


def test_what_is_written_is_read_back_without_pickle_and_twice_the_same(tmp_path):
    scores, tasks = to_rliable(frame_of(FULL))
    scores["../evil, zero"] = scores["iql, zero"]
    for name in ("a.npz", "b.npz"):
        write_rliable(tmp_path / name, scores, tasks)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        read = {name.removeprefix("scores/"): file[name] for name in file.files if name != "tasks"}
        assert tuple(file["tasks"]) == tasks
    assert list(read) == list(scores)
    assert all((read[name] == scores[name]).all() for name in scores)


def test_a_report_of_a_grid_with_holes_says_why_it_has_no_scores_for_rliable_and_leaves_no_old_ones(tmp_path, capsys):
    path = tmp_path / "rliable.npz"
    records = read_records(GOLDEN).records
    algorithm = records[0].run.algorithm
    whole = [record for record in records if record.run.algorithm == algorithm]
    export_scores(path, to_frame(whole))
    with np.load(path, allow_pickle=False) as file:
        assert sum(file[name].size for name in file.files if name != "tasks") == len(whole)
    export_scores(path, to_frame(whole[1:]))
    assert not path.exists()
    assert capsys.readouterr().out.startswith("no rliable.npz: rliable needs equally many runs of every task, but")
