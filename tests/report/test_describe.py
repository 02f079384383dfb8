"""`datasets describe`: what is undefined is a dash, pictures repeat to the byte, and memory keeps to its bound."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt

from offline_bench.benchmarks.description_cost import measure_description
from offline_bench.commands.describe import describe_dataset
from offline_bench.core.errors import DatasetNotFoundError, StorageError
from offline_bench.data.coverage import (
    Coverage,
    cut_into_cells,
    episode_points,
    measure_coverage,
    measure_moments,
    states_of,
    view_states,
)
from offline_bench.data.dataset import Dataset
from offline_bench.data.loaders.cards import Task
from offline_bench.report.coverage import picture as drawing
from offline_bench.report.coverage.description import describe_json, describe_text
from offline_bench.report.coverage.picture import draw_coverage
from offline_bench.schemes.checks import sample_dataset
from tests.conftest import MEDIUM, RANDOM

TASK = Task("walk", "", random_return=0.0, expert_return=10.0, source="made up")
DATA = sample_dataset([30, 50, 20, 50], terminal=[True, False, True, False])


def measure(data: Dataset, task: Task | None = None) -> Coverage:
    return measure_coverage(data, task, cut_into_cells(data) if task else None, np.random.default_rng(0))


def draw(path: Path, data: Dataset, task: Task | None = None) -> bytes:
    view = view_states(data, measure_moments(states_of(data)), task)
    draw_coverage(path, measure(data, task), episode_points(data, task), view)
    return path.read_bytes()


def shown(text: str) -> dict[str, str]:
    """The table of a description: number → value."""
    lines = [line.strip("| ").split("|") for line in text.splitlines() if line.startswith("| ")]
    return {cells[0].strip(): cells[1].strip() for cells in lines[2:]}


def test_what_is_undefined_is_a_dash_and_null_and_never_zero_or_nan() -> None:
    one = measure(sample_dataset([1], [True]))
    values, content = shown(describe_text(one)), json.loads(describe_json(one))
    dashes = {name for name, value in values.items() if value == "–"}
    assert {"length bias, Spearman", "SACo", "mean score", "state entropy", "action spread", "late return"} <= dashes
    nulls = sum(value is None for part in ("quality", "endings", "spread") for value in content[part].values())
    assert nulls == len(dashes) + 1  # action_entropy has no row where actions are continuous
    assert "nan" not in describe_text(one).lower()


def test_text_and_json_tell_the_same_numbers() -> None:
    coverage = measure(DATA, TASK)
    values, content = shown(describe_text(coverage)), json.loads(describe_json(coverage))
    assert values["mean return"] == f"{DATA.true_returns.mean():,.1f}"
    assert values["mean score"] == f"{10 * DATA.true_returns.mean():,.1f}"
    assert values["time-limit share"] == "50.0 %"
    assert values["SACo"] == "1.000"
    assert content["quality"]["mean_return"] == DATA.true_returns.mean()
    assert content["fingerprint"] == DATA.fingerprint
    assert content["transitions"] == 150


def test_a_hostile_id_and_note_do_not_break_the_table() -> None:
    hostile = replace(measure(DATA), dataset="<b>|x\n", environment="*e*|\x1b[31m")
    text = describe_text(hostile, ("| no |\n<script>",))
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert "<b>" not in html
    assert "<script>" not in html
    assert "\x1b" not in text
    assert html.count("<tr>") == len(shown(text)) + 1


def test_the_same_numbers_make_the_same_picture_to_the_byte_and_others_another(tmp_path: Path) -> None:
    first, again = draw(tmp_path / "a.png", DATA), draw(tmp_path / "b.png", DATA)
    assert first == again
    assert first.startswith(b"\x89PNG")
    assert b"Software" not in first
    assert draw(tmp_path / "c.png", replace(DATA, timeouts=DATA.timeouts, id="other")) != first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "c.png"]


def test_the_picture_ignores_the_users_own_style_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    import matplotlib

    plain = draw(tmp_path / "a.png", DATA)
    with matplotlib.rc_context({"font.size": 20.0, "axes.facecolor": "red"}):
        assert draw(tmp_path / "b.png", DATA) == plain
        assert matplotlib.rcParams["font.size"] == 20.0


class Axes:
    """Stands in for matplotlib's axes and notes what is drawn and said on them."""

    def __init__(self) -> None:
        self.scattered: list[tuple[int, dict[str, Any]]] = []
        self.said: dict[str, str] = {}

    def scatter(self, x: Any, y: Any, **look: Any) -> Axes:
        self.scattered.append((len(x), look))
        return self

    def __getattr__(self, name: str) -> Any:
        def note(*arguments: Any, **_: Any) -> None:
            self.said[name] = str(arguments[0]) if arguments else ""

        return note


def test_time_limits_and_early_ends_differ_in_shape_and_scores_say_their_unit() -> None:
    for task, unit in ((TASK, "normalized score (0 random, 100 expert)"), (None, "true return, undiscounted")):
        axes = Axes()
        drawing._draw_episodes(axes, measure(DATA, task), episode_points(DATA, task))
        (early, one), (late, other) = axes.scattered
        assert (early, late) == (2, 2)
        assert one["marker"] != other["marker"]
        assert axes.said["set_xlabel"] == "episode length (steps)"
        assert axes.said["set_ylabel"] == unit
    points = episode_points(DATA, TASK)
    np.testing.assert_allclose(points.scores, 10.0 * DATA.true_returns)


@pytest.mark.parametrize(
    "data",
    [sample_dataset([1], [True]), sample_dataset([9, 9], [False, False], reward=1.0), replace(DATA, id="a$_{$b")],
    ids=["one step", "all alike", "an id with mathematics"],
)
def test_odd_data_is_drawn_too(tmp_path: Path, data: Dataset) -> None:
    assert len(draw(tmp_path / "odd.png", data)) > 10_000


def test_a_picture_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match="cannot write"):
        draw(tmp_path / "taken" / "x.png", DATA)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_built_dataset_is_described_as_text_json_and_png(
    at_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    json_file, png = tmp_path / "new" / "numbers.json", tmp_path / "figure.png"
    describe_dataset(MEDIUM, json_file, png, RANDOM)
    text = capsys.readouterr().out
    content = json.loads(json_file.read_text())
    assert MEDIUM in text
    assert shown(text)["SACo"] == f"{content['spread']['saco']:.3f}"
    assert content["spread"]["reference"] == RANDOM
    assert content["task"] == "hopper"
    assert content["transitions"] == 1_500
    first = hashlib.sha256(json_file.read_bytes() + png.read_bytes()).hexdigest()
    describe_dataset(MEDIUM, json_file, png, RANDOM)
    assert hashlib.sha256(json_file.read_bytes() + png.read_bytes()).hexdigest() == first


def test_a_reference_that_is_not_here_is_said_where_the_card_names_it_and_refused_where_the_user_does(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    describe_dataset(MEDIUM, None, None)
    text = capsys.readouterr().out
    assert shown(text)["SACo"] == "–"
    assert "offline-bench/hopper/medium-replay-v1 is not here, so there is no SACo" in text
    with pytest.raises(DatasetNotFoundError, match="no-such"):
        describe_dataset(MEDIUM, None, None, "offline-bench/no-such-v0")


@pytest.mark.slow
def test_a_description_keeps_to_twice_the_memory_of_the_arrays() -> None:
    cost = measure_description(500_000)
    assert cost.arrays == 53_000_000
    assert cost.ratio < 2.0
    assert cost.processor_seconds > 0
