"""The audit of a learner: does it use its reward? Set by set, beside the learners whose records are committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from offline_bench.analysis.decides.audit_sentence import say_effect
from offline_bench.analysis.decides.set_audit import PLACEBO, AuditRow, Placebo, check_placebo, list_rows
from offline_bench.analysis.decides.verdict_of_set import FREE, MIXED, SENSITIVE, UNTOLD, judge_sets
from offline_bench.analysis.findings import Competence, RewardEffect, SetVerdict
from offline_bench.analysis.frame import add_missing, select_counted, to_frame
from offline_bench.analysis.scores.competence import is_cloning, judge_learners
from offline_bench.analysis.scores.leaderboard import TRUE_RELABELING
from offline_bench.runs.record import Record, Run

USES, NEEDS_NONE, SOMETIMES, READS_NONE = "uses it", "does as well without", "on some sets", "reads none"
# What the verdict of a set of one learner alone says of that learner.
WORDS = {SENSITIVE: USES, FREE: NEEDS_NONE, MIXED: SOMETIMES, UNTOLD: UNTOLD}


@dataclass(frozen=True)
class LearnerAudit:
    """What an audit of one learner found; `sentence` is the verdict.

    verdict   'uses it', 'does as well without', 'on some sets', 'reads none', or 'cannot tell'
    sets      of each set, what this learner alone makes of it
    rows      (dataset, row) of this learner and of those it stands beside, under every reward
    done, expected   runs of this learner that ended well, of those there were to be
    """

    algorithm: str
    verdict: str
    sentence: str
    placebo: Placebo
    sets: tuple[SetVerdict, ...]
    judged: tuple[Competence, ...]
    rows: tuple[tuple[str, AuditRow], ...]
    done: int
    expected: int


def audit_learner(records: Sequence[Record], runs: Sequence[Run], beside: Sequence[Record]) -> LearnerAudit:
    """The audit of the one learner of `runs`, of the `records` that there are of them.

    beside   committed records of the same sets: cloning among them is what the learner is held to, and the others stand
             in the table

    For each set the learner's own verdict is that of `judge_sets` with no other learner. It 'uses it' where it is so on
    every set on which that can be told; where policies are the same to the bit under all rewards, it 'reads none'.
    """
    algorithm = runs[0].algorithm
    # In one frame, so that records of other data than these are found to be.
    others = [record for record in beside if record.run.algorithm != algorithm]
    frame = add_missing(to_frame([*records, *others]), runs)
    own = frame[frame["algorithm"] == algorithm]
    mine = frame[[text == algorithm or is_cloning(text) for text in frame["algorithm"]]]
    judged = [item for item in judge_learners(mine) if item.algorithm == algorithm]
    wrong = sorted({run.relabeling for run in runs} - {TRUE_RELABELING, PLACEBO})
    sets = judge_sets(mine, judged, wrong)
    placebo = check_placebo(own)
    verdict = READS_NONE if _is_blind(records) else UNTOLD if placebo.shows else decide_learner(sets)
    everyone = select_counted(frame)
    return LearnerAudit(
        algorithm=algorithm,
        verdict=verdict,
        sentence=_say(verdict, algorithm, sets, placebo),
        placebo=placebo,
        sets=tuple(sets),
        judged=tuple(judged),
        rows=tuple(
            (str(dataset), row) for dataset, part in everyone.groupby("dataset", sort=True) for row in list_rows(part)
        ),
        done=len(select_counted(own)),
        expected=len(own),
    )


def decide_learner(sets: Sequence[SetVerdict]) -> str:
    """One word over the sets on which something can be told."""
    told = {WORDS[item.verdict] for item in sets} - {UNTOLD}
    if not told:
        return UNTOLD
    return next(iter(told)) if len(told) == 1 else SOMETIMES


def _is_blind(records: Sequence[Record]) -> bool:
    """Whether each seed on each set ended with one and the same policy under every reward, of two at least."""
    policies: dict[tuple[str, int], dict[str, str]] = {}
    for record in records:
        if record.status == "ok" and record.run.relabeling != PLACEBO:
            cell = policies.setdefault((record.run.dataset, record.run.seed), {})
            cell[record.run.relabeling] = record.fingerprints.get("policy", "")
    compared = [list(cell.values()) for cell in policies.values() if len(cell) > 1]
    return bool(compared) and all(len(set(found)) == 1 and found[0] for found in compared)


def _say(verdict: str, algorithm: str, sets: Sequence[SetVerdict], placebo: Placebo) -> str:
    if verdict == READS_NONE:
        return f"{algorithm} reads no reward: its policies are the same to the bit under every reward."
    if placebo.shows:
        return f"Cannot tell whether {algorithm} uses its reward: {placebo.sentence[:1].lower()}{placebo.sentence[1:]}"
    told = [item for item in sets if item.verdict != UNTOLD]
    if verdict == UNTOLD:
        why = " ".join(f"{item.dataset}: {item.reason}" for item in sets[:1])
        none = f"on none of {len(sets)} sets can it be told"
        return f"Cannot tell whether {algorithm} uses its reward: {none}. {why}".strip()
    counted = f"{len(told)} of {len(sets)} sets on which it can be told"
    if verdict == USES:
        most = _pick(told, largest=True)
        return f"{algorithm} uses its reward on the {counted}: no wrong reward does as well; the best of them, {most}."
    if verdict == NEEDS_NONE:
        least = _pick(told, largest=False)
        return f"{algorithm} does as well without its reward on the {counted}; the worst of the wrong ones, {least}."
    words = "; ".join(f"{WORDS[item.verdict]}: {item.dataset}" for item in told)
    return (
        f"{algorithm} uses its reward on some sets: of the {counted}, {words}; the best wrong one, {_pick(told, True)}."
    )


def _pick(sets: Sequence[SetVerdict], largest: bool) -> str:
    """The wrong reward that keeps most, or least, with its set and interval."""
    found = [(item.dataset, effect) for item in sets for effect in item.effects]
    dataset, effect = (max if largest else min)(found, key=lambda one: _kept(one[1]))
    return f"{say_effect(effect, 'points', ',')} on {dataset}"


def _kept(effect: RewardEffect) -> float:
    return effect.ratio.value if np.isfinite(effect.ratio.value) else effect.excess.value
