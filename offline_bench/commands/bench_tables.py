"""How the benchmarks show what they measure: a bar while they do, and Markdown tables to be pasted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from offline_bench.commands.display import open_bar
from offline_bench.commands.tell import tell

Done = TypeVar("Done")


def each(title: str, cells: Sequence[Any], measure: Callable[[Any], Done]) -> Iterator[Done]:
    """`measure` of each cell, with a bar on stderr."""
    if not cells:
        return
    done = []
    with open_bar(title, len(cells), "measured") as bar:
        for number, cell in enumerate(cells, start=1):
            done.append(measure(cell))
            bar.show(number / len(cells), number, name_of(cell))
    yield from done


def name_of(cell: Any) -> str:
    """A cell in a few words, for the bar."""
    if isinstance(cell, tuple):
        return ", ".join(map(str, cell))
    return str(getattr(cell, "__name__", cell)).lstrip("_")


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """As Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    tell("\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n")
