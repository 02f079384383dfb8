"""The figure of a relabeling: odd rewards are drawn too, the same ones to the same bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offline_bench.data.dataset import Dataset
from offline_bench.report.coverage.relabeled_picture import draw_relabeling
from offline_bench.report.coverage.relabeled_text import describe_relabeling_json, describe_relabeling_text
from offline_bench.schemes.checks import sample_dataset
from offline_bench.schemes.relabel import relabel
from offline_bench.schemes.relabel.properties import measure_properties

BASE = sample_dataset([20] * 4, terminal=[True, False] * 2)


def scaled(by: float) -> Dataset:
    return replace(BASE, true_rewards=BASE.true_rewards * np.float32(by), rewards=np.empty(0, np.float32))


ODD = {
    "one step": sample_dataset([1], [True]),
    "nothing ends": sample_dataset([9, 9], [False, False]),
    "all end at once": sample_dataset([1] * 5, [True] * 5),
    "all alike": sample_dataset([20, 20], [True, False], reward=0.1),
    "large": scaled(1e35),
    "tiny": scaled(1e-38),
    "an id with mathematics": replace(BASE, id="a$_{$b"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("text", ["original", "zero", "random"])
def test_odd_rewards_are_told_and_drawn_too_and_the_same_to_the_byte(name: str, text: str, tmp_path: Path) -> None:
    data = relabel(ODD[name], text, 0)
    found = measure_properties(data)
    told = describe_relabeling_text(found)
    assert "nan" not in told.lower()
    assert "NaN" not in describe_relabeling_json(found)
    for file in ("a.png", "b.png"):
        draw_relabeling(tmp_path / file, data, found)
    first = (tmp_path / "a.png").read_bytes()
    assert first == (tmp_path / "b.png").read_bytes()
    assert len(first) > 10_000
