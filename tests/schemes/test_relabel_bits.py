"""The rewards of the first eight relabelings are those that committed records were made with, and so is their code."""

from __future__ import annotations

import hashlib

import pytest

from offline_bench.core.spec import spec_name
from offline_bench.schemes.checks import sample_dataset
from offline_bench.schemes.relabel import relabel, relabelings

# Text: hash of the code that records keep, hash of the rewards of one small dataset under seed 7.
COMMITTED = {
    "original": ("20134db2ff397545", "ccaf01d77a588eb8"),
    "zero": ("dcceeb5ae52acf00", "1751ac12e70e15b4"),
    "random": ("b24d4e11dab58555", "3165724ae41fa660"),
    "random(high=0.5, low=-0.5)": ("b24d4e11dab58555", "a22c2aac5c486073"),
    "negative": ("938970933a99e676", "a9277a18e3ea0923"),
    "scaled-negative": ("d90ce97c8cb9ceba", "ed7c7a08fd895b60"),
    "constant(value=0.5)": ("4b7207080682fc12", "41beacdc92bd3a75"),
    "shuffled": ("b8edfaf30fb57112", "fa98c583e7412d79"),
    "noisy": ("f0ab957bf896efbf", "ec3f716bb59223a0"),
    "noisy(scale=0.5)": ("f0ab957bf896efbf", "4036149609703412"),
}


@pytest.mark.parametrize("text", COMMITTED)
def test_code_and_rewards_are_as_they_were(text: str) -> None:
    rewards = relabel(sample_dataset([5, 1, 8, 3], [True, False, False, True]), text, 7).rewards
    digest = hashlib.sha256(rewards.tobytes()).hexdigest()[:16]
    assert (relabelings.origin(spec_name(text)).source, digest) == COMMITTED[text]
