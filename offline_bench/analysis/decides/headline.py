"""The sentence that opens the report: how many times as much as reward coverage decided."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from offline_bench.analysis.findings import Estimate, Headline, Shares

MANY = 100.0


def headline(shares: Sequence[Shares]) -> Headline:
    """The headline of `variance_shares`: over all datasets first, then one for each.

    Main effects alone: what coverage (dataset and curation) decides whatever the reward, over what reward decides
    whatever the coverage. They are of the score; of the true return where one dataset without a score is all there is.
    How much coverage decides depends on which datasets and curations there are, so `basis` counts them.
    """
    overall, within = shares[0], tuple(shares[1:])
    untold = _why_untold(overall, within)
    claim = f"These runs cannot tell what coverage and reward decide: {untold}" if untold else _claim(overall)
    return Headline(f"{claim}.", overall, within, _basis(overall))


def _why_untold(overall: Shares, within: Sequence[Shares]) -> str:
    """What is lacking for a claim; '' where nothing is."""
    levels, present = dict(overall.levels), dict(overall.present)
    if not levels.get("coverage"):
        return "none of their datasets has a normalized score" if within else "none of them ended well"
    for source in ("coverage", "reward"):
        if levels[source] < 2 <= present.get(source, 0):
            return f"of the cells with seeds enough, fewer than two levels of {source} are left"
        if levels[source] < 2:
            return f"they have fewer than two levels of {source}"
    if any(np.isnan(dict(overall.shares)[source].value) for source in ("coverage", "reward")):
        return "their scores do not differ"
    return ""


def _claim(overall: Shares) -> str:
    ratio, share = overall.ratio, dict(overall.shares)
    where = "On these datasets" if overall.datasets > 1 else "On this dataset"
    coverage, reward = share["coverage"], share["reward"]
    if np.isnan(ratio.value) or (ratio.low == 0.0 and np.isinf(ratio.high)):
        return f"{where} these runs do not tell which decided more, {_shares(coverage, reward)}"
    if np.isnan(ratio.low):
        return (
            f"{where} coverage decided {_times(ratio.value)} as much of the {overall.unit} as reward did "
            "(too few seeds for an interval)"
        )
    if np.isinf(ratio.low):
        return f"{where} coverage decided {_percent(coverage)} of the {overall.unit} and reward none of it"
    if np.isinf(ratio.high):
        return (
            f"{where} coverage decided at least {_times(ratio.low)} as much of the {overall.unit} as reward did "
            f"(95 % interval; reward's share may be 0: {_shares(coverage, reward)})"
        )
    less = f"; reward decided more: {_shares(coverage, reward)}" if ratio.high < 1.0 else ""
    return (
        f"{where} coverage decided {_times(ratio.value)} as much of the {overall.unit} as reward did "
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
