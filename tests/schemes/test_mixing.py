"""mix: another dataset of the same task beside the one a run is on, its transitions as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offline_bench.commands import reproduce
from offline_bench.core.errors import CurationError, DatasetNotFoundError
from offline_bench.data.dataset import CONTENT
from offline_bench.data.loaders import load
from offline_bench.runs.record import Run
from offline_bench.schemes.checks import check_curation
from offline_bench.schemes.curate import Selection, curate, curations, needed_datasets
from offline_bench.schemes.relabel import relabel
from tests.conftest import MEDIUM, RANDOM

MIX = f"mix(id={RANDOM!r}, p=0.3)"


@pytest.fixture(autouse=True)
def at_home(small_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLINE_BENCH_HOME", str(small_home))


def rows_of(content: object, field: str) -> list[bytes]:
    return [row.tobytes() for row in getattr(content, field)]


@pytest.mark.parametrize(("here", "there"), [(MEDIUM, RANDOM), (RANDOM, MEDIUM)])
def test_a_mix_has_the_share_asked_for_and_every_transition_is_of_one_of_the_two_as_it_was(
    here: str, there: str
) -> None:
    own, other = load(here), load(there)
    text = f"mix(id={there!r}, p=0.3)"
    mixed = curate(own, text)
    joined = [set(zip(*(rows_of(data, field) for field in CONTENT), strict=True)) for data in (own, other)]
    rows = list(zip(*(rows_of(mixed, field) for field in CONTENT), strict=True))
    from_own, from_other = (sum(row in part for row in rows) for part in joined)
    assert from_own + from_other == mixed.n
    assert 0 <= from_own - 0.7 * own.n < own.lengths.max()
    assert 0 <= from_other - 0.3 * own.n < other.lengths.max()
    assert (mixed.id, mixed.curation) == (own.id, text)
    assert sorted(mixed.behavior_returns) == sorted(mixed.true_returns)


def test_a_mix_takes_whole_episodes_and_is_the_same_for_a_seed() -> None:
    own, other = load(MEDIUM), load(RANDOM)
    one, again, seeded = (curate(own, f"mix(id={RANDOM!r}, p=0.3, seed={seed})") for seed in (0, 0, 1))
    assert one.fingerprint == again.fingerprint != seeded.fingerprint
    whole = set(own.true_returns.tolist()) | set(other.true_returns.tolist())
    assert set(one.true_returns.tolist()) <= whole


def test_the_contract_is_tried_on_the_set_that_is_mixed_in() -> None:
    assert needed_datasets(MIX) == (RANDOM,)
    assert needed_datasets("truncate(steps=3)") == ()
    check_curation(MIX)


def test_what_is_of_another_task_or_relabeled_already_cannot_be_mixed() -> None:
    own = load(MEDIUM)
    with pytest.raises(CurationError, match="the environment is 'Walker2d-v5' here and 'Hopper-v5' there"):
        curate(replace(own, environment="Walker2d-v5"), MIX)
    with pytest.raises(CurationError, match="observations are"):
        narrow = np.ascontiguousarray(own.observations[:, :5])
        curate(replace(own, observations=narrow, next_observations=narrow), MIX)
    with pytest.raises(CurationError, match="carries the rewards of zero: curate first, then relabel"):
        curate(relabel(own, "zero", 0), MIX)
    with pytest.raises(CurationError, match="the action spaces differ"):
        space = replace(own.action_space, high=own.action_space.high * 2)
        curate(replace(own, action_space=space), MIX)
    with pytest.raises(DatasetNotFoundError, match="nowhere"):
        curate(own, "mix(id='offline-bench/nowhere/medium-v0', p=0.5)")


def test_a_scheme_that_names_another_set_cannot_take_rows_beyond_it() -> None:
    own, other = load(MEDIUM), load(RANDOM)

    @curations.register("greedy")
    def greedy(data: object) -> Selection:
        rows = np.array([own.n + other.n])
        return Selection(rows, np.array([False]), np.array([True]), beside=RANDOM)

    try:
        with pytest.raises(CurationError, match=rf"rows that do not ascend strictly within 0\.\.{own.n + other.n - 1}"):
            curate(own, "greedy")
    finally:
        curations._functions.pop("greedy")


def test_what_a_curation_mixes_in_is_built_before_its_runs_like_their_own_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    monkeypatch.setattr(reproduce, "build_missing", lambda ids, workers: built.extend(ids))
    monkeypatch.setattr(reproduce, "rehearse", lambda *told: pytest.skip("built"))
    runs = [Run(MEDIUM, text, "zero", "bc", 0, 1, 1) for text in ("full", MIX, "truncate(steps=3)")]
    with pytest.raises(pytest.skip.Exception):
        reproduce.carry_out_runs(dict.fromkeys(runs, (1,)), tmp_path, "mixed", reproduce.Means(workers=0))
    assert built == [MEDIUM, RANDOM]
