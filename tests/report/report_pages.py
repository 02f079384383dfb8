"""Pages to test: of the golden records, and of the same with names that a stranger could have chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from offline_bench.analysis.predictions.prediction import load_predictions
from offline_bench.analysis.published.facts import load_published
from offline_bench.analysis.summary import Question, Summary, summarize
from offline_bench.report.figures.figure import Figure
from offline_bench.report.html.exhibits import draw_figures, make_tables
from offline_bench.report.html.page import report_page
from offline_bench.report.tables.table import Table
from offline_bench.runs.record import Record, Run
from offline_bench.runs.store import read_records
from offline_bench.runs.suites import load_suite

GOLDEN = Path(__file__).parent / "golden"
SCRIPT = "<script>document.title='ran'</script>"
IMAGE = "\"><img src=x onerror=document.title='ran'>"
BREAK = "</script><svg onload=document.title='ran'>]]>"
LINK = "javascript:document.title='ran'"
FORMULA = "=HYPERLINK(\"javascript:document.title='ran'\")\u202e{{ 7*7 }}"


@dataclass(frozen=True)
class Page:
    """A page with what it was made of."""

    text: str
    summary: Summary
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]


def make_page(records: list[Record], question: Question, problems: tuple[str, ...] = (), reading: str = "") -> Page:
    summary = summarize(records, question, problems)
    figures, tables = draw_figures(summary), make_tables(summary)
    return Page(
        report_page(summary, tables, figures, reading),
        summary,
        tuple(figure for group in figures.values() for figure in group),
        tuple(table for group in tables.values() for table in group),
    )


@cache
def hostile_page() -> Page:
    """The golden runs, with a dataset, a curation, two rewards and an algorithm renamed, and a run that failed."""
    suite = load_suite(str(GOLDEN / "suite.toml"))
    names = {
        "dataset": {"offline-bench/hopper/medium-expert-v0": IMAGE},
        "curation": {"drop-terminals": BREAK},
        "relabeling": {"zero": SCRIPT, "random(high=1.0, low=0.0)": LINK},
        "algorithm": {},
    }
    records = read_records(GOLDEN).records
    td3 = next(record.run.algorithm for record in records if record.run.algorithm.startswith("td3"))
    names["algorithm"][td3] = FORMULA
    other = next(name for name in {record.run.relabeling for record in records} if name.startswith("random"))
    names["relabeling"][other] = LINK
    runs = {_rename(run, names): steps for run, steps in suite.runs().items()}
    made = {"machine": IMAGE, "versions": {SCRIPT: BREAK}, "trainer": LINK, "device": "cpu", "seconds": 1.0}
    renamed = [replace(record, run=_rename(record.run, names), provenance=made) for record in records]
    renamed[0] = Record(renamed[0].run, "failed", IMAGE + SCRIPT + "long" * 200)
    question = Question(SCRIPT, BREAK, runs, (), load_published(suite.published))
    reading = f"## {SCRIPT}\n\n{IMAGE} [here]({LINK}) ![there](https://example.org/x.png)\n\n{BREAK}\n"
    return make_page(renamed, question, (IMAGE, SCRIPT), reading)


@cache
def golden_page() -> Page:
    """The page of the golden records, as they are."""
    suite = load_suite(str(GOLDEN / "suite.toml"))
    runs = suite.runs()
    predictions = load_predictions(suite.predictions, "suite.toml", runs)
    question = Question(suite.name, suite.title, runs, predictions, load_published(suite.published))
    return make_page(read_records(GOLDEN).records, question)


def _rename(run: Run, names: Mapping[str, Mapping[str, str]]) -> Run:
    return replace(
        run, **{field: known.get(getattr(run, field), getattr(run, field)) for field, known in names.items()}
    )


if __name__ == "__main__":
    (GOLDEN / "report.html").write_text(golden_page().text, encoding="utf-8")
