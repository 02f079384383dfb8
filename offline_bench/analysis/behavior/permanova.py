"""PERMANOVA: how much of the squared distances between behaviors coverage, reward and algorithm each divide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array

from offline_bench.analysis.behavior.sketched import Sketched, gather_sketches
from offline_bench.analysis.bounds import SHARE, keep_within
from offline_bench.analysis.decides.design import FACTORS
from offline_bench.analysis.findings import Estimate, Partition
from offline_bench.analysis.jackknife import ENOUGH_SEEDS, jackknife_reach

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

PERMUTATIONS = 999
CHUNK = 100
NEAR = 2**16  # numbers, half a megabyte: so many stay near the processor, in whatever order they are added


def partition_distances(
    frame: pd.DataFrame,
    sketches: Mapping[str, Sequence[float] | Array],
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> tuple[Partition, ...]:
    """One `Partition` for each source within each dataset, and over all datasets that share an environment.

    frame, sketches  as `gather_sketches` takes them; coverage is (dataset, curation)
    pseudo_f, r2     of that source alone (Anderson 2001), everything else in the denominator. In a full grid the R² of
                     the sources add up to less than 1; where cells are missing, they overlap. R² is not corrected for
                     chance: a source that decides nothing has (levels − 1) / (runs − 1). Interval: jackknife over
                     seeds with Student's t, from 3 seeds on
    p                share of permutations with as large an F, itself counted. A source's levels are permuted among
                     runs that agree in the other sources and in the seed: the null is that the source does nothing
                     anywhere, and neither what the others do nor what runs of one seed share looks like an effect

    A source with fewer than two levels is left out.
    """
    found = []
    for group in gather_sketches(frame, sketches):
        within = [group.of_dataset(dataset) for dataset in group.datasets]
        for one in [group, *within] if len(within) > 1 else within:
            found += _partition(one, rng, permutations)
    return tuple(found)


def _partition(group: Sketched, rng: np.random.Generator, permutations: int) -> list[Partition]:
    runs = group.runs
    columns = {"coverage": ["dataset", "curation"], "reward": ["relabeling"], "algorithm": ["algorithm"]}
    labels = {source: _number(runs, columns[source]) for source in FACTORS}
    found = []
    for source in FACTORS:
        if labels[source].max() < 1:
            continue
        others = [column for other in FACTORS if other != source for column in columns[other]]
        f, p = permanova(group.sketches, labels[source], _number(runs, [*others, "seed"]), rng, permutations)
        r2 = _estimate_r2(group.sketches, labels[source], runs["seed"].to_numpy(np.int64))
        found.append(Partition(group.name, source, round(f, 6), r2, round(p, 6), permutations))
    return found


def permanova(
    points: Array, labels: Integers, strata: Integers, rng: np.random.Generator, permutations: int = PERMUTATIONS
) -> tuple[float, float]:
    """Pseudo-F and its permutation p of one grouping of points in Euclidean space, permuted within strata.

    points (n, k), labels and strata (n,) from 0. In one dimension F is that of the one-way analysis of variance.
    Gower's matrix of the points' distances is X Xᵀ, X the centered points, so a group's sum over that matrix is the
    squared length of the group's sum of points: no (n, n) matrix is formed. NaN where no degrees of freedom are left.
    """
    points = points - points.mean(axis=0)
    groups, runs = int(labels.max()) + 1, len(points)
    total = float(np.square(points).sum())
    if groups < 2 or runs <= groups:
        return np.nan, np.nan
    between = float(_between(points, labels[None])[0])
    if total <= 0.0:
        return np.nan, np.nan
    rest = total - between
    f = (between / (groups - 1)) / (rest / (runs - groups)) if rest > 1e-12 * total else np.inf
    larger = 0
    # F grows with the sum of squares between groups, so that is enough. Runs that are equal bit for bit, as those of
    # cloning are, make ties, which rounding is not to break.
    for start in range(0, permutations, CHUNK):
        shuffled = _shuffle(labels, strata, min(CHUNK, permutations - start), rng)
        larger += int((_between(points, shuffled) >= between - 1e-9 * total).sum())
    return f, (larger + 1) / (permutations + 1)


def _between(points: Array, labels: Integers) -> Array:
    """(permutations,) sum of squares between groups of centered points (n, k) under labels (permutations, n).

    Every row of labels has the same groups, of the same sizes: it is a permutation of the others.
    """
    count, runs = labels.shape
    sizes = np.bincount(labels[0])
    # A row for each group of each permutation, with a one for each member: no point is added where it is not.
    order = np.argsort(labels.astype(np.min_scalar_type(len(sizes))), axis=1, kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.tile(sizes, count))])
    members = csr_array((np.ones(labels.size), order.ravel(), ends), shape=(count * len(sizes), runs))
    squares = np.zeros(members.shape[0])
    wide = max(NEAR // runs, 1)
    for start in range(0, points.shape[1], wide):
        squares += np.square(members @ np.ascontiguousarray(points[:, start : start + wide])).sum(axis=1)
    return np.asarray((squares.reshape(count, -1) / sizes).sum(axis=1))


def _shuffle(labels: Integers, strata: Integers, count: int, rng: np.random.Generator) -> Integers:
    """(count, n) labels, each row permuted within strata."""
    order, sizes = np.argsort(strata, kind="stable"), np.bincount(strata)
    keys, ordered = rng.random((count, len(strata))), labels[order]
    if (sizes == sizes[0]).all():
        # Many short rows are sorted in half the time of a long one; the permutations are the same.
        rows = np.argsort(keys[:, order].reshape(count, -1, sizes[0]), axis=-1)
        drawn = np.take_along_axis(np.broadcast_to(ordered.reshape(-1, sizes[0]), rows.shape), rows, axis=-1)
    else:
        drawn = labels[np.argsort(strata + keys, axis=1)]
    shuffled = np.empty(keys.shape, labels.dtype)
    shuffled[:, order] = drawn.reshape(count, -1)
    return shuffled


def _estimate_r2(points: Array, labels: Integers, seeds: Integers) -> Estimate:
    value = _r2(points, labels)
    known = np.unique(seeds)
    if np.isnan(value) or len(known) < ENOUGH_SEEDS:
        return Estimate(round(value, 6), n=len(points))
    without = np.array([_r2(points[seeds != seed], labels[seeds != seed]) for seed in known])
    reach = jackknife_reach(without, len(known) - 1)
    low, high = keep_within(value - reach, value + reach, SHARE)
    return Estimate(round(value, 6), round(low, 6), round(high, 6), len(points))


def _r2(points: Array, labels: Integers) -> float:
    points = points - points.mean(axis=0)
    total = float(np.square(points).sum())
    _, labels = np.unique(labels, return_inverse=True)
    return float(_between(points, labels[None])[0]) / total if total > 0.0 else np.nan


def _number(runs: pd.DataFrame, columns: list[str]) -> Integers:
    return np.asarray(runs.groupby(columns).ngroup().to_numpy(), np.int64)
