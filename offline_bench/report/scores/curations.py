"""What curations change, as Markdown: score and episode length under each reward, curation by curation."""

from __future__ import annotations

from offline_bench.analysis.scores.curations import Curated, CuratedCell, CuratedTable
from offline_bench.report.markdown import NO_VALUE, escape, number, table

READING = (
    "The ends of episodes decide what a reward asks for. The value after a terminal is 0. If the rewards ahead sum to "
    "less than 0, an early end is best. If they sum to more than 0, it pays to go on. Zero rewards ask for neither. In "
    "a task that pays for every step, the negated reward asks a learner to end its episodes: in locomotion, to fall. A "
    "curation without terminals shows no end that stops the costs, and only the pull of the data is left. The length "
    "of the episodes tells the two apart: a learner that was taught to end has short ones.\n"
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
        "**behavior** is the data that the learner was given. Its score is of the whole episodes, its length of the "
        "episodes as they were cut. The learner's numbers are of whole evaluation episodes."
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
