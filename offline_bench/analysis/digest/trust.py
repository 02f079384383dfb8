"""How far to trust the answer: whether the learners learn at all, and what the runs are too few to tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from offline_bench.analysis.decides.headline import NOTHING_TOLD
from offline_bench.analysis.digest.lifts import TrueLift
from offline_bench.analysis.digest.words import count, percent, spread
from offline_bench.analysis.findings import Competence, Headline
from offline_bench.analysis.scores.entries import FEW_SEEDS, Leaderboard
from offline_bench.analysis.scores.learning_curves import Curve

Reason = tuple[str, str]


def weigh_trust(headline: Headline, board: Leaderboard, competence: str, curves: Sequence[Curve]) -> tuple[Reason, ...]:
    """(what it is about, a sentence or two); what has nothing to tell is left out.

    competence  `gate_sentence`, or of a suite without a gate `competence_sentence`: it comes first
    """
    told = (
        ("Competence", competence),
        ("Seeds", seed_sentence(board)),
        ("Chance", chance_sentence(headline)),
        ("Training", training_sentence(board, curves)),
        ("Design", headline.basis),
    )
    return tuple((name, text) for name, text in told if text)


def gate_sentence(judged: Sequence[Competence]) -> str:
    """How many learners count by the gate, of those that read rewards at all."""
    learners = [item for item in judged if item.verdict != "reads no reward"]
    if not learners:
        return "No learner of this suite reads rewards, so nothing is said of rewards."
    able = sum(item.counts for item in learners)
    pairs = count(len(learners), "pair")
    text = f"{able} of {pairs} of learner and data {'is' if able == 1 else 'are'} competent under the true reward."
    if able == len(learners):
        return text
    rest = f"The other {len(learners) - able}" if able else "None"
    left = f"{rest} may be slow or blind, and no claim on rewards rests on them." if able else NOTHING_TOLD
    return f"{text} {left}"


def competence_sentence(found: Sequence[TrueLift]) -> str:
    """How many learners beat cloning under the true reward, by their whole interval."""
    told = [item for item in found if item.told]
    if not found:
        return "No learner of this suite reads rewards and was trained on the true one, so none can be judged."
    if not told:
        return "No cloning (bc) with three seeds stands beside the learners, so nobody can tell whether they learn."
    able = sum(item.beats_cloning for item in told)
    rest = len(told) - able
    pairs = count(len(told), "pair")
    beat = "beats" if able == 1 else "beat"
    text = f"{able} of {pairs} of learner and data {beat} cloning under the true reward, by the whole interval."
    if not rest:
        return text
    others = f"the other {rest}" if able else "them"
    return f"{text} A wrong reward's score says little about rewards in {others}."


def seed_sentence(board: Leaderboard) -> str:
    """How many seeds the cells stand on."""
    few = board.few_seeds
    if not few.of:
        return ""
    if not few.cells:
        return f"Every cell has at least {FEW_SEEDS} seeds. The intervals allow for so few."
    have = "has" if few.of == 1 else "have"
    return f"{few.cells:,} of {count(few.of, 'cell')} {have} fewer than {FEW_SEEDS} seeds: their intervals say little."


def chance_sentence(headline: Headline) -> str:
    """How much of the variance no source decides."""
    rest = dict(headline.overall.shares)["rest"].value
    if not np.isfinite(rest):
        return ""
    return (
        f"{percent(rest)} of the variance has no known source. It is what a seed does to one cell and not to the next."
    )


def training_sentence(board: Leaderboard, curves: Sequence[Curve]) -> str:
    """How long the runs trained, and in how many cells the score still rose."""
    steps = sorted({step for entry in board.algorithms for step in entry.steps})
    if not steps:
        return ""
    trained = f"Runs train for {spread(steps, 0)} gradient steps."
    ends = [curve.values[-2:] for curve in curves if len(curve.steps) > 1]
    if not ends:
        return trained
    rose = sum(last.value > before.value for before, last in ends)
    return f"{trained} In {rose} of {count(len(ends), 'cell')} the last score is above the one before it."
