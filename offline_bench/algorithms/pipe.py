"""A program at the other end of a pipe: one JSON object a line, each way; `README.md` of this room tells the lines."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from offline_bench.core.errors import AlgorithmError
from offline_bench.core.plain import cut, plain_line

LONGEST_LINE = 2**28  # bytes
TAIL = 2_000  # bytes of what it said last that are read
SAID = 400  # characters of that in a reason
CHUNK = 2**16
GRACE = 5.0  # seconds in which a program may end by itself


class Program:
    """A running program, in a process group of its own, its standard error in the file `log`.

    patience   seconds of silence after which it is taken to hang
    Every method raises `AlgorithmError` where the program hangs, ends, or says what is no JSON object, with its last
    lines. To be closed, which ends it and all that it started.
    """

    def __init__(self, words: Sequence[str], log: Path, patience: float) -> None:
        self._log, self._patience, self._pending = log, patience, bytearray()
        with log.open("wb") as errors:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the user's own command, and no shell reads it
                    words,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    start_new_session=True,
                    bufsize=0,
                )
            except OSError as error:
                raise AlgorithmError(f"cannot start the program {words[0]!r}: {error.strerror or error}") from error

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Say `question`, and what it answers: it must have said nothing since its last line."""
        if self._has_spoken():
            # Or every answer from here on would be taken for that to the next question.
            self._fail(f"said something that it was not asked for: {self._show(self._read_line())}")
        self.say(question)
        return self.hear()

    def say(self, message: dict[str, Any]) -> None:
        """Write one line; a program that does not read within the patience hangs."""
        assert self._process.stdin is not None
        pipe = self._process.stdin.fileno()
        os.set_blocking(pipe, False)
        rest, until = memoryview((json.dumps(message) + "\n").encode()), time.monotonic() + self._patience
        while rest:
            if not select.select([], [pipe], [], max(until - time.monotonic(), 0.0))[1]:
                self._fail(f"does not read its standard input for {self._patience:g} seconds")
            try:
                rest = rest[os.write(pipe, rest[:CHUNK]) :]
            except BrokenPipeError:
                self._fail(self._ending())

    def hear(self) -> dict[str, Any]:
        """The next line."""
        line = self._read_line()
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            self._fail(f"sent a line that is not of the protocol: {self._show(line)}")
        return dict(said)

    def close(self) -> None:
        """End it: by closing its input, and by force where it does not go."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        # Not reaped before its group is ended, or the number of the group might be another's by then.
        self._wait()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _has_spoken(self) -> bool:
        """Whether a line of it waits here, or part of one."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        if not self._pending and select.select([pipe], [], [], 0.0)[0]:
            self._pending += os.read(pipe, CHUNK)  # nothing where it has ended, which the next line tells
        return bool(self._pending)

    @staticmethod
    def _show(line: bytes) -> str:
        return repr(cut(plain_line(line.decode(errors="replace")), 120))

    def _read_line(self) -> bytes:
        assert self._process.stdout is not None
        pipe, until = self._process.stdout.fileno(), time.monotonic() + self._patience
        whole = b"\n" in self._pending
        while not whole:
            if not select.select([pipe], [], [], max(until - time.monotonic(), 0.0))[0]:
                self._fail(f"said nothing for {self._patience:g} seconds")
            chunk = os.read(pipe, CHUNK)
            if not chunk:
                self._fail(self._ending())
            self._pending += chunk
            whole = b"\n" in chunk  # what came before it has none: a long line is not searched again and again
            if len(self._pending) > LONGEST_LINE:
                self._fail(f"said a line of more than {LONGEST_LINE:,} bytes")
        line, _, rest = bytes(self._pending).partition(b"\n")
        self._pending = bytearray(rest)
        return line

    def _ending(self) -> str:
        status = self._wait()
        return "closed its end of the pipe" if status is None else f"ended with status {status}"

    def _wait(self) -> int | None:
        """The status it ended with, or None where it does not end within the grace; it is not reaped."""
        until, flags = time.monotonic() + GRACE, os.WEXITED | os.WNOHANG | os.WNOWAIT
        while time.monotonic() < until:
            if self._process.returncode is not None:
                return self._process.returncode
            ended = os.waitid(os.P_PID, self._process.pid, flags)
            if ended is not None:
                return int(ended.si_status)
            time.sleep(0.01)
        return None

    def _fail(self, what: str) -> None:
        """Raise what happened, with the last lines of its standard error."""
        last = " | ".join(read_tail(self._log))
        raise AlgorithmError(f"the program {what}" + (f"; its last lines: {last}" if last else "; it wrote no errors"))


def read_tail(log: Path) -> list[str]:
    """The last lines of `log`, made plain, few enough to be read in a table."""
    with log.open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - TAIL, 0))
        lines = [plain_line(line) for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    kept: list[str] = []
    for line in reversed(lines):
        if sum(map(len, kept)) + len(line) > SAID and kept:
            break
        kept.insert(0, line[-SAID:])
    return kept
