"""The page of a results folder, and the files of its figures and tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from offline_bench.analysis.behavior.walks import WALKS, Walks, load_walks
from offline_bench.analysis.predictions.prediction import load_predictions
from offline_bench.analysis.published.facts import load_published
from offline_bench.analysis.scores.rliable import to_rliable, write_rliable
from offline_bench.analysis.summary import Basis, Question, lay_basis, summarize
from offline_bench.commands.records import read_runs, tell_problems
from offline_bench.commands.tell import tell
from offline_bench.core.errors import RecordError, SuiteError
from offline_bench.core.reading import read_text
from offline_bench.core.storage import write_text
from offline_bench.report.figures.figure import write_figures
from offline_bench.report.html.exhibits import ANSWER, draw_figures, make_tables
from offline_bench.report.html.page import report_page
from offline_bench.report.tables.formats import write_table_files
from offline_bench.runs.record import Record
from offline_bench.runs.store import Reading
from offline_bench.runs.suites import Suite

PAGE = "report.html"
NOTES = "notes.md"
RLIABLE = "rliable.npz"


def lay_suite(folder: Path, suite: Suite, reading: Reading) -> Basis:
    """The basis of the tables and the page of `suite`, of what was read of `folder`. Raises `SuiteError`."""
    published = load_published(suite.published) if suite.gate else None
    problems = tell_problems(reading, folder)
    return lay_basis(reading.records, suite.runs(), published, gate=suite.gate, problems=problems)


def write_page(folder: Path, suite: Suite, reading: Reading | None = None, basis: Basis | None = None) -> None:
    """Write report.html, figures/ and tables/ of `folder`, scores for rliable among these; same records, same bytes.

    reading, basis   of the suite's runs there, where they were made before
    Raises `SuiteError` where the suite's predictions or its published numbers cannot be read.
    """
    runs = suite.runs()
    reading = reading or read_runs(folder, runs)
    basis = basis or lay_suite(folder, suite, reading)
    predictions = load_predictions(suite.predictions, str(suite.folder / "suite.toml"), runs)
    published, walks = load_published(suite.published), read_walks(suite, reading.records)
    question = Question(suite.name, suite.title, runs, predictions, published, suite.gate, walks, suite.command)
    summary = summarize(reading.records, question, basis=basis)
    figures, tables = draw_figures(summary), make_tables(summary)
    write_figures(folder / "figures", [figure for group in figures.values() for figure in group])
    write_table_files(folder / "tables", [table for group in tables.values() for table in group])
    for figure in figures[ANSWER]:
        write_text(folder / "figures" / f"{figure.name}-dark.svg", figure.dark)
    write_text(folder / PAGE, report_page(summary, tables, figures, read_notes(suite)))
    tell(f"wrote {PAGE}, figures and tables to {folder}")
    export_scores(folder / "tables" / RLIABLE, basis.frame)


def read_walks(suite: Suite, records: list[Record]) -> Walks | None:
    """The walks of `suite`, and a line on those that are of other policies than `records`. Raises `SuiteError`."""
    walks = load_walks(suite.folder)
    policies = {record.run: record.fingerprints.get("policy") for record in records}
    other = sum(policies[one.run] != one.policy for one in walks.walks if one.run in policies) if walks else 0
    if other:
        tell(
            f"{other} paths of {WALKS} belong to other policies and are not drawn. To make them again, run "
            f"offline-bench walk {suite.name}",
            err=True,
        )
    return walks


def read_notes(suite: Suite) -> str:
    """What the authors of `suite` wrote about it, Markdown; '' where there is nothing. Raises `SuiteError`."""
    path = suite.folder / NOTES
    if not path.is_file():
        return ""
    try:
        return read_text(path)
    except (OSError, ValueError) as error:
        raise SuiteError(f"cannot read {path}: {error}") from error


def export_scores(path: Path, frame: pd.DataFrame) -> None:
    """Write the scores of `frame` to `path` in rliable's form; where they are no full grid, say so and write none."""
    try:
        scores, tasks = to_rliable(frame)
    except RecordError as error:
        # A grid with holes is no matrix; everything else of the report is told with them.
        path.unlink(missing_ok=True)
        tell(f"no {path.name}: {error}")
        return
    if scores:
        write_rliable(path, scores, tasks)
