"""`Dataset`: every rule is checked and named, nothing can be written, and the fingerprint is of the content alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from offline_bench.core.errors import DatasetError
from offline_bench.data.dataset import CONTENT, EPISODES, ActionSpace, Dataset
from offline_bench.schemes.checks import sample_dataset

Array = npt.NDArray[Any]
ARRAYS = (*CONTENT, "rewards")


def make(**changes: Any) -> Dataset:
    """Episodes of 3 and 2 transitions, the first ended by the task, with some fields changed."""
    return replace(sample_dataset([3, 2], terminal=[True, False]), **changes)


def changed(name: str, change: Callable[[Array], Any]) -> dict[str, Any]:
    """The field `name` of `make()`, copied and changed in place, or replaced by what `change` returns."""
    array = getattr(make(), name).copy()
    returned = change(array)
    return {name: array if returned is None else returned}


def put(row: Any, value: Any) -> Callable[[Array], None]:
    return lambda array: array.__setitem__(row, value)


def test_what_is_derived_from_the_ends() -> None:
    data = make(true_rewards=np.array([1, 2, 3, 4, 5], np.float32))
    assert (data.n, data.n_episodes) == (5, 2)
    assert data.episode_ends.tolist() == [2, 4]
    assert data.episode_starts.tolist() == [0, 3]
    assert data.episode_of.tolist() == [0, 0, 0, 1, 1]
    assert data.lengths.tolist() == [3, 2]
    assert data.true_returns.tolist() == [6.0, 9.0]


def test_the_learner_sees_the_true_rewards_unless_told_otherwise() -> None:
    assert np.array_equal(make(rewards=np.empty(0, np.float32)).rewards, make().true_rewards)


FLOATS = ("observations", "next_observations", "actions", "true_rewards", "rewards")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", FLOATS)
def test_a_value_that_is_not_finite_is_refused(name: str, value: float) -> None:
    with pytest.raises(DatasetError, match=rf"^dataset 'sample': {name} has 1 values .* first at row 3: "):
        make(**changed(name, put(3, value) if name.endswith("rewards") else put((3, 1), value)))


def test_two_infinities_that_cancel_are_refused() -> None:
    with pytest.raises(DatasetError, match="true_rewards has 2 values that are not finite, the first at row 1"):
        make(**changed("true_rewards", put([1, 2], [np.inf, -np.inf])))


@pytest.mark.parametrize("name", ARRAYS)
def test_a_wrong_dtype_is_refused(name: str) -> None:
    with pytest.raises(DatasetError, match=f"'sample': {name} has dtype float64, not"):
        make(**changed(name, lambda array: array.astype(np.float64)))


@pytest.mark.parametrize("name", [name for name in ARRAYS if name != "true_rewards"])
def test_a_wrong_length_is_refused(name: str) -> None:
    with pytest.raises(DatasetError, match=f"'sample': {name} has 4 rows, but true_rewards has 5"):
        make(**changed(name, lambda array: array[:4]))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("true_rewards", lambda a: a[:, None], "true_rewards has shape (5, 1), not (5,)"),
        ("rewards", lambda a: a[:, None], "rewards has shape (5, 1), not (5,)"),
        ("terminals", lambda a: a[:, None], "terminals has shape (5, 1), not (5,)"),
        ("timeouts", lambda a: a[:, None], "timeouts has shape (5, 1), not (5,)"),
        ("observations", lambda a: a[:, 0], "next_observations and observations have shapes (5,) and (5, 3)"),
        ("next_observations", lambda a: a[:, :2], "next_observations and observations have shapes (5, 3) and (5, 2)"),
        ("actions", lambda a: a[:, :1], "actions have shape (5, 1), but the space wants (n, 2)"),
        ("actions", put((4, 0), 1.1), "actions leave the box of the action space 1 times, first at row 4: [1.1"),
        ("actions", put((4, 0), -1.1), "actions leave the box of the action space 1 times, first at row 4: [-1.1"),
        ("timeouts", put(2, True), "terminals and timeouts are both set at row 2"),
        ("timeouts", put(4, False), "timeouts leaves the last episode open"),
    ],
)
def test_a_broken_rule_names_its_field(name: str, change: Callable[[Array], Any], said: str) -> None:
    with pytest.raises(DatasetError) as caught:
        make(**changed(name, change))
    assert said in str(caught.value)


def test_no_transition_at_all_is_refused() -> None:
    with pytest.raises(DatasetError, match="true_rewards is empty: at least one episode is needed"):
        make(**{name: getattr(make(), name)[:0] for name in ARRAYS})


def test_a_rounding_error_outside_the_box_is_taken() -> None:
    make(**changed("actions", put((0, 0), 1.000001)))


def test_a_bound_on_one_side_only_is_kept() -> None:
    half = ActionSpace(-np.ones(2, np.float32), np.full(2, np.inf, np.float32))
    make(**changed("actions", put((0, 0), 1e6)), action_space=half)
    with pytest.raises(DatasetError, match="first at row 1"):
        make(**changed("actions", put((1, 0), -1.5)), action_space=half)


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        ([0, 1, 2, 3, 0], "leave 0..2 1 times, first at row 3: 3"),
        ([0, -1, 0, 0, 0], "leave 0..2 1 times, first at row 1: -1"),
        ([[0], [1], [2], [0], [0]], "have shape (5, 1), but a discrete space wants (n,)"),
    ],
)
def test_discrete_actions_are_numbers_below_n(actions: list[Any], said: str) -> None:
    space = ActionSpace(np.empty(0, np.float32), np.empty(0, np.float32), 3)
    make(action_space=space, actions=np.array([0, 1, 2, 0, 0]))
    with pytest.raises(DatasetError) as caught:
        make(action_space=space, actions=np.array(actions))
    assert said in str(caught.value)


DERIVED = ("episode_ends", "episode_starts", "episode_of", "lengths", "true_returns")


@pytest.mark.parametrize("name", [*ARRAYS, *DERIVED, "action_space.low", "action_space.high"])
def test_no_array_can_be_written_nor_made_writable(name: str) -> None:
    data = make()
    array = data
    for part in name.split("."):
        array = getattr(array, part)
    assert isinstance(array, np.ndarray)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 0
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True
    with pytest.raises(ValueError, match="WRITEABLE"):
        array[1:].flags.writeable = True
    assert not isinstance(array.base, np.ndarray)


def test_what_was_handed_in_is_protected_too_and_shared() -> None:
    whole = np.zeros((6, 3), np.float32)
    data = make(observations=whole[:-1], next_observations=whole[1:])
    with pytest.raises(ValueError, match="read-only"):
        whole[0] = 1
    assert np.shares_memory(data.observations, whole)
    assert np.shares_memory(data.next_observations, whole)


def test_other_rewards_share_every_other_array() -> None:
    data = make()
    other = data.with_rewards(np.zeros(5, np.float32), "zero")
    assert (other.relabeling, other.rewards.tolist()) == ("zero", [0.0] * 5)
    for name in (*CONTENT, *EPISODES):
        assert np.shares_memory(getattr(data, name), getattr(other, name)), name


def test_the_fingerprint_is_blind_to_names_layout_and_the_learners_rewards() -> None:
    data = make()
    same = {"observations": np.asfortranarray(data.observations), "actions": np.repeat(data.actions, 2, axis=0)[::2]}
    other = make(id="other", relabeling="zero", curation="x", rewards=np.zeros(5, np.float32), **same)
    assert other.fingerprint == data.fingerprint


@pytest.mark.parametrize(
    ("name", "row", "value"),
    [
        ("observations", (4, 2), 0.5),
        ("actions", (4, 1), 0.5),
        ("next_observations", (0, 0), 0.5),
        ("true_rewards", 1, 0.5),
        ("terminals", 0, True),
        ("timeouts", 1, True),
    ],
)
def test_the_fingerprint_changes_with_any_content(name: str, row: Any, value: Any) -> None:
    assert make(**changed(name, put(row, value))).fingerprint != make().fingerprint


def test_the_fingerprint_does_not_change_between_versions() -> None:
    zeros = np.zeros((2, 1), np.float32)
    ends = np.array([False, True])
    space = ActionSpace(-np.ones(1, np.float32), np.ones(1, np.float32))
    data = Dataset("x", "", space, zeros, zeros.copy(), zeros.copy(), zeros[:, 0].copy(), ends, ~ends & False)
    assert data.fingerprint == "0c0766b53dd51f68"
