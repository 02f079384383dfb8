"""What the analysis found, as `Table`s; each function gives none where there is nothing to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from offline_bench.analysis.findings import (
    Aggregate,
    CellFacts,
    Estimate,
    Improvement,
    Leaning,
    Partition,
    PositiveBias,
    Shares,
    Verdict,
)
from offline_bench.analysis.scores.leaderboard import label_algorithms
from offline_bench.report.tables.board import NAMES
from offline_bench.report.tables.table import Column, Rows, Table

ALL = "all datasets"


def share_tables(shares: Sequence[Shares]) -> tuple[Table, ...]:
    """The variance of the score by source: a row for all datasets and one for each."""
    sources = list(dict.fromkeys(source for part in shares for source, _ in part.shares))
    rows: Rows = tuple(
        (part.dataset or ALL, *(dict(part.shares).get(source, Estimate()) for source in sources), part.ratio)
        for part in shares
    )
    columns = (
        Column("dataset", text=True),
        *(Column(source, "share", digits=3) for source in sources),
        Column("coverage / reward", "ratio"),
    )
    note = " ".join(f"{part.dataset or ALL}: {part.note}" for part in shares if part.note)
    return _table("variance-shares", "Share of the variance of the score by source", columns, rows, note)


def leaning_tables(leanings: Sequence[Leaning]) -> tuple[Table, ...]:
    """The headline's shares for parts of the runs: one algorithm alone, or one level left out."""
    rows: Rows = tuple(
        (
            f"{item.kind} {item.factor}",
            item.level,
            item.shares.ratio,
            *(dict(item.shares.shares).get(source, Estimate()) for source in ("coverage", "reward")),
        )
        for item in leanings
    )
    columns = (
        Column("runs", text=True),
        Column("level", text=True),
        Column("coverage / reward", "ratio", digits=2),
        Column("coverage", "share", digits=3),
        Column("reward", "share", digits=3),
    )
    return _table("leanings", "What the answer leans on: parts of the runs", columns, rows)


def aggregate_tables(aggregates: Sequence[Aggregate]) -> tuple[Table, ...]:
    """Scores over all tasks, per algorithm and reward."""
    labels = label_algorithms(item.algorithm for item in aggregates)
    rows: Rows = tuple(
        (
            labels[item.algorithm],
            item.relabeling,
            item.iqm,
            item.median,
            item.mean,
            item.optimality_gap,
            item.tasks,
            len(item.missing),
        )
        for item in aggregates
    )
    columns = (
        Column("algorithm", text=True),
        Column("reward", text=True),
        Column("IQM", "iqm"),
        Column("median", "median"),
        Column("mean", "mean"),
        Column("optimality gap", "optimality-gap"),
        Column("tasks", "task"),
        Column("missing", "missing"),
    )
    return _table("aggregates", "Normalized score over all tasks", columns, rows, _missing(aggregates, labels))


def _missing(aggregates: Sequence[Aggregate], labels: Mapping[str, str]) -> str:
    """Which tasks are missing, each list once."""
    without: dict[tuple[str, ...], dict[str, None]] = {}
    for item in aggregates:
        if item.missing:
            without.setdefault(item.missing, {})[labels[item.algorithm]] = None
    return " ".join(f"Missing of {', '.join(names)}: {', '.join(tasks)}." for tasks, names in without.items())


def improvement_tables(improvements: Sequence[Improvement]) -> tuple[Table, ...]:
    """Whether one reward's runs outscore another's, per algorithm."""
    labels = label_algorithms(item.algorithm for item in improvements)
    rows: Rows = tuple(
        (labels[item.algorithm], item.first, item.second, item.probability, item.tasks) for item in improvements
    )
    columns = (
        Column("algorithm", text=True),
        Column("first", text=True),
        Column("second", text=True),
        Column("P(first > second)", "improvement", digits=2),
        Column("tasks", "task"),
    )
    return _table("improvement", "Probability that a run under the first reward is the better", columns, rows)


def bias_tables(biases: Sequence[PositiveBias]) -> tuple[Table, ...]:
    """Positive bias per dataset, curation and algorithm, ours beside the published."""
    labels = label_algorithms(item.algorithm for item in biases)
    rows: Rows = tuple(
        (
            item.dataset,
            item.curation,
            labels[item.algorithm],
            item.epsilon,
            item.bias,
            item.worst,
            item.published,
        )
        for item in biases
    )
    columns = (
        *NAMES,
        Column("ε̂", "epsilon", digits=2),
        Column("bias", "positive-bias", digits=2),
        Column("worst reward", text=True),
        Column("published", "published-bias", digits=2),
    )
    sources = dict.fromkeys(item.published_source for item in biases if item.published_source)
    note = f"Published: {'; '.join(sources)}." if sources else ""
    return _table("positive-bias", "Positive bias", columns, rows, note)


def cell_tables(cells: Sequence[CellFacts]) -> tuple[Table, ...]:
    """Per dataset, curation, algorithm and reward: what the reward cost, and how the policies stay with the data."""
    labels = label_algorithms(item.algorithm for item in cells)
    rows: Rows = tuple(
        (
            item.dataset,
            item.curation,
            labels[item.algorithm],
            item.relabeling,
            *(item.score, item.gap, item.retention, item.in_support),
            *(item.concentrability, item.effective_share, item.length),
        )
        for item in cells
    )
    columns = (
        *NAMES,
        Column("reward", text=True),
        Column("score", "score"),
        Column("gap", "gap", sign=True),
        Column("retention", "retention", digits=2),
        Column("in support", "in-support", digits=3),
        Column("concentrability", "concentrability"),
        Column("effective share", "effective-share", digits=3),
        Column("length", "length", digits=0),
    )
    return _table("cells", "Each reward's cost, and how the policies stay with the data", columns, rows)


def partition_tables(partitions: Sequence[Partition]) -> tuple[Table, ...]:
    """Behavior distances by source, per dataset."""
    rows: Rows = tuple(
        (item.dataset or ALL, item.source, item.pseudo_f, item.r2, item.p, item.permutations) for item in partitions
    )
    columns = (
        Column("dataset", text=True),
        Column("source", text=True),
        Column("pseudo-F", "pseudo-f"),
        Column("R²", "r2", digits=3),
        Column("p", "p", digits=4),
        Column("permutations", "p"),
    )
    return _table("behavior-distances", "Behavior distances by source (PERMANOVA)", columns, rows)


def verdict_tables(verdicts: Sequence[Verdict]) -> tuple[Table, ...]:
    """Predictions written before the suite ran, and what came of them."""
    rows = tuple((item.name, item.text, item.verdict, item.figures) for item in verdicts)
    columns = (
        Column("prediction", text=True),
        Column("says", text=True, wide=True),
        Column("verdict", "verdict", text=True),
        Column("figures", text=True, wide=True),
    )
    cases = tuple((item.name, *case) for item in verdicts for case in item.cases)
    case_columns = (
        Column("prediction", text=True),
        Column("case", text=True),
        Column("verdict", "verdict", text=True),
        Column("figures", text=True, wide=True),
    )
    return (
        *_table("predictions", "Predictions and what came of them", columns, rows),
        *_table("prediction-cases", "Predictions for several cases, one by one", case_columns, cases),
    )


def _table(name: str, title: str, columns: tuple[Column, ...], rows: Rows, note: str = "") -> tuple[Table, ...]:
    return (Table(name, title, columns, rows, note),) if rows else ()
