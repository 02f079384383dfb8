"""`Digest`: what the findings come to, in sentences; what they tell of a result is decided by numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from offline_bench.analysis.behavior.exact_values import ExactTable
from offline_bench.analysis.behavior.lengths import LengthTable
from offline_bench.analysis.behavior.walks import WalkTable
from offline_bench.analysis.digest import lines as line
from offline_bench.analysis.digest.evidence import pick_findings, prediction_sentence
from offline_bench.analysis.digest.lifts import lifts_over_cloning
from offline_bench.analysis.digest.trust import Reason, competence_sentence, gate_sentence, weigh_trust
from offline_bench.analysis.findings import CellFacts, Competence, Headline, Partition, PositiveBias, Verdict
from offline_bench.analysis.origin import Provenance
from offline_bench.analysis.scores.best_reward import find_best_rewards
from offline_bench.analysis.scores.entries import Leaderboard
from offline_bench.analysis.scores.learning_curves import Curve


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a digest is made from."""

    board: Leaderboard
    headline: Headline
    verdicts: tuple[Verdict, ...]
    biases: tuple[PositiveBias, ...]
    cells: tuple[CellFacts, ...]
    partitions: tuple[Partition, ...]
    curves: tuple[Curve, ...]
    lengths: tuple[LengthTable, ...]
    walks: tuple[WalkTable, ...]
    exact: tuple[ExactTable, ...]
    provenance: Provenance


@dataclass(frozen=True)
class Digest:
    """`findings` at most three; `trust` from the weightiest reason on; `lines` a sentence for each section's id."""

    findings: tuple[str, ...]
    trust: tuple[Reason, ...]
    lines: Mapping[str, str]


def digest_findings(frame: pd.DataFrame, found: Findings, judged: Sequence[Competence] | None = None) -> Digest:
    """The digest of one suite; an empty sentence where a section has nothing to tell.

    frame   of `to_frame`
    judged  who reads the reward, by the gate; None in a suite without one, where gains over cloning say as much
    """
    competence = competence_sentence(lifts_over_cloning(frame)) if judged is None else gate_sentence(judged)
    return Digest(
        findings=pick_findings(found.board, find_best_rewards(frame), found.verdicts),
        trust=weigh_trust(found.headline, found.board, competence, found.curves),
        lines={
            "predictions": prediction_sentence(found.verdicts),
            "leaderboard": line.leaderboard_line(found.board),
            "heat-maps": line.heat_map_line(found.board),
            "lengths": line.length_line(found.lengths),
            "paths": line.walk_line(found.walks),
            "exact": line.exact_line(found.exact),
            "positive-bias": line.bias_line(found.biases, frame),
            "variance-shares": line.share_line(found.headline.overall),
            "visits": line.visit_line(found.partitions),
            "support": line.support_line(found.cells),
            "aggregates": line.aggregate_line(frame),
            "curves": line.curve_line(found.curves),
            "completeness": line.completeness_line(found.board),
            "provenance": line.provenance_line(found.provenance),
        },
    )
