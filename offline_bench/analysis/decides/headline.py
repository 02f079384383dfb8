"""The sentence that opens the report: how many times as much as reward coverage decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from offline_bench.analysis.findings import Competence, Estimate, Headline, Shares
from offline_bench.analysis.scores.competence import name_learner

MANY = 100.0

NOTHING_TOLD = (
    "These runs can tell nothing of rewards: under the true reward no learner that reads one is above behavior cloning "
    "by its whole interval, nor does one reach what cloning, or the published, shows that there is to be had."
)
GROUNDS = {
    "cloning": "above cloning under the true reward",
    "data": "not below cloning, which is as good as the data",
    "published": "at the published score",
}


def headline(shares: Sequence[Shares], judged: Sequence[Competence] | None = None) -> Headline:
    """The headline of `variance_shares`: over all datasets first, then one for each.

    Main effects alone: what coverage (dataset and curation) decides whatever the reward, over what reward decides
    whatever the coverage. "Behavior" is the true score. How much coverage decides depends on which datasets and
    curations there are, so `basis` counts them.

    judged   of `judge_learners`, in a suite with a gate: `shares` are then of the learners that count. Where there is
             none, the sentence is that nothing can be told of rewards; `basis` names what was left out.
    """
    overall = shares[0]
    found = Headline(f"{_claim(overall)}.", overall, tuple(shares[1:]), _basis(overall))
    if judged is None:
        return found
    sentence = found.sentence if any(item.counts for item in judged) else NOTHING_TOLD
    return replace(found, sentence=sentence, basis=f"{found.basis} {tell_gate(judged)}".strip())


def tell_gate(judged: Sequence[Competence]) -> str:
    """Who is competent, counted, and who is left out, named: sentences to stand under a headline."""
    learners = [item for item in judged if item.verdict != "reads no reward"]
    told = f"{sum(item.counts for item in learners)} of {_count(len(learners), 'learner')} on a set count"
    grounds = Counter(item.ground for item in learners if item.competent)
    parts = [f"{grounds[ground]} {words}" for ground, words in GROUNDS.items() if grounds[ground]]
    carried = sum(item.on_full_set for item in learners)
    parts += [f"{carried} on a part of a set that they are competent on"] if carried else []
    left_out = [name_learner(item) for item in learners if not item.counts]
    named = f" Left out, as not competent: {'; '.join(left_out)}." if left_out else ""
    return f"{told}{': ' * bool(parts)}{', '.join(parts)}.{named}"


def _claim(overall: Shares) -> str:
    ratio, share = overall.ratio, dict(overall.shares)
    where = "On these datasets" if overall.datasets > 1 else "On this dataset"
    for source in ("coverage", "reward"):
        if dict(overall.levels).get(source, 0) < 2:
            return (
                f"These runs cannot tell what coverage and reward decide: they have fewer than two levels of {source}"
            )
    coverage, reward = share["coverage"], share["reward"]
    if np.isnan(coverage.value) or np.isnan(reward.value):
        return "These runs cannot tell what coverage and reward decide: their scores do not differ"
    if np.isnan(ratio.value) or (ratio.low == 0.0 and np.isinf(ratio.high)):
        return f"{where} these runs do not tell which decided more, {_shares(coverage, reward)}"
    if np.isnan(ratio.low):
        return (
            f"{where} coverage decided {_times(ratio.value)} as much of the behavior as reward did "
            "(too few seeds for an interval)"
        )
    if np.isinf(ratio.low):
        return f"{where} coverage decided {_percent(coverage)} of the behavior and reward none of it"
    if np.isinf(ratio.high):
        return (
            f"{where} coverage decided at least {_times(ratio.low)} as much of the behavior as reward did "
            f"(95 % interval; reward's share may be 0: {_shares(coverage, reward)})"
        )
    less = f"; reward decided more: {_shares(coverage, reward)}" if ratio.high < 1.0 else ""
    return (
        f"{where} coverage decided {_times(ratio.value)} as much of the behavior as reward did "
        f"(95 % interval {ratio_text(ratio.low)} to {ratio_text(ratio.high)}{less})"
    )


def _basis(overall: Shares) -> str:
    levels = dict(overall.levels)
    runs = max((estimate.n for _, estimate in overall.shares), default=0)
    if not runs:
        return ""
    counts = (
        f"{runs} runs: {_count(overall.datasets, 'dataset')}, {levels['coverage']} coverages (dataset and curation)"
    )
    counts += f", {_count(levels['reward'], 'reward')}, {_count(levels['algorithm'], 'algorithm')}"
    return f"{counts}, {_count(levels['seed'], 'seed')}. Other curations would give another number."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _shares(coverage: Estimate, reward: Estimate) -> str:
    return f"coverage {_percent(coverage)}, reward {_percent(reward)}"


def _percent(share: Estimate) -> str:
    text = f"{max(share.value, 0.0):.0%}".replace("%", " %")
    if np.isnan(share.low):
        return text
    return f"{text} [{max(share.low, 0.0) * 100:.0f}, {max(share.high, 0.0) * 100:.0f}]"


def _times(value: float) -> str:
    return f"{ratio_text(value)} times"


def ratio_text(value: float) -> str:
    """A ratio in a sentence, with as many digits as it has to tell."""
    if value >= MANY:
        return f"more than {MANY:.0f}" if np.isinf(value) else f"{value:.0f}"
    return f"{value:.1f}" if value >= 1.0 else f"{value:.2f}"
