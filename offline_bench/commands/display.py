"""What a long command shows while it works: a bar with an estimate, and a line for each thing that is finished."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from offline_bench.core.plain import plain_line
from offline_bench.runs.record import Record


@dataclass
class Bar:
    """A bar on a terminal; in a log, the lines alone, each with the estimate.

    `place` says where the work is done, other than here; the rate is told with it.
    """

    console: Console
    total: int
    unit: str
    progress: Progress
    task: TaskID
    started: float = field(default_factory=time.monotonic)
    place: str = ""

    def show(self, share: float, finished: int, line: str = "", seconds: float | None = None) -> None:
        """`share` in [0, 1] of the work is done, `finished` of the total things; `line` tells of the last of them.

        The estimate is `seconds` to go where these are known, else what the share done so far has taken says.
        """
        left = self._left(share) if seconds is None or share >= 1.0 else f"about {_clock(seconds)} left"
        if self.place:
            left += f", {self.place}, {60.0 * finished / (time.monotonic() - self.started):.1f} {self.unit} a minute"
        self.progress.update(self.task, completed=share, count=f"{finished}/{self.total} {self.unit}", left=left)
        if line:
            prefix = f"[{finished}/{self.total}, {left}] "
            self.console.print(prefix + plain_line(line), markup=False, highlight=False, soft_wrap=True)

    def _left(self, share: float) -> str:
        elapsed = time.monotonic() - self.started
        if share >= 1.0:
            return "done"
        if share < 0.01 or elapsed < 3.0:
            return "estimating"
        return f"about {_clock(elapsed * (1.0 - share) / share)} left"


@contextmanager
def open_bar(title: str, total: int, unit: str) -> Iterator[Bar]:
    """A `Bar` while the block runs."""
    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), TextColumn("{task.fields[count]}"), TimeElapsedColumn())
    with Progress(
        *columns, TextColumn("{task.fields[left]}"), console=console, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(title, total=1.0, count=f"0/{total} {unit}", left="estimating")
        yield Bar(console, total, unit, progress, task)


def describe_record(record: Record) -> str:
    """One line on a finished run: which, and its mean true return or what became of it."""
    if record.status != "ok":
        return f"{record.run}: {record.status}, {record.reason}"
    mean_return = sum(record.returns) / len(record.returns)
    how = "reported by the program itself: external"
    if record.lengths:
        how = f"length {sum(record.lengths) / len(record.lengths):.0f}"
    return f"{record.run}: return {mean_return:.0f}, {how} ({record.provenance['seconds']:.0f} s)"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"
