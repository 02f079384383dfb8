"""Tables of a results folder: printed, written beside the records, published."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from offline_bench.analysis.behavior.exact_values import compare_exact
from offline_bench.analysis.behavior.walks import compare_walks
from offline_bench.analysis.decides.verdict_of_set import judge_sets
from offline_bench.analysis.origin import collect_provenance
from offline_bench.analysis.published.comparison import compare_with_published
from offline_bench.analysis.published.facts import load_published
from offline_bench.analysis.published.survival import compare_survival
from offline_bench.analysis.scores.curations import compare_curations
from offline_bench.analysis.scores.entries import Leaderboard
from offline_bench.analysis.scores.frontier import find_frontier
from offline_bench.analysis.scores.schemes import compare_schemes, load_properties
from offline_bench.analysis.scores.setting_costs import load_costs
from offline_bench.analysis.summary import Basis
from offline_bench.commands.records import (
    check_own,
    choose_suite,
    local_folder,
    read_runs,
    tell_others,
)
from offline_bench.commands.report_page import lay_suite, read_notes, read_walks, write_page
from offline_bench.commands.tell import tell
from offline_bench.core.errors import RecordError
from offline_bench.core.paths import is_carried, results_folder
from offline_bench.core.plain import plain_line
from offline_bench.core.storage import write_text
from offline_bench.report.behavior.exact_values import exact_section
from offline_bench.report.behavior.walks import walks_section
from offline_bench.report.published.comparison import published_section
from offline_bench.report.published.survival import survival_section
from offline_bench.report.results_page import results_page
from offline_bench.report.scores.competence import competence_section
from offline_bench.report.scores.curations import curations_section
from offline_bench.report.scores.frontier import frontier_section
from offline_bench.report.scores.leaderboard import leaderboard_markdown
from offline_bench.report.scores.long_form import leaderboard_csv
from offline_bench.report.scores.schemes import schemes_section
from offline_bench.runs.staleness import find_stale_among
from offline_bench.runs.store import Reading, copy_packed, pack_records
from offline_bench.runs.suites import Suite, load_suite


def write_report(name: str | None, folder: Path | None) -> None:
    """Write the tables and the page of the suite's records, or of those in `folder`, beside them.

    Beside a copy of them in the user's results where they came with an installed package.
    """
    suite, folder = choose_suite(name, folder)
    if is_carried(folder):
        source, folder = folder, results_folder() / suite.name
        copy_packed(source, folder, over=True)
    write_both(folder, suite)


def write_both(folder: Path, suite: Suite) -> None:
    """`write_tables` and `write_page`, of records that are read once."""
    reading = read_runs(folder, suite.runs())
    basis = lay_suite(folder, suite, reading)
    write_tables(folder, suite, reading, basis)
    write_page(folder, suite, reading, basis)


def write_tables(folder: Path, suite: Suite, reading: Reading | None = None, basis: Basis | None = None) -> None:
    """Write leaderboard.md, leaderboard.csv and README.md of `folder`, read for it or not; same records, same bytes.

    The page also holds what the suite's own folder has beside its suite file: notes.md and published.toml.
    Raises `SuiteError` where one of them cannot be read.
    """
    runs = suite.runs()
    reading = reading or read_runs(folder, runs)
    tell_others(reading, folder, suite.name)
    basis = basis or lay_suite(folder, suite, reading)
    frame, board, judged = basis.frame, basis.board, basis.judged
    competence = schemes = ""
    if judged is not None:
        competence = competence_section(judged, judge_sets(frame, judged))
        schemes = schemes_section(*compare_schemes(frame, judged, load_properties(suite.folder)))
    notes = read_notes(suite)
    provenance = collect_provenance(reading.records, suite.command)
    texts = {
        "leaderboard.md": leaderboard_markdown(board),
        "leaderboard.csv": leaderboard_csv(board),
        "README.md": results_page(
            board,
            provenance,
            suite.title or suite.name,
            notes="\n\n".join(filter(None, (progress_line(len(reading.records), len(runs)), notes, competence))),
            findings=[
                _frontier(suite, reading),
                walks_section(compare_walks(read_walks(suite, reading.records), board, reading.records)),
                schemes,
                exact_section(compare_exact(board, reading.records)),
                *_findings(suite.published, board, frame),
            ],
        ),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    for problem in reading.problems:
        tell(plain_line(f"left out: {problem}"), err=True)
    tell(f"wrote {', '.join(texts)} to {folder}")


def _frontier(suite: Suite, reading: Reading) -> str:
    if not suite.frontier:
        return ""
    costs = load_costs(suite.folder)
    return frontier_section(find_frontier(reading.records, suite.grids, costs), costs)


def publish_results(name: str, folder: Path | None) -> None:
    """Pack the records of the suite made here into its folder and write its tables.

    Of a suite that says to be unfinished, those that there are, beside the committed ones. Raises `RecordError`.
    """
    suite = load_suite(name)
    check_own(suite, "publish")
    source = folder or local_folder(suite.name)
    runs = suite.runs()
    found = read_runs(source, runs).records
    stale = find_stale_among(found)
    records = [record for record in found if record.run not in stale]
    if suite.unfinished:
        known = {record.run for record in records}
        committed = [record for record in read_runs(suite.folder, runs).records if record.run not in known]
        outdated = find_stale_among(committed)
        records += [record for record in committed if record.run not in outdated]
    if len(records) < len(runs) and not suite.unfinished:
        raise RecordError(
            f"{source} has {len(records)} of the {len(runs)} runs of {suite.name}: only a finished suite is published. "
            f"Run `offline-bench reproduce {suite.name}` first, or write `unfinished = true` into its suite file."
        )
    if len(records) == len(runs) and suite.unfinished:
        tell(f"{suite.name} is finished: take `unfinished` out of its suite file and publish again.", err=True)
    path = pack_records(suite.folder, records)
    tell(f"packed {len(records)} records into {path}")
    reading = read_runs(suite.folder, runs)
    basis = lay_suite(suite.folder, suite, reading)
    write_tables(suite.folder, suite, reading, basis)
    if not suite.unfinished:
        write_page(suite.folder, suite, reading, basis)


def progress_line(done: int, wanted: int) -> str:
    """That a suite is not finished; nothing of one that is."""
    if done >= wanted:
        return ""
    return f"**Not finished: {done} of {wanted} runs have a record.** What follows is of these alone."


def _findings(published_in: Path, board: Leaderboard, frame: pd.DataFrame) -> list[str]:
    published = load_published(published_in)
    sections = []
    if published:
        sections.append(published_section(compare_with_published(board, published)))
        sections.append(survival_section(compare_survival(board, published), published))
    return [*sections, curations_section(compare_curations(board, frame))]
