"""The page of a results folder: its leaderboard, its data, what is missing from it, and where it came from."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.analysis.origin import Provenance, tell_time
from offline_bench.analysis.scores.entries import DataRow, Exclusion, Leaderboard
from offline_bench.report.markdown import NO_VALUE, escape, number, table
from offline_bench.report.scores.leaderboard import leaderboard_markdown

LONGEST_REASON = 400


def results_page(
    board: Leaderboard, provenance: Provenance, title: str = "Results", *, notes: str = "", findings: Sequence[str] = ()
) -> str:
    """`README.md` of a results folder. No clock is read: the same records make the same bytes.

    notes      Markdown by the suite's author, shown as it is below the title
    findings   whole sections to stand before the leaderboard; empty ones are left out
    """
    sections = [
        f"# {escape(title)}\n",
        *(f"{text.strip()}\n" for text in (notes, *findings) if text.strip()),
        f"## Leaderboard\n\n{leaderboard_markdown(board)}",
        f"## Data\n\nWhat the learners were given:\n\n{data_table(board.data)}",
        f"## Runs without a score\n\n{_exclusions(board.failures)}",
    ]
    if board.stale:
        sections.append(f"## Stale records, left out of every table\n\n{_exclusions(board.stale)}")
    if board.problems:
        sections.append(
            f"## Files that could not be read\n\n{_bullets(['Left out: ' + escape(line) for line in board.problems])}"
        )
    return "\n".join([*sections, f"## Provenance\n\n{_provenance(provenance)}"])


def data_table(rows: Sequence[DataRow]) -> str:
    """Size, mean true return, its normalized score and mean episode length of each dataset under each curation."""
    header = ["dataset", "curation", "transitions", "episodes", "behavior return", "behavior score", "mean length"]
    cells = [
        [
            escape(row.dataset),
            escape(row.curation),
            number(row.transitions, 0),
            number(row.episodes, 0),
            number(row.behavior_return),
            number(row.behavior_score),
            number(row.length),
        ]
        for row in rows
    ]
    return table(header, cells, text_columns=2)


def _exclusions(items: Sequence[Exclusion]) -> str:
    return _bullets([_exclusion(item) for item in items])


def _exclusion(item: Exclusion) -> str:
    seeds = ("seed " if len(item.seeds) == 1 else "seeds ") + ", ".join(map(str, item.seeds))
    reason = item.reason if len(item.reason) <= LONGEST_REASON else f"{item.reason[:LONGEST_REASON]} …"
    told = f": {escape(reason)}" if reason else ""
    return f"{item.status}, {escape(item.run)}, {seeds}{told}"


def _provenance(made: Provenance) -> str:
    lines = [
        f"Runs: {made.runs}, {tell_time(made)}",
        f"Trainers: {_listed(made.trainers)}. Devices: {_listed(made.devices)}.",
        f"Machines: {_listed(made.machines)}.",
        "Versions: " + (", ".join(f"{escape(name)} {_listed(seen)}" for name, seen in made.versions) or NO_VALUE) + ".",
    ]
    for dataset, contents in made.fingerprints:
        note = "" if len(contents) == 1 else " (**not the same data in all runs**)"
        lines.append(f"Content of {escape(dataset)}: {_listed(contents)}{note}.")
    command = f"\nTo reproduce:\n\n    {' '.join(made.command.split())}\n" if made.command.strip() else ""
    return _bullets(lines) + command


def _listed(values: Sequence[str]) -> str:
    return " and ".join(map(escape, values)) or NO_VALUE


def _bullets(lines: Sequence[str]) -> str:
    return "".join(f"- {line}\n" for line in lines) or "None.\n"
