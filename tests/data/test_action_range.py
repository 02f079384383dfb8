"""The range of actions that learners move in: the box where it has bounds, the data where it has none."""

from dataclasses import replace

import numpy as np
import pytest

from offline_bench.data.action_range import find_action_range
from offline_bench.data.dataset import ActionSpace, Dataset
from offline_bench.schemes.checks import sample_dataset

INF = np.inf


def with_box(low: list[float], high: list[float], actions: np.ndarray) -> Dataset:
    space = ActionSpace(np.array(low, np.float32), np.array(high, np.float32))
    data = sample_dataset([4] * 3, [True] * 3)
    return replace(data, actions=actions.astype(np.float32), action_space=space)


@pytest.mark.parametrize(
    ("low", "high", "expected_low", "expected_high", "from_data"),
    [
        ([-2, 0], [1, 9], [-2, 0], [1, 9], [False, False]),
        ([-INF, 0], [INF, INF], [-1, 0], [1, 0.5], [True, True]),
        ([-INF, -INF], [1.5, 2], [-1, 0.25], [1.5, 2], [True, True]),
        ([-3e38, 0.25], [3e38, 0.5], [-1, 0.25], [1, 0.5], [True, False]),
    ],
)
def test_a_bound_that_is_none_is_the_datas(
    low: list[float], high: list[float], expected_low: list[float], expected_high: list[float], from_data: list[bool]
) -> None:
    actions = np.linspace([-1, 0.25], [1, 0.5], 12)
    box = find_action_range(with_box(low, high, actions))
    assert box.low.tolist() == expected_low
    assert box.high.tolist() == expected_high
    assert box.from_data.tolist() == from_data
    assert not box.constant.any()
    assert not box.is_unit


def test_one_possible_action_is_a_constant_and_the_unit_box_is_known() -> None:
    actions = np.zeros((12, 2))
    box = find_action_range(with_box([-1, 0], [1, 0], actions))
    assert box.constant.tolist() == [False, True]
    # Of no bound and no spread, too.
    assert find_action_range(with_box([-INF, -1], [INF, 1], actions)).constant.tolist() == [True, False]
    assert find_action_range(with_box([-1, -1], [1, 1], actions)).is_unit
