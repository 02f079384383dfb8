"""The leaderboard as the page has it: every dataset in one table, to sort and to filter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from offline_bench.analysis.digest.words import short_ids
from offline_bench.analysis.scores.entries import Cell, DatasetTable, Leaderboard, Row
from offline_bench.report.html.views import BESIDE, DATASET, Datum, Heading, TableView, order_of, pack_text, view_id
from offline_bench.report.markdown import NO_VALUE, number
from offline_bench.report.scores.leaderboard import GATE, tell_competence
from offline_bench.report.scores.long_form import leaderboard_csv

Best = Sequence[frozenset[tuple[int, int]]]


def view_leaderboard(board: Leaderboard, best: Best) -> TableView:
    """A line for each dataset, curation, algorithm and budget; `best` as `find_best` has it, a set for each table."""
    columns = {
        "dataset": [part.dataset for part in board.tables for _ in part.rows],
        "curation": [row.curation for part in board.tables for row in part.rows],
        "algorithm": [row.label for part in board.tables for row in part.rows],
    }
    if any(part.gated for part in board.tables):
        columns[GATE] = [tell_competence(row) for part in board.tables for row in part.rows]
    # Nothing is told by a column that says "full" all the way down.
    names = {name: values for name, values in columns.items() if name != "curation" or set(values) != {"full"}}
    short = short_ids(part.dataset for part in board.tables)
    lines = [
        (*(_name(name, values[at], short) for name, values in names.items()), *numbers)
        for at, numbers in enumerate(_numbers(board, best))
    ]
    filters = [
        (name, tuple(short.get(value, value) if name == DATASET else value for value in dict.fromkeys(values)))
        for name, values in names.items()
    ]
    return TableView(
        name="leaderboard",
        caption="Score under each reward",
        headings=(
            *(Heading(name, name, numeric=False) for name in names),
            Heading("behavior", "behavior"),
            *(Heading(name, "iqm") for name in board.relabelings),
            Heading("runs", "runs"),
        ),
        lines=tuple(lines),
        note=_note(board.tables),
        filters=tuple((name, values) for name, values in filters if len(values) > 1),
        downloads=(pack_text("CSV", "leaderboard.csv", leaderboard_csv(board), BESIDE),),
    )


def _name(column: str, text: str, short: Mapping[str, str]) -> Datum:
    return view_id(text, short) if column == DATASET else Datum(text, numeric=False)


def _numbers(board: Leaderboard, best: Best) -> Iterator[tuple[Datum, ...]]:
    for part, best_here in zip(board.tables, best, strict=True):
        for at, row in enumerate(part.rows):
            cells = [_score(cell, (at, column) in best_here, row.counts) for column, cell in enumerate(row.cells)]
            yield Datum(number(row.behavior), order=order_of(row.behavior)), *cells, _completeness(row)


def _note(tables: Sequence[DatasetTable]) -> str:
    bare = [part.dataset for part in tables if not part.task]
    return f"True returns, as they have no score: {', '.join(bare)}." if bare else ""


def _score(cell: Cell, best: bool, counts: bool) -> Datum:
    if not cell.n_ok:
        told = ", ".join(f"{count} {status}" for status, count in cell.outcomes)
        return Datum(NO_VALUE, remark=f"(0/{cell.n_expected}: {told})" if told else "")
    interval = f"[{number(cell.low)}, {number(cell.high)}]" if cell.n_ok > 1 else ""
    few = "(1 run)" if cell.n_ok == 1 else ""
    remark = f"({cell.n_ok}/{cell.n_expected} runs)" if cell.n_ok < cell.n_expected else few
    return Datum(
        number(cell.value), interval, remark, order_of(cell.value), best=best, survives=cell.survives and counts
    )


def _completeness(row: Row) -> Datum:
    share = row.n_ok / row.n_expected if row.n_expected else 0.0
    return Datum(f"{row.n_ok}/{row.n_expected}", order=order_of(share))
