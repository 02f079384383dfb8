"""What curations change, as Markdown: score and episode length under each reward, curation by curation."""

from __future__ import annotations

from offline_bench.analysis.scores.curations import Curated, CuratedCell, CuratedTable
from offline_bench.report.markdown import NO_VALUE, escape, number, table

READING = (
    "How episodes end decides what a reward asks for. The value after a terminal is 0. So a reward whose sum ahead is "
    "below 0 makes ending at once the best there is to do, one whose sum ahead is above 0 makes going on worth it, and "
    "zero asks for neither. In a task that pays for every step, the negated reward thus asks a learner that sees the "
    "terminals to end its episodes: in locomotion, to fall. Where a curation takes the terminals out, no ending is "
    "seen to stop the costs, and what is left is the pull of the data. The length of the episodes tells the two apart: "
    "a learner that was taught to end has short ones. The tables say what came of it.\n"
)


def curations_section(curated: Curated) -> str:
    """`## What curation changes`; '' where no dataset was curated in several ways."""
    if not curated.tables:
        return ""
    parts = [f"## What curation changes\n\n{READING}"]
    for part in curated.tables:
        unit = "Normalized score" if part.scored else "True return"
        parts += [
            f"### {escape(part.dataset)}, by curation\n",
            f"{unit} (mean episode length in steps):\n",
            _table(part),
        ]
    lines = [f"**{escape(name)}**: {escape(text) or NO_VALUE}" for name, text in curated.descriptions]
    lines.append(
        "**behavior** is what the learner was given: its score is of the whole episodes that comes from, its length of "
        "the episodes as they were cut; the learner's are of whole evaluation episodes."
    )
    parts.append("".join(f"- {line}\n" for line in lines))
    return "\n".join(parts)


def _table(part: CuratedTable) -> str:
    rows = [[escape(row.label), escape(row.curation), _cell(row.behavior), *map(_cell, row.cells)] for row in part.rows]
    return table(["algorithm", "curation", "behavior", *map(escape, part.relabelings)], rows, text_columns=2)


def _cell(cell: CuratedCell) -> str:
    if not cell.n_ok:
        return NO_VALUE if not cell.n_expected else f"{NO_VALUE}, 0/{cell.n_expected} runs"
    runs = "" if cell.n_ok == cell.n_expected else f", {cell.n_ok}/{cell.n_expected} runs"
    return f"{number(cell.value)} ({number(cell.length, 0)}){runs}"
