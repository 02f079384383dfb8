"""Curations by episode: which episodes stay, and how much of each."""

from __future__ import annotations

import numpy as np

from offline_bench.core.errors import CurationError
from offline_bench.data.dataset import Dataset
from offline_bench.schemes.curate.curation import Selection, curations, select_rows


@curations.register("fraction")
def fraction(data: Dataset, *, p: float, seed: int = 0) -> Selection:
    """A random share p in (0, 1] of the episodes, at least one: less coverage of everything alike."""
    if not 0.0 < p <= 1.0:
        raise CurationError(f"fraction(p={p}): a share lies in (0, 1]")
    count = max(1, round(p * data.n_episodes))
    chosen = np.random.default_rng(seed).permutation(data.n_episodes)[:count]
    return select_rows(data, np.isin(data.episode_of, chosen))


@curations.register("truncate")
def truncate(data: Dataset, *, steps: int) -> Selection:
    """The first `steps` transitions of every episode; a cut is a time-out. Weakens the length bias.

    Takes the late states out of the coverage, and the endings that come after them.
    """
    if steps < 1:
        raise CurationError(f"truncate(steps={steps}): at least one step is needed")
    position = np.arange(data.n) - data.episode_starts[data.episode_of]
    return select_rows(data, position < steps)


@curations.register("tail")
def tail(data: Dataset, *, steps: int) -> Selection:
    """The last `steps` transitions of every episode: where episodes begin is no longer covered, how they end is.

    Takes from the states near the start; keeps every ending as it was, so terminals weigh more than before.
    """
    if steps < 1:
        raise CurationError(f"tail(steps={steps}): at least one step is needed")
    left = data.episode_ends[data.episode_of] - np.arange(data.n)
    return select_rows(data, left < steps)


@curations.register("equal-length")
def equal_length(data: Dataset, *, steps: int) -> Selection:
    """Every episode with at least `steps` transitions, cut to that many; shorter ones go. Cuts are time-outs.

    Removes the length bias: how long an episode is says nothing of its return any more, and endings after the first
    `steps`, or before them, are not seen. Takes the late states out of the coverage too, and what ends early.
    """
    if steps < 1:
        raise CurationError(f"equal-length(steps={steps}): at least one step is needed")
    if data.lengths.max() < steps:
        raise CurationError(f"equal-length(steps={steps}): the longest episode has {data.lengths.max()}; ask for fewer")
    position = np.arange(data.n) - data.episode_starts[data.episode_of]
    return select_rows(data, (position < steps) & (data.lengths >= steps)[data.episode_of])


@curations.register("top")
def top(data: Dataset, *, p: float) -> Selection:
    """The share p in (0, 1] of the episodes with the highest true returns, at least one.

    Takes the bad behavior out of the coverage: what is left is narrower, and staying with it is better. Of equal
    returns the earlier episode stays. Source: the filtered behavior cloning of Chen et al. 2021, by episodes.
    """
    return _select_ranks(data, 1.0 - _share("top", p), 1.0)


@curations.register("bottom")
def bottom(data: Dataset, *, p: float) -> Selection:
    """The share p in (0, 1] of the episodes with the lowest true returns, at least one.

    Takes the good behavior out of the coverage: staying with what is left is worse, and nothing in it is better.
    """
    return _select_ranks(data, 0.0, _share("bottom", p))


@curations.register("band")
def band(data: Dataset, *, low: float, high: float) -> Selection:
    """The episodes whose true returns rank from the share `low` to the share `high`, 0 the lowest and 1 the highest.

    At least one. Takes both ends of the behavior out of the coverage; `top(p)` is the band from 1 − p to 1, `bottom(p)`
    from 0 to p.
    """
    if not 0.0 <= low < high <= 1.0:
        raise CurationError(f"band(low={low}, high={high}): 0 <= low < high <= 1 is wanted")
    return _select_ranks(data, low, high)


def _share(name: str, p: float) -> float:
    if not 0.0 < p <= 1.0:
        raise CurationError(f"{name}(p={p}): a share lies in (0, 1]")
    return p


def _select_ranks(data: Dataset, low: float, high: float) -> Selection:
    # Ascending, and of equal returns the later first: the earlier one ranks higher.
    order = np.lexsort((-np.arange(data.n_episodes), data.true_returns))
    first, last = round(low * data.n_episodes), round(high * data.n_episodes)
    first = min(first, data.n_episodes - 1)
    chosen = order[first : max(last, first + 1)]
    return select_rows(data, np.isin(data.episode_of, chosen))
