"""Whether a set that this project exported is still what it says it is."""

from __future__ import annotations

from offline_bench.data.dataset import Dataset, hash_rewards
from offline_bench.data.loaders.hdf5 import Source


def check_fingerprints(source: Source, data: Dataset, content: object, rewards: object) -> None:
    """Raise `DatasetError` where `data` has other fingerprints than the file names; None is not compared.

    content   of everything but the rewards that a learner sees, see `Dataset.fingerprint`
    rewards   of these, see `hash_rewards`
    """
    if content is not None and content != data.fingerprint:
        raise source.odd(f"it names the fingerprint {content!s:.40}, and what lies in it has {data.fingerprint}")
    if rewards is not None and rewards != hash_rewards(data):
        raise source.odd(f"it names the rewards_fingerprint {rewards!s:.40}, and its rewards have {hash_rewards(data)}")
