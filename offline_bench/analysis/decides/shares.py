"""Variance shares: how much of the variance of the score coverage, reward, algorithm and seed each decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import chdtri

from offline_bench.analysis.bounds import SHARE, keep_within
from offline_bench.analysis.decides.design import FACTORS, TASK, Design, arrange
from offline_bench.analysis.findings import Estimate, Shares
from offline_bench.analysis.frame import select_counted
from offline_bench.analysis.jackknife import (
    ENOUGH_SEEDS,
    TAIL,
    jackknife_covariance,
    jackknife_reach,
    student_quantile,
)

Array = npt.NDArray[np.float64]
Bases = Mapping[str, Sequence[Array]]

SOURCES = (*FACTORS, "interactions", "seed", "rest")
INTERACTIONS = ("coverage:reward", "coverage:algorithm", "reward:algorithm", "coverage:reward:algorithm")
DIGITS = 6
RETURNS = "of the true return: there is no score"


@dataclass(frozen=True)
class Split:
    """Variances by source, in the order of `order`: of all seeds (k,), and without each seed in turn (seeds, k)."""

    order: tuple[str, ...]
    whole: Array
    without: Array
    chance: tuple[float, float]
    cells: int

    def of(self, source: str) -> tuple[float, Array]:
        """Share of `source`, with all seeds and (seeds,) without each."""
        names = [name for name in self.order if name == source or (source == "interactions" and ":" in name)]
        at = [self.order.index(name) for name in names]
        return (
            float(self.whole[at].sum() / self.whole.sum()),
            self.without[:, at].sum(axis=1) / self.without.sum(axis=1),
        )


def variance_shares(frame: pd.DataFrame) -> tuple[Shares, ...]:
    """Shares of variance over all datasets (dataset '', coverage is dataset and curation), then within each dataset.

    The task is not coverage: a robot that scores lower whatever it learned from is a fact of the task. Where the
    datasets are of several tasks, the main effect of the task has a share of its own, `task`, and `coverage` is which
    dataset of its task, and which cut of it. Both together are what `share_ratio` calls coverage.

    frame: of `to_frame`; the runs that count are taken out of it, each cell (coverage, reward, algorithm) weighs the
    same. Shares of the normalized score; datasets without one are left out over all, and have their shares of the
    true return within. Never raises for want of runs: what cannot be told is NaN, and the note says why.

    The model: a run's score is its cell's mean plus what its seed does. A factor's main effect is the variance of
    its levels' means; `interactions` is what the cells' means do beyond the main effects, `parts` has each one;
    `seed` is what a seed does to all cells alike, `rest` what it does to each differently (interactions with the
    seed included). So "decided by coverage" means by coverage whatever the reward and algorithm. A learner blind to
    reward, as BC is, lowers reward's main effect: it is an effect over all algorithms that are in the frame.

    For one algorithm alone hand in its rows.

    Chance is taken out: a factor's variance is formed from products of different seeds alone,
    (1/S(S−1)) Σ_{s≠t} ⟨P y_s, P y_t⟩, so a factor that decides nothing has expectation 0 (and may come out below it),
    however the runs of one seed hang together, as they do: runs that differ in reward alone share initial weights
    and minibatches. With noise equal and independent in all cells it is ω² of a two-stage model (Hays 1963).

    Intervals (95 %) by the jackknife over seeds with Student's t, seeds − 1 degrees of freedom, of the least seeded
    cell; for `seed`, the χ² interval of a variance. They end at 0 and at 1, as a share does that is not guessed. A
    percentile bootstrap of so few seeds would add the noise a second time. How often they held the truth in
    simulation (400 frames each; noise independent, shared by rewards as in paired runs, shared by all runs of a
    seed, of two modes, or unequal): with 5 seeds 91 to 99 % for main effects and interactions on 15 × 4 × 4 cells, 93
    to 99 % on 5 × 4 × 4, 98 % and more where the factor decides nothing, 94 to 98 % for the ratio of coverage to
    reward; with 3 seeds 94 to 99 %. `rest` falls to 88 % where a seed decides a fifth of everything.
    """
    counted = select_counted(frame)
    unscored = _unscored(counted)
    found = [overall_shares(frame)]
    for dataset in sorted(counted["dataset"].unique()):
        within = counted[counted["dataset"] == dataset]
        if dataset in unscored:
            found.append(replace(decompose(dataset, arrange(within, "true_return"), RETURNS), unit="true return"))
        else:
            found.append(decompose(dataset, arrange(within), ""))
    return tuple(found)


def share_ratio(frame: pd.DataFrame, source: str, over: str) -> Estimate:
    """Share of `source` over share of `over` among all runs of `frame` that count.

    As `variance_shares` has them, but for coverage, which holds the task here: what a prediction says is of that.
    """
    counted = select_counted(frame)
    design, _ = _usable(arrange(counted))
    split = _split(design)
    told = dict(zip((*FACTORS, "seed"), (*map(len, design.names), design.values.shape[1]), strict=True))
    if split is None or min(told.get(source, 2), told.get(over, 2)) < 2:
        return Estimate(n=int(design.counts.sum()))
    return _ratio(split, (source, over), _degrees(design), int(design.counts.sum()))


def overall_shares(frame: pd.DataFrame) -> Shares:
    """The first of `variance_shares`: over all datasets that have a normalized score.

    One dataset alone needs no scale to be compared on: without a score it has its shares of the true return.
    """
    counted = select_counted(frame)
    scored = counted[np.isfinite(counted["score"].to_numpy(float))]
    unscored = _unscored(counted)
    if len(unscored) == 1 and not len(scored):
        return replace(decompose("", arrange(counted, "true_return"), RETURNS), unit="true return")
    note = f"left out, as they have no normalized score: {', '.join(unscored)}" if unscored else ""
    return replace(decompose("", arrange(scored).tell_tasks(), note), datasets=int(scored["dataset"].nunique()))


def _unscored(counted: pd.DataFrame) -> list[str]:
    """The datasets none of whose runs has a normalized score."""
    scored = counted[np.isfinite(counted["score"].to_numpy(float))]
    return sorted(set(counted["dataset"].unique()) - set(scored["dataset"].unique()))


def decompose(dataset: str, design: Design, note: str = "") -> Shares:
    """The shares of one design, as `variance_shares` says; `note` comes before what is found out on the way."""
    present = _count_levels(design)
    design, notes = _usable(design)
    notes = [note, *notes] if note else notes
    levels = _count_levels(design)
    single = [name for name, count in levels.items() if count < 2]
    if single:
        notes.append(f"nothing to tell of {', '.join(single)}: fewer than two levels")
    split = _split(design)
    if split is None:
        notes.append("the runs do not differ" if design.values.size else "no runs")
        nothing = tuple((source, Estimate()) for source in SOURCES)
        found = Shares(dataset, nothing, Estimate(), tuple(levels.items()), "; ".join(notes))
        return replace(found, present=tuple(present.items()))
    runs = int(design.counts.sum())
    # Where each task has one coverage, there is none left to tell apart from the task.
    single += [FACTORS[0]] if TASK in split.order and FACTORS[0] not in split.order else []
    untold = {*single, "rest"} if "seed" in single else set(single)
    degrees = _degrees(design)
    sources = (TASK, *SOURCES) if TASK in split.order else SOURCES
    shares = {source: _estimate(split, source, degrees, runs) for source in sources}
    shares |= {source: Estimate(n=runs) for source in untold}
    ratio = (
        Estimate(n=runs) if {"coverage", "reward"} & untold else _ratio(split, ("coverage", "reward"), degrees, runs)
    )
    if not degrees:
        notes.append(f"no intervals: that takes {ENOUGH_SEEDS} seeds")
    parts = {name: _estimate(split, name, degrees, runs) for name in INTERACTIONS if name in split.order}
    found = Shares(dataset, tuple(shares.items()), ratio, tuple(levels.items()), "; ".join(notes), tuple(parts.items()))
    return replace(found, present=tuple(present.items()))


def _count_levels(design: Design) -> dict[str, int]:
    levels = {name: len(names) for name, names in zip(FACTORS, design.names, strict=True)}
    return levels | {"seed": design.values.shape[1]}


def _degrees(design: Design) -> int:
    least = int(design.counts.min())
    return least - 1 if least >= ENOUGH_SEEDS else 0


def _usable(design: Design) -> tuple[Design, list[str]]:
    """The cells with seeds enough for an interval, where there are any, and what was left out."""
    if not len(design.values):
        return design, []
    needed = min(ENOUGH_SEEDS, int(design.counts.max()))
    kept = design.keep(design.counts >= needed)
    notes = []
    if len(kept.values) < len(design.values):
        few = len(design.values) - len(kept.values)
        notes.append(f"{few} of {len(design.values)} cells left out: fewer than {needed} seeds")
    if len(kept.values) < kept.possible:
        lacking = f"{kept.possible - len(kept.values)} of {kept.possible} cells have no runs"
        notes.append(f"{lacking}: what factors decide together is divided among them (mean over all orders)")
    if kept.counts.min() < kept.values.shape[1]:
        short = int((kept.counts < kept.values.shape[1]).sum())
        notes.append(f"{short} of {len(kept.values)} cells have fewer than {kept.values.shape[1]} seeds")
    if kept.counts.min() == 1:
        notes.append("one seed: chance is not taken out")
    return kept, notes


def _split(design: Design) -> Split | None:
    """None where all values are equal or there are none."""
    values = design.values
    if not values.size or np.nanmax(values) == np.nanmin(values):
        return None
    # Centered first: the shares do not know the level, and rounding then does not either.
    values = values - np.nanmean(values)
    bases = design.split()
    enough = design.counts.min() >= ENOUGH_SEEDS
    seeds = range(values.shape[1]) if enough else range(0)
    (whole, chance), *without = _variances([values, *(np.delete(values, seed, axis=1) for seed in seeds)], bases)
    rest = np.reshape([found for found, _ in without], (-1, len(whole)))
    return Split((*bases, "seed", "rest"), whole, rest, chance, len(values))


def _variances(parts: Sequence[Array], bases: Bases) -> list[tuple[Array, tuple[float, float]]]:
    """Unbiased variance of each basis's source, of the seed and of the rest; and the mean squares of seed and rest.

    One pair for each of `parts`: (cells, seeds) values with NaN where there is no run. With cells of unequal seeds the
    covariance between cells is off by up to a tenth.
    """
    cells = len(parts[0])
    columns, chances = zip(*map(_columns_of, parts), strict=True)
    # A large grid's bases do not stay near the processor: each is read once, and not once for every part.
    together, firsts = np.hstack(columns), np.cumsum([0, *(one.shape[1] for one in columns[:-1])])
    signs = np.full(together.shape[1], -1.0)
    signs[firsts] = 1.0
    lengths = [np.mean([signs * ((one.T @ together) ** 2).sum(axis=0) for one in of], axis=0) for of in bases.values()]
    fixed = [np.add.reduceat(length, firsts) / cells for length in lengths]
    return [(np.array([*(of[at] for of in fixed), *chance[0]]), chance[1]) for at, chance in enumerate(chances)]


def _columns_of(values: Array) -> tuple[Array, tuple[tuple[float, float], tuple[float, float]]]:
    """What `_variances` takes from a part by itself.

    The cells' means, and beside them columns whose outer products sum to the covariance of these means; and the
    variances of seed and rest, with the mean squares of both.
    """
    cells, counts = len(values), np.isfinite(values).sum(axis=1)
    means = np.nanmean(values, axis=1)
    deviations = np.where(np.isfinite(values), values - means[:, None], 0.0)
    of_means = deviations / np.sqrt(counts * np.maximum(counts - 1, 1))[:, None]
    of_runs = of_means * np.sqrt(counts)[:, None]
    noise, together = float((of_runs**2).sum()), float((of_runs.sum(axis=0) ** 2).sum()) / cells
    apart = (noise - together) / max(cells - 1, 1)
    seed = (together - apart) / cells
    return np.column_stack([means, of_means]), ((seed, noise / cells - seed), (together, apart))


def _estimate(split: Split, source: str, degrees: int, runs: int) -> Estimate:
    share, without = split.of(source)
    if not degrees:
        return Estimate(round(share, DIGITS), n=runs)
    if source == "seed":
        low, high = _seed_interval(split, share, len(without) - 1)
    else:
        spread = jackknife_reach(without, degrees)
        low, high = share - spread, share + spread
    low, high = keep_within(float(low), float(high), SHARE)
    return Estimate(round(share, DIGITS), round(low, DIGITS), round(high, DIGITS), runs)


def _seed_interval(split: Split, share: float, degrees: int) -> tuple[float, float]:
    """χ² interval of the seeds' mean square, everything else held; the jackknife of it covers but 80 to 87 %."""
    together, apart = split.chance
    total = float(split.whole.sum())
    bounds = []
    for tail in (TAIL, 1.0 - TAIL):  # chdtri takes the upper tail
        variance = (degrees * together / chdtri(degrees, tail) - apart) / split.cells
        bounds.append(variance / (total * (1.0 - share) + variance))
    return bounds[0], bounds[1]


