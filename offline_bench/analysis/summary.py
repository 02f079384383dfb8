"""All that the report of a suite says, computed in one place: from its records to `Summary`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from offline_bench.analysis.behavior.exact_values import compare_exact
from offline_bench.analysis.behavior.lengths import run_lengths
from offline_bench.analysis.behavior.permanova import partition_distances
from offline_bench.analysis.behavior.policy_map import policy_map
from offline_bench.analysis.behavior.walks import Walks, compare_walks
from offline_bench.analysis.decides.headline import headline
from offline_bench.analysis.decides.sensitivity import lean_headline, lean_most
from offline_bench.analysis.decides.shares import variance_shares
from offline_bench.analysis.decides.verdict_of_set import judge_sets
from offline_bench.analysis.digest.digest import Digest, Findings, digest_findings
from offline_bench.analysis.findings import (
    Aggregate,
    Competence,
    Improvement,
    Leaning,
    PolicyMap,
    Profile,
    SetVerdict,
)
from offline_bench.analysis.frame import add_missing, to_frame
from offline_bench.analysis.origin import collect_provenance
from offline_bench.analysis.predictions.prediction import Prediction
from offline_bench.analysis.predictions.verdicts import judge
from offline_bench.analysis.published.bias import positive_bias
from offline_bench.analysis.published.facts import Published, true_marks
from offline_bench.analysis.scores.aggregates import aggregate
from offline_bench.analysis.scores.best import find_best
from offline_bench.analysis.scores.competence import judge_learners, mark_rows, select_competent
from offline_bench.analysis.scores.entries import Leaderboard
from offline_bench.analysis.scores.improvement import compare_rewards
from offline_bench.analysis.scores.leaderboard import build_leaderboard
from offline_bench.analysis.scores.learning_curves import learning_curves
from offline_bench.analysis.scores.performance_profiles import performance_profiles
from offline_bench.analysis.scores.reproduction import RowCommands, write_commands
from offline_bench.analysis.scores.reward_effects import cell_facts
from offline_bench.runs.record import Record, Run

SEED = 20230605


@dataclass(frozen=True)
class Question:
    """What a report is asked for: a suite's name, title and runs with their evaluated steps, and what to hold it to.

    walks  where its policies go on their grids, see `behavior.walks`
    gate   whether only learners that read their reward count where rewards are spoken of, see `scores.competence`
    command  what makes the records, '' for nothing; None: `make reproduce` by its name
    """

    name: str
    title: str
    runs: Mapping[Run, tuple[int, ...]]
    predictions: tuple[Prediction, ...] = ()
    published: Published | None = None
    gate: bool = False
    walks: Walks | None = None
    command: str | None = None


@dataclass(frozen=True)
class Basis:
    """What the tables and the page of a suite both begin with.

    frame   of `to_frame`
    board   its leaderboard, marked by `judged`
    judged  who reads the reward where; None in a suite without a gate
    """

    frame: pd.DataFrame
    board: Leaderboard
    judged: list[Competence] | None


@dataclass(frozen=True, kw_only=True)
class Summary(Findings):
    """All findings on one suite; `best` has a set for each table of the board, see `find_best`.

    competence, sets   who reads the reward where, and the verdicts of the sets; empty in a suite without a gate. With
                       one, the headline, what it leans on, the verdicts and the partitions are of who counts alone
    """

    name: str
    title: str
    best: tuple[frozenset[tuple[int, int]], ...]
    leanings: tuple[Leaning, ...]
    leans_most: str
    aggregates: tuple[Aggregate, ...]
    improvements: tuple[Improvement, ...]
    profiles: tuple[Profile, ...]
    maps: tuple[PolicyMap, ...]
    digest: Digest
    commands: tuple[RowCommands, ...]
    competence: tuple[Competence, ...] = ()
    sets: tuple[SetVerdict, ...] = ()


def lay_basis(
    records: Sequence[Record],
    runs: Iterable[Run],
    published: Published | None = None,
    *,
    gate: bool = False,
    problems: Sequence[str] = (),
) -> Basis:
    """The basis of the records of `runs`, judged by `judge_suite` with `gate`.

    problems   a sentence for each file that was refused, from `Reading.problems`
    """
    runs, frame = list(runs), to_frame(records)
    board = build_leaderboard(frame, runs, problems)
    judged = judge_suite(frame, runs, published) if gate else None
    return Basis(frame, board if judged is None else mark_rows(board, judged), judged)


def summarize(
    records: Sequence[Record], question: Question, problems: Sequence[str] = (), basis: Basis | None = None
) -> Summary:
    """The findings on the records of a suite's runs. Every number has its own stream: none moves another.

    problems   a sentence for each file that was refused, from `Reading.problems`
    basis      of these records, where it was laid before
    """
    if basis is None:
        basis = lay_basis(records, question.runs, question.published, gate=question.gate, problems=problems)
    frame, board, judged = basis.frame, basis.board, basis.judged
    told = frame if judged is None else select_competent(frame, judged)
    command = f"make reproduce SUITE={question.name}" if question.command is None else question.command
    sketches = {record.run.key: np.array(record.sketch, float) for record in records if record.sketch}
    shares, leanings = variance_shares(told), lean_headline(told)
    found = Findings(
        board=board,
        headline=headline(shares, judged),
        verdicts=judge(question.predictions, frame, judged),
        biases=positive_bias(frame, question.published, _stream("biases")),
        cells=cell_facts(frame, _stream("cells")),
        partitions=partition_distances(told, sketches, _stream("partitions")),
        curves=learning_curves(records),
        lengths=run_lengths(frame),
        walks=compare_walks(question.walks, board, records),
        exact=compare_exact(board, records),
        provenance=collect_provenance(records, command),
    )
    return Summary(
        **vars(found),
        name=question.name,
        title=question.title or question.name,
        best=tuple(find_best(table) for table in board.tables),
        leanings=leanings,
        leans_most=lean_most(shares[0], leanings),
        aggregates=aggregate(frame, _stream("aggregates")),
        improvements=compare_rewards(frame, _stream("improvements")),
        profiles=performance_profiles(frame, _stream("profiles")),
        maps=policy_map(frame, sketches),
        digest=digest_findings(frame, found, judged),
        commands=write_commands(question.runs),
        competence=tuple(judged or ()),
        sets=() if judged is None else judge_sets(frame, judged),
    )


def judge_suite(frame: pd.DataFrame, runs: Iterable[Run], published: Published | None) -> list[Competence]:
    """`judge_learners` of a suite's `runs`, those without a record with them, by what was published of its sets."""
    return judge_learners(add_missing(frame, runs), true_marks(published))


def _stream(name: str) -> np.random.Generator:
    return np.random.default_rng([SEED, *name.encode()])
