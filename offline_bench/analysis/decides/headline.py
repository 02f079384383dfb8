"""The sentence that opens the report: which decided more, coverage or reward, and how many times as much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from offline_bench.analysis.decides.design import TASK
from offline_bench.analysis.findings import Competence, Estimate, Headline, Shares
from offline_bench.analysis.scores.competence import name_learner

MANY = 100.0

NOTHING_TOLD = (
    "These runs can tell nothing of rewards. Under the true reward no learner that reads it scores above behavior "
    "cloning by its whole interval, and none reaches the published score or the score of the data."
)
GROUNDS = {
    "cloning": "above cloning under the true reward",
    "data": "not below cloning, which is as good as the data",
    "published": "at the published score",
}


def headline(shares: Sequence[Shares], judged: Sequence[Competence] | None = None) -> Headline:
    """The headline of `variance_shares`: over all datasets first, then one for each.

    Main effects alone: what coverage (dataset and curation) decides whatever the reward, over what reward decides
    whatever the coverage. They are of the score; of the true return where one dataset without a score is all there is.
    How much coverage decides depends on which datasets and curations there are, so `basis` counts them. Over several
    tasks the sentence is of coverage within a task, says so, and `basis` tells what the task decides.

    judged   of `judge_learners`, in a suite with a gate: `shares` are then of the learners that count. Where there is
             none, the sentence is that nothing can be told of rewards; `basis` names what was left out.
    """
    overall, within = shares[0], tuple(shares[1:])
    untold = _why_untold(overall, within)
    claim = f"These runs cannot tell what coverage and reward decide: {untold}" if untold else _claim(overall)
    found = Headline(f"{claim}.", overall, within, _basis(overall))
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
    where = f"On these {overall.datasets} datasets" if overall.datasets > 1 else "On this dataset"
    if np.isnan(overall.ratio.low) and not np.isnan(overall.ratio.value):
        return f"{where} {compare_shares(overall)} (too few seeds for an interval)"
    return f"{where} {compare_shares(overall)}"


def compare_shares(overall: Shares) -> str:
    """Which of coverage and reward decided more, and how many times as much, with the interval that says how surely.

    The larger one is told first. Neither is where the interval of their ratio holds 1: then both shares are told.
    """
    ratio, unit, shares = overall.ratio, overall.unit, dict(overall.shares)
    within = " within a task" if TASK in shares else ""
    one, two = f"coverage{within}", "reward"
    known = {one: shares["coverage"], two: shares["reward"]}
    value, low, high = ratio.value, ratio.low, ratio.high
    if np.isnan(value) or low <= 1.0 <= high:
        told = ", ".join(f"{name} {_percent(share)}" for name, share in known.items())
        return f"these runs do not tell whether {one} or reward decided more of the {unit}: {told}"
    if (value if np.isnan(low) else high) < 1.0:
        one, two = two, one
        value, low, high = _turn(value), _turn(high), _turn(low)
    as_much = f"as much of the {unit} as {two} did"
    if np.isnan(low):
        return f"{one} decided {_times(value)} {as_much}"
    if np.isinf(low):
        return f"{one} decided {_percent(known[one])} of the {unit}, and {two} none of it"
    if np.isinf(high):
        return f"{one} decided at least {_times(low)} {as_much} (95 % interval; the share of {two} may be 0)"
    return f"{one} decided {_times(value)} {as_much} (95 % interval {ratio_text(low)} to {ratio_text(high)})"


def _turn(ratio: float) -> float:
    """The ratio the other way round."""
    return np.inf if ratio <= 0.0 else 1.0 / ratio


def _basis(overall: Shares) -> str:
    levels = dict(overall.levels)
    runs = max((estimate.n for _, estimate in overall.shares), default=0)
    if not runs:
        return ""
    counts = (
        f"{runs:,} runs: {_count(overall.datasets, 'dataset')}, {levels['coverage']} coverages (dataset and curation)"
    )
    counts += f", {_count(levels['reward'], 'reward')}, {_count(levels['algorithm'], 'algorithm')}"
    task = dict(overall.shares).get(TASK)
    apart = "" if task is None else f" Which task it is decides {_percent(task)} more, and is not counted as coverage."
    return f"{counts}, {_count(levels['seed'], 'seed')}. Other data would give another number.{apart}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


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
