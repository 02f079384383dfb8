"""Curations: every registered one keeps the contract, and one that breaks it is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_bench.core.errors import CurationError, SpecError
from offline_bench.data.dataset import CONTENT, Dataset
from offline_bench.schemes.checks import check_curation, sample_dataset
from offline_bench.schemes.curate import Selection, curate, curations, select_rows
from offline_bench.schemes.relabel import relabel

# One spec for every scheme that has a required parameter.
EXAMPLES = {
    "band": "band(high=0.9, low=0.3)",
    "bottom": "bottom(p=0.5)",
    "equal-length": "equal-length(steps=2)",
    "fraction": "fraction(p=0.5)",
    "prefix": "prefix(steps=4)",
    "suffix": "suffix(steps=4)",
    "tail": "tail(steps=2)",
    "thin": "thin(p=0.5)",
    "top": "top(p=0.5)",
    "truncate": "truncate(steps=2)",
}
# Mixes in another dataset, which has to lie somewhere: its tests are in test_mixing.py.
ALONE = [name for name in curations.names() if name != "mix"]


@pytest.fixture
def data() -> Dataset:
    """Rows 0-2 end in a terminal, row 3 is a terminal of one step, rows 4-5 end in a time-out."""
    return sample_dataset([3, 1, 2], terminal=[True, True, False])


@pytest.fixture
def scheme() -> Iterator[Callable[[Callable[..., Any]], str]]:
    """Registers a function as the curation 'naughty' for one test."""

    def register(function: Callable[..., Any]) -> str:
        curations.register("naughty")(function)
        return "naughty"

    yield register
    curations._functions.pop("naughty", None)


def example(name: str) -> str:
    if name in EXAMPLES:
        return EXAMPLES[name]
    try:
        return str(curations.bind(name))
    except SpecError as error:
        pytest.fail(f"add an example of the curation {name!r} to EXAMPLES in {__file__}: {error}")


def flags(*rows: int, of: int) -> list[bool]:
    return [row in rows for row in range(of)]


@pytest.mark.parametrize("name", ALONE)
def test_every_curation_keeps_the_contract(name: str) -> None:
    check_curation(example(name))


@pytest.mark.parametrize("name", ALONE)
def test_a_curation_takes_whole_rows_and_leaves_the_data_alone(name: str, data: Dataset) -> None:
    before = data.fingerprint
    relabeled = relabel(data, "shuffled", 0)
    curated = curate(relabeled, example(name))
    rows = [int(np.flatnonzero((data.observations == row).all(axis=1))[0]) for row in curated.observations]
    for field in ("observations", "actions", "next_observations", "true_rewards", "rewards"):
        assert np.array_equal(getattr(curated, field), getattr(relabeled, field)[rows])
        assert not getattr(curated, field).flags.writeable
    assert (curated.curation, curated.relabeling, curated.id) == (example(name), "shuffled", data.id)
    assert replace(data).fingerprint == before


@pytest.mark.parametrize(
    ("text", "rows", "terminals", "timeouts"),
    [
        ("full", [0, 1, 2, 3, 4, 5], [2, 3], [5]),
        ("drop-terminals", [0, 1, 4, 5], [], [1, 3]),
        ("terminals-as-timeouts", [0, 1, 2, 3, 4, 5], [], [2, 3, 5]),
        ("truncate(steps=1)", [0, 3, 4], [1], [0, 2]),
        ("truncate(steps=2)", [0, 1, 3, 4, 5], [2], [1, 4]),
        ("truncate(steps=3)", [0, 1, 2, 3, 4, 5], [2, 3], [5]),
        ("fraction(p=1)", [0, 1, 2, 3, 4, 5], [2, 3], [5]),
        ("fraction(p=0.01, seed=1)", [0, 1, 2], [2], []),
        ("tail(steps=1)", [2, 3, 5], [0, 1], [2]),
        ("tail(steps=2)", [1, 2, 3, 4, 5], [1, 2], [4]),
        ("equal-length(steps=1)", [0, 3, 4], [1], [0, 2]),
        ("equal-length(steps=2)", [0, 1, 4, 5], [], [1, 3]),
        ("equal-length(steps=3)", [0, 1, 2], [2], []),
        ("prefix(steps=2)", [0, 1], [], [1]),
        ("prefix(steps=4)", [0, 1, 2, 3], [2, 3], []),
        ("suffix(steps=1)", [5], [], [0]),
        ("suffix(steps=4)", [2, 3, 4, 5], [0, 1], [3]),
        ("top(p=0.1)", [3], [0], []),
        ("top(p=0.34)", [3], [0], []),
        ("top(p=0.6)", [0, 1, 2, 3], [2, 3], []),
        ("bottom(p=0.1)", [4, 5], [], [1]),
        ("bottom(p=0.6)", [0, 1, 2, 4, 5], [2], [4]),
        ("band(low=0.34, high=0.66)", [0, 1, 2], [2], []),
        ("band(low=0.9, high=1)", [3], [0], []),
        ("band(low=0, high=1)", [0, 1, 2, 3, 4, 5], [2, 3], [5]),
    ],
)
def test_selections_computed_by_hand(
    text: str, rows: list[int], terminals: list[int], timeouts: list[int], data: Dataset
) -> None:
    # The episodes return 3, 5 and -2.
    paid = np.array([1, 1, 1, 5, -1, -1], np.float32)
    data = replace(data, true_rewards=paid, rewards=paid)
    curated = curate(data, text)
    assert np.array_equal(curated.observations, data.observations[rows])
    assert curated.terminals.tolist() == flags(*terminals, of=len(rows))
    assert curated.timeouts.tolist() == flags(*timeouts, of=len(rows))


@pytest.mark.parametrize("name", curations.names())
def test_every_curation_says_which_part_of_the_coverage_it_changes(name: str) -> None:
    assert "cover" in (curations.function(name).__doc__ or "")


def test_every_curation_has_a_selection_computed_by_hand() -> None:
    by_hand = {"full", "drop-terminals", "terminals-as-timeouts", "truncate", "fraction"}
    by_hand |= {"tail", "equal-length", "prefix", "suffix", "top", "bottom", "band", "thin", "mix"}
    missing = set(curations.names()) - by_hand
    assert not missing, f"add a selection computed by hand for {', '.join(sorted(missing))}"


def test_of_equal_returns_the_earlier_episode_ranks_higher() -> None:
    data = sample_dataset([2, 2, 2], terminal=[False] * 3, reward=1.0)
    assert np.array_equal(curate(data, "top(p=0.3)").observations, data.observations[:2])
    assert np.array_equal(curate(data, "bottom(p=0.3)").observations, data.observations[4:])


def test_top_and_bottom_are_bands_and_split_the_episodes_between_them() -> None:
    data = sample_dataset([1 + i % 7 for i in range(40)], terminal=[i % 2 == 0 for i in range(40)])
    top, bottom = curate(data, "top(p=0.3)"), curate(data, "bottom(p=0.7)")
    assert top.fingerprint == curate(data, "band(low=0.7, high=1.0)").fingerprint
    assert (top.n_episodes, bottom.n_episodes, top.n + bottom.n) == (12, 28, data.n)
    assert top.true_returns.min() > bottom.true_returns.max()


def line(lengths: list[int], crowd: int, seed: int = 0) -> Dataset:
    """Observations of which the first `crowd` rows lie within a thousandth of each other, the others far apart."""
    data = sample_dataset(lengths, terminal=[False] * len(lengths), seed=seed)
    observations = np.arange(data.n, dtype=np.float32)[:, None].repeat(3, axis=1) * 10
    observations[:crowd] = np.random.default_rng(seed).uniform(0, 1e-3, (crowd, 3)) - 500
    return replace(data, observations=observations)


def test_thin_drops_where_states_lie_densest_and_tears_the_episode_there() -> None:
    data = line([40, 40], crowd=20)
    thinned = curate(data, "thin(p=0.75)")
    assert np.array_equal(thinned.observations, data.observations[20:])
    assert thinned.lengths.tolist() == [20, 40]
    crowd_in_the_middle = np.roll(np.arange(80), 10)
    moved = replace(data, observations=data.observations[crowd_in_the_middle])
    torn = curate(moved, "thin(p=0.75)")
    assert torn.lengths.tolist() == [10, 10, 40]
    assert torn.timeouts.sum() == 3
    assert torn.behavior_returns.tolist() == data.true_returns.tolist()


def test_thin_is_the_same_for_a_seed_and_takes_a_crowd_from_every_seed() -> None:
    data = line([3000], crowd=1500)
    one, again, other = (curate(data, f"thin(p=0.5, seed={seed})") for seed in (0, 0, 1))
    assert one.fingerprint == again.fingerprint
    assert all(np.array_equal(c.observations, data.observations[1500:]) for c in (one, other))


def test_what_is_cut_knows_the_whole_episodes_it_comes_from(data: Dataset) -> None:
    paid = np.array([1, 1, 1, 5, -1, -1], np.float32)
    data = replace(data, true_rewards=paid, rewards=paid)
    assert data.behavior_returns.tolist() == [3, 5, -2]
    cut = curate(data, "equal-length(steps=2)")
    assert (cut.true_returns.tolist(), cut.behavior_returns.tolist()) == ([2, -2], [3, -2])
    assert cut.source_of.tolist() == [0, 0, 1, 1]
    again = curate(cut, "truncate(steps=1)")
    assert (again.true_returns.tolist(), again.behavior_returns.tolist()) == ([1, -1], [3, -2])
    assert relabel(again, "zero", 0).behavior_returns.tolist() == [3, -2]


def test_where_no_row_goes_the_arrays_are_shared(data: Dataset) -> None:
    curated = curate(data, "terminals-as-timeouts")
    assert all(np.shares_memory(getattr(curated, f), getattr(data, f)) for f in ("observations", "actions", "rewards"))


def test_fraction_is_whole_episodes_and_the_same_for_a_seed() -> None:
    data = sample_dataset([2, 3, 4, 5] * 5, terminal=[True, False] * 10)
    half, again, other = (curate(data, f"fraction(p=0.5, seed={seed})") for seed in (3, 3, 4))
    assert half.n_episodes == 10
    assert half.fingerprint == again.fingerprint != other.fingerprint
    starts = data.observations[data.episode_starts].tolist()
    whole = {tuple(start): int(length) for start, length in zip(starts, data.lengths, strict=True)}
    kept = half.observations[half.episode_starts].tolist()
    assert [whole[tuple(start)] for start in kept] == half.lengths.tolist()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=6), st.data())
def test_any_rows_can_be_kept_and_episodes_never_run_together(episodes: list[tuple[int, bool]], draw: Any) -> None:
    data = sample_dataset([length for length, _ in episodes], [ended for _, ended in episodes])
    keep = np.array(draw.draw(st.lists(st.booleans(), min_size=data.n, max_size=data.n).filter(any)))
    selection = select_rows(data, keep)
    assert selection.rows.tolist() == np.flatnonzero(keep).tolist()
    assert np.array_equal(selection.terminals, data.terminals[keep])
    kept = data.episode_of[keep]
    ends = np.flatnonzero(selection.terminals | selection.timeouts)
    assert ends.tolist() == [i for i in range(len(kept)) if i + 1 == len(kept) or kept[i] != kept[i + 1]]
    assert not (selection.terminals & selection.timeouts).any()


@pytest.mark.parametrize(
    "text",
    [
        *("fraction(p=0)", "fraction(p=1.5)", "fraction(p=-1)", "truncate(steps=0)", "fraction(p=0.5, seed=-1)"),
        *("top(p=0)", "top(p=1.1)", "bottom(p=-0.1)", "band(low=0.5, high=0.5)", "band(low=-1, high=1)"),
        *("band(low=0, high=2)", "prefix(steps=0)", "prefix(steps=7)", "suffix(steps=0)", "suffix(steps=7)"),
        *("tail(steps=0)", "equal-length(steps=0)", "equal-length(steps=4)", "thin(p=0)", "thin(p=1.5)"),
        "mix(id='a/b-v0', p=0)",
    ],
)
def test_parameters_that_make_no_sense_are_refused(text: str, data: Dataset) -> None:
    with pytest.raises(CurationError, match=text.split("(")[0]):
        curate(data, text)


def test_dropping_all_there_is_says_so() -> None:
    with pytest.raises(CurationError, match="drop-terminals leaves no transition of 'sample'"):
        curate(sample_dataset([1, 1], [True, True]), "drop-terminals")


def selection(rows: list[int], terminals: list[int] = [], timeouts: list[int] = []) -> Selection:  # noqa: B006
    of = len(rows)
    return Selection(
        np.array(rows, int), np.array(flags(*terminals, of=of), bool), np.array(flags(*timeouts, of=of), bool)
    )


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (selection([1, 0], [], [0, 1]), "returned rows that do not ascend strictly within 0..5"),
        (selection([0, 0], [], [0, 1]), "returned rows that do not ascend"),
        (selection([-1, 0], [], [0, 1]), "returned rows that do not ascend"),
        (selection([4, 6], [], [0, 1]), "returned rows that do not ascend"),
        (selection([]), "leaves no transition of 'sample'"),
        (selection([0, 1], [1]), "marks a terminal where the task did not end"),
        (selection([4, 5], [1]), "marks a terminal where the task did not end"),
        (selection([0, 1, 4], [], [2]), "lets an episode run into the next"),
        (selection([0, 1, 2, 3, 4, 5], [3], [5]), "lets an episode run into the next"),
        (selection([0, 1], [], [0]), "lets an episode run into the next"),
        (selection([2, 3], [0, 1], [0]), "marks a transition as terminal and as time-out"),
        (Selection(np.array([0.0]), np.array([False]), np.array([True])), "returned rows, terminals and timeouts that"),
        (Selection(np.array([0]), np.array([0]), np.array([1])), "returned rows, terminals and timeouts that"),
        (Selection(np.array([[0]]), np.array([[False]]), np.array([[True]])), "returned rows, terminals and timeouts"),
        (Selection(np.array([0]), np.array([False, True]), np.array([True])), "returned rows, terminals and timeouts"),
        (Selection([0], [False], [True]), "returned rows, terminals and timeouts"),  # type: ignore[arg-type]
        (np.array([0, 1]), "returned ndarray: a Selection is wanted"),
        (None, "returned NoneType: a Selection is wanted"),
    ],
)
def test_a_selection_that_breaks_a_rule_is_refused(
    returned: Any, said: str, data: Dataset, scheme: Callable[..., str]
) -> None:
    with pytest.raises(CurationError) as caught:
        curate(data, scheme(lambda data: returned))
    assert str(caught.value).startswith(f"curation naughty {said}")


def write(data: Dataset) -> None:
    data.terminals[:] = False


def lift(data: Dataset) -> None:
    data.true_rewards.flags.writeable = True


@pytest.mark.parametrize("act", [write, lift])
def test_no_curation_can_write_into_the_data(
    act: Callable[[Dataset], None], data: Dataset, scheme: Callable[..., str]
) -> None:
    def naughty(data: Dataset) -> Selection:
        act(data)
        return select_rows(data, np.ones(data.n, bool))

    with pytest.raises(CurationError, match=r"^curation naughty tried to write into the data"):
        curate(data, scheme(naughty))


def test_a_curation_that_replaces_a_field_replaces_its_own_copy(data: Dataset, scheme: Callable[..., str]) -> None:
    def naughty(data: Dataset) -> Selection:
        data.__dict__["true_rewards"] = -data.true_rewards
        return select_rows(data, np.ones(data.n, bool))

    before = {field: getattr(data, field) for field in CONTENT}
    curated = curate(data, scheme(naughty))
    assert all(np.array_equal(getattr(curated, field), before[field]) for field in CONTENT)


def test_an_error_within_a_curation_names_it(data: Dataset, scheme: Callable[..., str]) -> None:
    with pytest.raises(CurationError, match=r"^curation naughty raised: AttributeError: .*no_such_field"):
        curate(data, scheme(lambda data: data.no_such_field))


def test_the_check_finds_a_curation_that_draws_anew(scheme: Callable[..., str]) -> None:
    rng = np.random.default_rng(0)

    def naughty(data: Dataset) -> Selection:
        return select_rows(data, np.arange(data.n) >= rng.integers(data.n))

    with pytest.raises(CurationError, match="naughty selected differently the second time"):
        check_curation(scheme(naughty))


def test_the_check_passes_over_data_too_short_for_the_parameters_but_wants_some_that_is_not(
    scheme: Callable[..., str],
) -> None:
    check_curation("equal-length(steps=200)")
    check_curation("prefix(steps=900)")
    with pytest.raises(CurationError, match=r"refused every sample dataset, so it was not tried: prefix\(steps=9"):
        check_curation("prefix(steps=90000)")

    def naughty(data: Dataset) -> Selection:
        if data.n < 1000:
            raise CurationError("too short")
        return replace(select_rows(data, np.ones(data.n, bool)), timeouts=np.zeros(data.n, bool))

    with pytest.raises(CurationError, match="naughty lets an episode run into the next"):
        check_curation(scheme(naughty))
