"""Is this data reward-sensitive? The verdict of a set, over the learners that read their reward on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from offline_bench.analysis.findings import Competence, Estimate, RewardEffect, SetVerdict
from offline_bench.analysis.frame import select_counted
from offline_bench.analysis.jackknife import mean_interval, ratio_interval, seeds_to_tell
from offline_bench.analysis.scores.competence import MARGIN, cloning_by_seed, scores_by_seed, unit_of
from offline_bench.analysis.scores.leaderboard import TRUE_RELABELING, relabeling_order

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

VERDICTS = ("reward-sensitive", "reward-free", "mixed", "cannot tell")
SENSITIVE, FREE, MIXED, UNTOLD = VERDICTS
SIDES = ("below", "open", "above")


def judge_sets(
    frame: pd.DataFrame, judged: Sequence[Competence], wrong: Iterable[str] | None = None
) -> tuple[SetVerdict, ...]:
    """A verdict for each set under each curation that has learners beside cloning, in the order of their names.

    frame   of `to_frame`; `judged` what `judge_learners` says of it
    wrong   the wrong rewards; all but the true one where none are named

    Over the learners competent on that very data, L = score(true) − score(cloning) and K(r) = score(r) −
    score(cloning), paired by seed. K/L is held against one half by the paired interval of K − L/2, which is exact where
    the interval of a ratio is not. Where cloning is as good as the data can be and a learner is not above it by more
    than 5 points by its whole interval, K + 5 takes its place: a reward can add nothing there, and is asked to do no
    harm. A wrong reward is below half or above it where the whole interval of the mean over learners is, of the seeds
    that they share.

        reward-sensitive  every wrong reward is below half
        reward-free       every one is above
        mixed             some are below and some above, over the learners or by the whole intervals of single ones
        cannot tell       anything else, and where no learner is competent: `reason` says what would settle it

    What it said, in per cent of 4,000 simulated sets: right + wrong, the rest is 'cannot tell' (`verdict_rates` in
    `error_rates.py`). Three learners, L = 30 points each, three wrong rewards; those that the gate passes count. Runs
    deviate by 10 points, normal | t(3) | one in four collapses. The numbers at the left are K/L.

        what is so         3 seeds                       5 seeds                       10 seeds
        sensitive, 0        5 + 0  | 14 + 0.1| 10 + 0    67 + 0  | 75 + 0  | 69 + 0   100 + 0  | 97 + 0  |100 + 0
        sensitive, 0.2      1 + 0.4|  3 + 0.1|  2 + 0    18 + 0.3| 27 + 0  | 23 + 0    71 + 0  | 77 + 0  | 74 + 0.1
        free, 1             6 + 0.1| 14 + 0  |  4 + 0.8  64 + 0  | 75 + 0  | 60 + 0.2 100 + 0  | 98 + 0  |100 + 0
        free, 0.8           1 + 0.3|  2 + 0.1|  1 + 1.8  17 + 0.4| 27 + 0  | 12 + 0.4  73 + 0  | 78 + 0  | 71 + 0
        rewards 0, 1, 1    25 + 0  | 50 + 0  | 29 + 0    88 + 0  | 93 + 0  | 88 + 0   100 + 0  | 99 + 0  |100 + 0
        learners 1, 0, 0   15 + 1.4| 35 + 2.7| 17 + 3.4  76 + 4.2| 84 + 4.0| 73 + 4.8 100 + 0.2| 98 + 0.6|100 + 0.1

    Few seeds make for silence, not for error. At K/L = 0.5, where no word but 'cannot tell' is right, another came in 1
    to 3 cases of 100. L = 20 takes ten seeds (82 + 0, normal, K/L 0), L = 10 is hardly told with ten (7 + 0.1), and
    learners that read no reward left every set untold.
    """
    runs = select_counted(frame)
    rewards = sorted(set(wrong) if wrong is not None else set(runs["relabeling"]) - {TRUE_RELABELING})
    places = dict.fromkeys((item.dataset, item.curation) for item in judged if item.verdict != "reads no reward")
    return tuple(
        _judge_set(place, runs, [item for item in judged if (item.dataset, item.curation) == place], rewards)
        for place in places
    )


def decide_sides(excess: Array) -> Integers:
    """−1 where the whole interval of the mean of (..., seeds) is below 0, 1 where above, 0 where it holds 0: (...)."""
    _, low, high = mean_interval(excess)
    return np.where(low > 0.0, 1, np.where(high < 0.0, -1, 0)).astype(np.int64)


def classify(by_reward: Integers, by_learner: Integers) -> npt.NDArray[np.str_]:
    """The verdict of sides (−1, 0, 1): (..., rewards) over the learners and (..., learners, rewards) of each.

    Nothing is told of no reward. A single learner decides nothing, but that others do not speak for it.
    """
    single = by_learner.reshape(*by_learner.shape[:-2], -1)
    both = np.concatenate([by_reward, single], axis=-1)
    mixed = (both > 0).any(axis=-1) & (both < 0).any(axis=-1)
    some = by_reward.shape[-1] > 0
    below, above = (by_reward < 0).all(axis=-1) & some, (by_reward > 0).all(axis=-1) & some
    return np.select([mixed, below, above], [MIXED, SENSITIVE, FREE], UNTOLD)


def excess_of(true: Array, wrong: Array, cloning: Array, by_half: bool) -> Array:
    """What decides whether a wrong reward did as well as the true one: K − L/2, or K + 5; elementwise."""
    return wrong - (true + cloning) / 2.0 if by_half else wrong - cloning + MARGIN


def is_by_half(item: Competence) -> bool:
    """Whether a learner is so far above cloning that half of its lift means something."""
    return item.difference.low > (MARGIN if item.at_best else 0.0)


def _judge_set(
    place: tuple[str, str], runs: pd.DataFrame, judged: Sequence[Competence], rewards: Sequence[str]
) -> SetVerdict:
    here = runs[(runs["dataset"] == place[0]) & (runs["curation"] == place[1])]
    learners = _choose(judged)
    if not learners:
        return SetVerdict(*place, UNTOLD, _say_incompetent(judged))
    tables = {item.label: _tabulate(here, item, rewards) for item in learners}
    rewards = [name for name in rewards if any(name in table for table in tables.values())]
    if not rewards:
        return SetVerdict(*place, UNTOLD, "No wrong reward was run.", tuple(tables))
    halves = {item.label: is_by_half(item) for item in learners}
    together = next(iter(halves.values())) if len(set(halves.values())) == 1 else None
    effects = tuple(
        _effect("", list(tables.values()), name, together) for name in sorted(rewards, key=relabeling_order)
    )
    single = tuple(
        _effect(label, [table], name.relabeling, halves[label]) for name in effects for label, table in tables.items()
    )
    sides = np.array([SIDES.index(item.side) - 1 for item in effects], np.int64)
    each = np.array([SIDES.index(item.side) - 1 for item in single], np.int64).reshape(len(effects), -1).T
    verdict = str(classify(sides, each))
    return SetVerdict(*place, verdict, _say(verdict, effects, single, tuple(tables)), tuple(tables), effects, single)


def _choose(judged: Sequence[Competence]) -> list[Competence]:
    """The learners competent on this very data and with something to be judged by; each at its longest budget."""
    found = [item for item in judged if item.competent and (is_by_half(item) or item.at_best)]
    longest = {item.algorithm: item for item in sorted(found, key=lambda one: (one.steps, one.episodes))}
    return [item for item in found if longest[item.algorithm] is item]


def _tabulate(runs: pd.DataFrame, item: Competence, rewards: Iterable[str]) -> pd.DataFrame:
    """Seed × the columns L and, for each wrong reward that has runs, (K, excess); seeds that have all three."""
    unit = unit_of(runs)
    true, cloning = scores_by_seed(runs, item, TRUE_RELABELING, unit), cloning_by_seed(runs, item, unit)
    columns = {}
    for name in rewards:
        scores = pd.concat([true, scores_by_seed(runs, item, name, unit), cloning], axis=1, join="inner")
        if len(scores):
            t, w, c = scores.to_numpy(float).T
            numbers = {"L": t - c, "K": w - c, "excess": excess_of(t, w, c, is_by_half(item))}
            columns[name] = pd.DataFrame(numbers, index=scores.index)
    return pd.concat(columns, axis=1) if columns else pd.DataFrame()


def _effect(learner: str, tables: Sequence[pd.DataFrame], name: str, by_half: bool | None) -> RewardEffect:
    """Of the mean over the learners that have this reward, on the seeds that they share."""
    found = [cast("pd.DataFrame", table[name]).dropna() for table in tables if name in table]
    if not found:
        return RewardEffect(name, learner, np.nan, Estimate(), "open", by_half=by_half)
    mean = pd.concat(found, keys=range(len(found)), names=["learner"])
    shared = set.intersection(*(set(table.index) for table in found))
    mean = mean[mean.index.get_level_values(1).isin(shared)].groupby(level=1).mean().sort_index()
    excess, gained = mean["excess"].to_numpy(float), float(mean["L"].mean())
    value, low, high = (float(end) for end in mean_interval(excess))
    side = SIDES[int(decide_sides(excess)) + 1] if len(excess) > 1 else "open"
    seeds = seeds_to_tell(value, float(excess.std(ddof=1))) if side == "open" and len(excess) > 1 else np.nan
    kept = float(mean["K"].mean()) / gained if gained > 0.0 else np.nan
    ratio = Estimate(*ratio_interval(mean["K"].to_numpy(float), mean["L"].to_numpy(float)), len(excess))
    return RewardEffect(name, learner, kept, Estimate(value, low, high, len(excess)), side, seeds, ratio, by_half)


def _say_incompetent(judged: Sequence[Competence]) -> str:
    learners = [item for item in judged if item.verdict != "reads no reward"]
    reasons = " ".join(f"{item.label}: {item.reason}" for item in learners)
    return f"No learner is competent, so nothing is told of rewards. Train longer, or with more seeds. {reasons}"


def _say(verdict: str, effects: Sequence[RewardEffect], single: Sequence[RewardEffect], learners: Sequence[str]) -> str:
    over = f"over {', '.join(learners)}"
    if verdict == MIXED:
        apart = {"below", "above"} <= {item.side for item in effects}
        below, above = (
            ", ".join(_name(item) for item in (effects if apart else (*effects, *single)) if item.side == side)
            for side in ("below", "above")
        )
        return f"Below half of what the true reward gives: {below}; above: {above}; {over}."
    told = ", ".join(f"{item.relabeling} {_say_kept(item)}" for item in effects)
    if verdict != UNTOLD:
        return f"Wrong rewards keep of what the true one gives: {told}; {over}."
    unsettled = [item for item in effects if item.side == "open"]
    if not unsettled:
        unsettled = [item for item in single if item.side == "open"]
    return f"Intervals reach across half: {told}; {over}. {_say_needed(unsettled)}"


def _say_needed(unsettled: Sequence[RewardEffect]) -> str:
    if any(item.excess.n < 2 for item in unsettled):
        return "The true reward, the wrong ones and cloning must share at least two seeds."
    most = max(item.seeds for item in unsettled)
    if np.isinf(most):
        names = ", ".join(item.relabeling for item in unsettled if np.isinf(item.seeds))
        return f"No thousand seeds would settle {names}: it keeps about half."
    return f"About {most:.0f} seeds would settle it, if means and spread stay as they are."


def _say_kept(item: RewardEffect) -> str:
    # Adding 0 turns −0.0 into 0.0.
    return "–" if np.isnan(item.kept) else f"{round(100.0 * item.kept) + 0.0:.0f} %"


def _name(item: RewardEffect) -> str:
    return f"{item.learner} under {item.relabeling}" if item.learner else item.relabeling
