"""Tables of a results folder: printed, written beside the records, published."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from offline_bench.analysis.board import Leaderboard
from offline_bench.analysis.frame import find_stale, to_frame
from offline_bench.analysis.leaderboard import build_leaderboard
from offline_bench.analysis.provenance import collect_provenance
from offline_bench.errors import RecordError
from offline_bench.paths import results_folder
from offline_bench.record import Record, Run
from offline_bench.report.leaderboard import leaderboard_markdown
from offline_bench.report.page import results_page
from offline_bench.report.tidy import leaderboard_csv
from offline_bench.storage import write_text
from offline_bench.store import Reading, pack_records, read_records
from offline_bench.suites import Suite, load_suite


def local_folder(name: str) -> Path:
    """Where records made here lie until they are published; ignored by git."""
    return results_folder() / "local" / name


def print_leaderboard(name: str, folder: Path | None) -> None:
    """Print the leaderboard of the suite's committed results, or of `folder`."""
    suite = load_suite(name)
    print_leaderboard_of(folder or suite.folder, suite.runs())


def print_leaderboard_of(folder: Path, runs: Iterable[Run]) -> None:
    """Print the leaderboard of the records of `runs` in `folder`."""
    typer.echo(leaderboard_markdown(_build(read_records(folder), runs)))


def write_report(name: str, folder: Path | None) -> None:
    """Write the tables and the page of the suite's committed results, or of `folder`, beside the records."""
    suite = load_suite(name)
    write_tables(folder or suite.folder, suite)


def write_tables(folder: Path, suite: Suite) -> None:
    """Write leaderboard.md, leaderboard.csv and README.md of `folder`; the same records give the same bytes."""
    runs = suite.runs()
    reading = read_records(folder)
    # The page may be committed: it names files by where they lie in the folder, not on this machine.
    told = [problem.replace(f"{folder}/", "") for problem in reading.problems]
    board = _build(Reading(reading.records, told), runs)
    provenance = collect_provenance(_of_runs(reading.records, runs), f"make reproduce SUITE={suite.name}")
    texts = {
        "leaderboard.md": leaderboard_markdown(board),
        "leaderboard.csv": leaderboard_csv(board),
        "README.md": results_page(board, provenance, suite.title or suite.name),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    for problem in reading.problems:
        typer.echo(f"left out: {problem}", err=True)
    typer.echo(f"wrote {', '.join(texts)} to {folder}")


def publish_results(name: str, folder: Path | None) -> None:
    """Pack the records of the suite made here into its folder and write its tables. Raises `RecordError`."""
    suite = load_suite(name)
    source = folder or local_folder(suite.name)
    runs = suite.runs()
    records = [record for record in _of_runs(read_records(source).records, runs) if not find_stale(record)]
    if len(records) < len(runs):
        raise RecordError(
            f"{source} has {len(records)} of the {len(runs)} runs of {suite.name}: only a finished suite is published. "
            f"Run `offline-bench reproduce {suite.name}` first."
        )
    path = pack_records(suite.folder, records)
    typer.echo(f"packed {len(records)} records into {path}")
    write_tables(suite.folder, suite)


def _build(reading: Reading, runs: Iterable[Run]) -> Leaderboard:
    wanted = list(runs)
    return build_leaderboard(to_frame(_of_runs(reading.records, wanted)), wanted, reading.problems)


def _of_runs(records: list[Record], runs: Iterable[Run]) -> list[Record]:
    wanted = set(runs)
    return [record for record in records if record.run in wanted]
