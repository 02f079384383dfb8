"""The leaderboard as Markdown to paste: two tables per dataset, and a line for each kind of number in them."""

from __future__ import annotations

from collections.abc import Sequence

from offline_bench.analysis.resampling import RESAMPLES
from offline_bench.analysis.scores.entries import FEW_SEEDS, AlgorithmEntry, Cell, DatasetTable, Leaderboard, Row
from offline_bench.report.markdown import NO_VALUE, escape, number, table

SURVIVES = "▲"
# Heading of the column that says who reads the reward.
GATE = "competent?"


def leaderboard_markdown(board: Leaderboard) -> str:
    """Tables of scores and of lifts for each dataset, then what each number is."""
    if not board.tables:
        return "No runs yet.\n"
    others = f"; the others: {_counted(board.outcomes)}" if board.outcomes else ""
    parts = [f"{board.n_ok} of {board.n_expected} runs ended well{others}.\n"]
    for part in board.tables:
        parts += [f"### {escape(part.dataset)}\n", f"{_unit(part).capitalize()} under each reward:\n"]
        parts += [_scores(board, part), "Lift over behavior / over BC:\n", _lifts(board, part)]
    return "\n".join([*parts, "#### What the numbers are\n", _notes(board)])


def cell_text(cell: Cell, counts: bool = True) -> str:
    """`▲ 41.2 [38.0, 44.1] (2/3 runs)`, with what applies of it; why there is no number where there is none.

    A learner that does not count, as it reads no reward there, has no ▲.
    """
    if not cell.n_ok:
        return f"{NO_VALUE} (0/{cell.n_expected}: {_counted(cell.outcomes)})" if cell.outcomes else NO_VALUE
    parts = [SURVIVES] if cell.survives and counts else []
    parts.append(number(cell.value))
    if cell.n_ok > 1:
        parts.append(f"[{number(cell.low)}, {number(cell.high)}]")
    if cell.n_ok < cell.n_expected:
        parts.append(f"({cell.n_ok}/{cell.n_expected} runs)")
    elif cell.n_ok == 1:
        parts.append("(1 run)")
    return " ".join(parts)


def tell_competence(row: Row) -> str:
    """A mark and a word on whether the learner reads its reward there; '' where that was not asked."""
    return f"{row.competence.mark} {row.competence.word}" if row.competence else ""


def _scores(board: Leaderboard, part: DatasetTable) -> str:
    names, text_columns = _name_columns(part)
    header = [*names, "behavior", *map(escape, board.relabelings), "runs"]
    rows = [
        [
            *_names(row, text_columns),
            number(row.behavior),
            *(cell_text(cell, row.counts) for cell in row.cells),
            f"{row.n_ok}/{row.n_expected}",
        ]
        for row in part.rows
    ]
    return table(header, rows, text_columns)


def _lifts(board: Leaderboard, part: DatasetTable) -> str:
    names, text_columns = _name_columns(part)
    rows = [[*_names(row, text_columns), *map(_lift_text, row.cells)] for row in part.rows]
    return table([*names, *map(escape, board.relabelings)], rows, text_columns)


def _counted(outcomes: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {status}" for status, count in outcomes)


def _lift_text(cell: Cell) -> str:
    if not cell.n_ok:
        return NO_VALUE
    return f"{number(cell.lift_over_behavior, sign=True)} / {number(cell.lift_over_bc, sign=True)}"


def _name_columns(part: DatasetTable) -> tuple[list[str], int]:
    curated = any(row.curation != "full" for row in part.rows)
    names = ["algorithm", "curation"] if curated else ["algorithm"]
    names += [GATE] if part.gated else []
    return names, len(names)


def _names(row: Row, columns: int) -> list[str]:
    judged = [] if row.competence is None else [tell_competence(row)]
    return [escape(row.label), *[escape(row.curation)][: columns - 1 - len(judged)], *judged]


def _unit(part: DatasetTable) -> str:
    return "normalized score" if part.task else "true return"


def _notes(board: Leaderboard) -> str:
    lines = [
        *_unit_notes(board.tables),
        "**Cell**: interquartile mean over seeds [95 % interval]. With three runs or fewer it is their plain mean. "
        f"The interval comes from a bootstrap over seeds with {RESAMPLES} resamples and is wider for few runs. (2/3 "
        f"runs): the number is of 2 runs out of 3 tried or expected. {NO_VALUE}: no run ended well, and why.",
        *_few_seeds_note(board),
        *_gate_note(board),
        "**behavior**: the mean true return of the whole episodes that the learner's data comes from, on the same "
        "scale.",
        "**Lift**: the cell less behavior / the cell less BC's cell. BC is on the same data under the same reward. It "
        "reads no reward, so BC under another reward stands in where it is missing.",
        f"**{SURVIVES}**: trained on a reward other than the original, yet above both behavior and BC. It goes by "
        "the numbers. The interval says how firm they are.",
        "**runs**: the runs that ended well out of those tried or expected.",
        *map(_algorithm_note, board.algorithms),
    ]
    return "".join(f"- {line}\n" for line in lines)


def _unit_notes(tables: Sequence[DatasetTable]) -> list[str]:
    return_is = "the mean undiscounted true return over the evaluation episodes after the last gradient step"
    tasks = {part.task.name: part.task for part in tables if part.task}
    notes = []
    if tasks:
        notes.append(
            f"**Normalized score** of a run: 100 · (return - random) / (expert - random). The return is {return_is}."
        )
    for name, task in sorted(tasks.items()):
        references = f"random {task.random_return:.10g}, expert {task.expert_return:.10g}"
        notes.append(f"References of the task {escape(name)}: {references}. Source: {escape(task.source)}.")
    bare = [escape(part.dataset) for part in tables if not part.task]
    if bare:
        notes.append(
            f"**True return** of a run: {return_is}. Without a card, and so not normalized: {', '.join(bare)}."
        )
    return notes


def _gate_note(board: Leaderboard) -> list[str]:
    if not any(part.gated for part in board.tables):
        return []
    return [
        f"**{GATE}**: whether the learner reads the true reward on this data. It does if it scores above cloning by "
        "its whole interval, or if it reaches the published score. It also does if cloning is as good as the data and "
        "it is not below. Only a competent learner says something of wrong rewards: the others have no "
        f"{SURVIVES}, and no headline, share, verdict or sign is made of them."
    ]


def _few_seeds_note(board: Leaderboard) -> list[str]:
    few = board.few_seeds
    if not few.cells:
        return []
    runs = f"{few.least}" if few.least == few.most else f"{few.least} to {few.most}"
    return [
        f"**Fewer than {FEW_SEEDS} seeds** stand behind {few.cells} of {few.of} cells ({runs}). Their intervals are "
        "wide and may leave the possible scores. Where runs fall into two kinds, all that were made may be of one "
        "kind. Then the interval of 3 runs holds the truth about 80 % of the time, and that of 5 about 94 %."
    ]


def _algorithm_note(entry: AlgorithmEntry) -> str:
    steps, episodes, seeds = (_joined(values) for values in (entry.steps, entry.episodes, entry.seeds))
    name = f"**{escape(entry.label)}**"
    full = "" if entry.label == entry.algorithm else f" is {escape(entry.algorithm)}"
    return f"{name}{full}: {steps} gradient steps, {episodes} evaluation episodes, seeds {seeds}."


def _joined(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))
