"""A process that steps environments, seen from both sides."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import OfflineBenchError, PlaceError
from offline_bench.core.plugins import make_importable, plugin_files
from offline_bench.environments.steppers.rows import Rows, map_parts

Array = npt.NDArray[Any]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
START = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from offline_bench.environments.steppers.process import serve
serve(int(sys.argv[1]))
"""


def child_path() -> list[str]:
    """Where a process started from here looks for modules: the current folder last, if this process looks there.

    A file of a user's that is called as one of Python's own modules is not taken for it.
    """
    return [*filter(None, sys.path), *([""] if "" in sys.path else [])]


class Process:
    """A process that steps every `count`-th row from `place` on, and the socket to it."""

    def __init__(self, spec: Any, environment: str, place: int, count: int) -> None:
        self._environment, self._place, self._count = environment, place, count
        self._row: np.dtype[Any] | None = None
        self._due = 0
        here, there = socket.socketpair()
        with here, there:
            # Its standard input is the lifeline: it ends when this process does.
            self.process = subprocess.Popen(  # noqa: S603 - this interpreter, and nothing of a user's
                [sys.executable, "-P", "-c", START, str(there.fileno()), json.dumps(child_path())],
                stdin=subprocess.PIPE,
                pass_fds=[there.fileno()],
                env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")},
            )
            self._connection = Connection(here.detach())
        with suppress(OSError):  # One already dead is found out on hearing nothing from it.
            self._connection.send(plugin_files())
            self._connection.send(spec)

    def row_type(self) -> np.dtype[Any]:
        if self._row is None:
            try:
                self._hear()
                self._row = self._connection.recv()
            except (EOFError, OSError):
                self._mourn()
            except OfflineBenchError as error:
                # An environment that can be made elsewhere: every run was checked for that before it began.
                raise PlaceError(str(error)) from error
        return self._row

    def begin(self, parts: list[Array], file: int, seeds: list[list[int]]) -> None:
        while self._due:
            self.wait()
        self.row_type()
        self._tell((None, [len(part) for part in parts], self._place, self._count))
        try:
            send_handle(self._connection, file, self.process.pid)
        except OSError:
            self._mourn()
        for part, of_part in enumerate(seeds):
            self._tell((part, of_part))
            self._due += 1

    def step(self, part: int, actions: Array) -> None:
        self._tell((part, actions))
        self._due += 1

    def wait(self) -> None:
        self._hear()
        self._due -= 1

    def close(self) -> None:
        self._connection.close()
        try:
            self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        finally:
            assert self.process.stdin is not None
            self.process.stdin.close()

    def _tell(self, message: Any) -> None:
        try:
            self._connection.send(message)
        except OSError:
            self._hear()

    def _hear(self) -> None:
        try:
            complaint = self._connection.recv_bytes()
        except (EOFError, OSError):
            self._mourn()
        if complaint:
            raise OfflineBenchError(f"environment {self._environment!r}: {complaint.decode()}")

    def _mourn(self) -> NoReturn:
        code = self.process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        raise PlaceError(f"a process stepping {self._environment!r} {how}.")


def serve(connection: int) -> None:
    """What a stepper's process does, on the socket of that number, until the other side closes it."""
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    with Connection(connection) as other:
        try:
            _serve(other)
        except (EOFError, ConnectionError):
            pass
        except MemoryError:
            os._exit(1)  # no word of the environment's: the place is full
        except Exception as error:  # noqa: BLE001 - it is raised on the other side
            with suppress(OSError):
                other.send_bytes(f"{type(error).__name__}: {error}".encode())


def _serve(connection: Connection) -> None:
    # Before the specification, which may name a class of theirs.
    make_importable(connection.recv())
    rows = Rows(connection.recv())
    row = rows.row_type()
    connection.send_bytes(b"")
    connection.send(row)
    try:
        while True:
            part, *content = connection.recv()
            if part is None:
                sizes, place, count = content
                file = recv_handle(connection)
                rows.seat([whole[place::count] for whole in map_parts(file, row, sizes)])
                os.close(file)
                continue
            (rows.reset if isinstance(content[0], list) else rows.step)(part, content[0])
            connection.send_bytes(b"")
    finally:
        rows.close()


def _end_with_standard_input() -> None:
    os.read(0, 1)
    os._exit(1)