def _ratio(split: Split, pair: tuple[str, str], degrees: int, runs: int) -> Estimate:
    """One share over another with the interval of Fieller (1954): all x for which first − x · second may be 0.

    High is ∞ where the second may be 0; value ∞ where it came out at 0 or below, NaN where the first did too.
    """
    (first, ones), (second, others) = split.of(pair[0]), split.of(pair[1])
    tiny = 10.0**-12
    value = max(first, 0.0) / second if second > tiny else (np.inf if first > tiny else np.nan)
    if not degrees:
        return Estimate(round(value, DIGITS), n=runs)
    squared = student_quantile(degrees) ** 2
    quadratic = second**2 - squared * jackknife_covariance(others, others)
    linear = -2.0 * (first * second - squared * jackknife_covariance(ones, others))
    constant = first**2 - squared * jackknife_covariance(ones, ones)
    bounded = quadratic > tiny**2 and second > 0.0
    roots = np.roots([quadratic, linear, constant]) if abs(quadratic) > tiny**2 else np.array([])
    real = np.sort(roots.real[np.abs(roots.imag) <= tiny * np.abs(roots)])
    above = real[real > 0.0]
    low = float(above[0]) if len(above) else np.inf
    if constant <= 0.0 or first <= 0.0:
        low = 0.0
    high = max(float(real[-1]), 0.0) if bounded and len(real) else np.inf
    return Estimate(round(value, DIGITS), round(low, DIGITS), round(high, DIGITS), runs)
