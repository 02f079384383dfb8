"""A plug-in that writes into the data is refused by name, by whatever way it went around the write protection."""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from offline_bench.core.errors import CurationError, OfflineBenchError, RelabelingError
from offline_bench.data.dataset import Dataset, Sources
from offline_bench.data.seal import Seal, SealedCache, watch
from offline_bench.schemes.checks import check_curation, check_relabeling, sample_dataset
from offline_bench.schemes.curate import curate, curations, select_rows
from offline_bench.schemes.relabel import relabel, relabelings


def by_torch(data: Dataset) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.from_numpy(data.true_rewards).neg_()


def by_ctypes(data: Dataset) -> None:
    ctypes.memset(data.observations.ctypes.data, 1, 4)


def by_owner(data: Dataset) -> None:
    owner: Any = data.actions.base
    owner.obj.flags.writeable = True
    owner.obj[0] += 0.25


def by_array_interface(data: Dataset) -> None:
    about = dict(data.next_observations.__array_interface__)
    about["data"] = (about["data"][0], False)
    np.asarray(SimpleNamespace(__array_interface__=about))[0] = 9.0


def order_alone(data: Dataset) -> None:
    about = dict(data.observations.__array_interface__)
    about["data"] = (about["data"][0], False)
    rows = np.asarray(SimpleNamespace(__array_interface__=about))
    rows[:2] = rows[:2][::-1].copy()


def bounds(data: Dataset) -> None:
    ctypes.memset(data.action_space.low.ctypes.data, 0, 4)


def another_box(data: Dataset) -> None:
    data.action_space.__dict__["high"] = np.full(2, 5.0, np.float32)


def shape(data: Dataset) -> None:
    data.observations.shape = (-1,)


def dtype(data: Dataset) -> None:
    data.actions.dtype = np.int32  # type: ignore[misc]


def ends(data: Dataset) -> None:
    ctypes.memset(data.terminals.ctypes.data, 1, 5)
    ctypes.memset(data.timeouts.ctypes.data, 0, 5)


def what_was_computed_once(data: Dataset) -> None:
    ctypes.memset(data.episode_of.ctypes.data, 3, 8)


def whole_episodes(data: Dataset) -> None:
    assert data.sources is not None
    ctypes.memset(data.sources.returns.ctypes.data, 3, 8)


WRITES = {
    by_torch: "rewards, true_rewards",
    by_ctypes: "observations",
    by_owner: "actions",
    by_array_interface: "next_observations",
    order_alone: "observations",
    bounds: "action_space.low",
    another_box: "action_space.high",
    shape: "observations",
    dtype: "actions",
    ends: "terminals, timeouts",
    what_was_computed_once: "episode_of",
    whole_episodes: "sources.returns",
}
BY_WHATEVER_WAY = pytest.mark.parametrize(("write", "changed"), WRITES.items(), ids=[w.__name__ for w in WRITES])


@pytest.fixture
def data() -> Dataset:
    """Four pieces of episodes, from which something was computed before."""
    data = sample_dataset([5, 1, 8, 3], terminal=[False, False, False, True])
    data = replace(data, sources=Sources(np.array([1.0, 2.0]), np.array([0, 0, 1, 1])))
    assert len(data.episode_of) == data.n
    return data


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    relabelings._functions.pop("naughty", None)
    curations._functions.pop("naughty", None)


@BY_WHATEVER_WAY
def test_a_relabeling_that_writes_is_refused_at_every_call(
    write: Callable[[Dataset], None], changed: str, data: Dataset
) -> None:
    @relabelings.register("naughty")
    def naughty(data: Dataset, rng: np.random.Generator, *, scale: float = 1.0) -> Any:
        write(data)
        return np.zeros(17)

    said = rf"^relabeling naughty\(scale=2.0\) changed the data .*: return rewards only \(changed: {changed}\)$"
    with pytest.raises(RelabelingError, match=said):
        relabel(data, "naughty(scale=2.0)", 0)


@BY_WHATEVER_WAY
def test_a_curation_that_writes_is_refused(write: Callable[[Dataset], None], changed: str, data: Dataset) -> None:
    @curations.register("naughty")
    def naughty(data: Dataset) -> Any:
        selection = select_rows(data, np.ones(data.n, bool))
        write(data)
        return selection

    with pytest.raises(CurationError, match=rf"^curation naughty changed the data .* \(changed: {changed}\)$"):
        curate(data, "naughty")


def test_writes_that_undo_each_other_in_two_calls_are_seen_at_the_first(data: Dataset) -> None:
    @relabelings.register("naughty")
    def naughty(data: Dataset, rng: np.random.Generator) -> Any:
        by_torch(data)
        return data.true_rewards

    before = data.fingerprint
    for _ in range(2):
        with pytest.raises(RelabelingError, match="naughty changed the data"):
            relabel(data, "naughty", 0)
    assert replace(data).fingerprint == before  # So a fingerprint taken now and then sees nothing.


def test_what_was_written_before_an_error_or_a_refusal_is_told_too(data: Dataset) -> None:
    @relabelings.register("naughty")
    def naughty(data: Dataset, rng: np.random.Generator) -> Any:
        by_ctypes(data)
        raise RuntimeError("and then it fell over")

    with pytest.raises(RelabelingError, match="naughty changed the data") as caught:
        relabel(data, "naughty", 0)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_the_checks_of_plugins_find_writes_even_where_a_curation_refuses_the_data() -> None:
    @relabelings.register("naughty")
    def naughty(data: Dataset, rng: np.random.Generator) -> Any:
        by_torch(data)
        return np.zeros(data.n)

    @curations.register("naughty")
    def selects(data: Dataset) -> Any:
        if data.n == 1000:
            by_torch(data)
            raise CurationError("this one I do not take")
        return select_rows(data, np.ones(data.n, bool))

    with pytest.raises(RelabelingError, match="naughty changed the data"):
        check_relabeling("naughty")
    with pytest.raises(CurationError, match="naughty changed the data"):
        check_curation("naughty")


def test_a_look_that_writes_nothing_is_no_change(data: Dataset) -> None:
    seal = Seal.of(data)
    with watch(data, OfflineBenchError):
        assert data.lengths.sum() == data.n  # Computed within, and kept.
        assert data.fingerprint
    assert seal.find_changes(data) == []
    with pytest.raises(ValueError, match="as it was"), watch(data, OfflineBenchError):
        raise ValueError("as it was")


def test_a_cache_gives_out_what_was_made_and_not_what_was_written() -> None:
    made = []

    def make(name: str) -> Dataset:
        made.append(name)
        return sample_dataset([3], [True])

    cache = SealedCache(make, size=2)
    first = cache("a")
    assert cache("a") is first
    assert made == ["a"]
    by_torch(first)
    assert cache("a").true_rewards.tolist() == (-first.true_rewards).tolist() == make("b").true_rewards.tolist()
