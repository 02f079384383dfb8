"""`relabel` and `curate` are called alike, and only a relabeling draws from the seed."""

from __future__ import annotations

import inspect

import numpy as np

from offline_bench import curate, relabel
from tests.data.test_d4rl_writer import small_data


def test_both_take_a_seed_alike() -> None:
    assert str(inspect.signature(relabel)) == str(inspect.signature(curate))


def test_a_curation_is_the_same_for_every_seed() -> None:
    data = small_data()
    kept = [curate(data, "fraction(p=0.5)", seed).observations for seed in range(5)]
    assert all(np.array_equal(rows, kept[0]) for rows in kept)
    assert not np.array_equal(relabel(data, "random", 0).rewards, relabel(data, "random", 1).rewards)
