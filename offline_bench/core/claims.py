"""Claims: which process works on what in a folder that several processes share."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock

from offline_bench.core.errors import StorageError
from offline_bench.core.locks import NoLocksError, free_lock, try_lock

# A change of claims takes milliseconds; a minute is for a slow network drive.
PATIENCE = 60.0


class Claims:
    """The things in `folder` that this process works on, by name, so that no other process does them too.

    Every process lists its own in a file in `folder`/claims and holds a lock on another beside it. The operating
    system frees that lock however the process ends: what a dead process had in hand is free, and its files are
    removed by the next that looks.

    Where the file system has no locks, `blind` is true: then nobody sees anybody, and everything is free.
    Every method raises `StorageError` where the folder takes no file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "claims"
        self._own = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._since = datetime.now().strftime("%Y-%m-%d %H:%M")
        self._names: set[str] = set()
        self._alive: FileLock | None = None
        self.blind = False

    def take(self, names: Collection[str]) -> dict[str, str]:
        """Claim those of `names` that are free; return who has each of the others, in words."""
        if self.blind:
            return {}
        with self._alone():
            others = self._others()
            theirs = {name: others[name] for name in names if name in others}
            self._names.update(name for name in names if name not in theirs)
            self._write()
        return theirs

    def release(self, names: Collection[str]) -> None:
        """Release `names`: they are finished, or left to others."""
        if not self.blind:
            with self._alone():
                self._names.difference_update(names)
                self._write()

    def when_alone(self, do: Callable[[], None]) -> None:
        """Call `do` if no other process has claims here, and keep others out until it returns."""
        if not self.blind:
            with self._alone():
                if not self._living():
                    do()

    def __enter__(self) -> Self:
        try:
            with self._alone():
                self._alive = try_lock(self._lock_of(self._own))
                self._write()
        except NoLocksError:
            self.blind = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._alive is None:
            return
        # On a full disk the lock goes all the same, and the next that looks removes the list.
        with suppress(StorageError), self._alone():
            self._claim_of(self._own).unlink(missing_ok=True)
        free_lock(self._alive)

    def _others(self) -> dict[str, str]:
        """What others have in hand, each with who that is."""
        found = {}
        for path in self._living():
            content = json.loads(path.read_text(encoding="utf-8"))
            found.update(dict.fromkeys(content["names"], content["who"]))
        return found

    def _living(self) -> list[Path]:
        """The files of others who are there; those of the dead are removed."""
        living = []
        for path in self._folder.glob("*.lock"):
            name = path.stem
            if name in (self._own, "gate"):
                continue
            lock = try_lock(path)
            if lock is not None:
                self._claim_of(name).unlink(missing_ok=True)
                free_lock(lock)
            elif self._claim_of(name).exists():
                living.append(self._claim_of(name))
        return living

    def _write(self) -> None:
        who = f"process {os.getpid()} on {socket.gethostname()}, since {self._since}"
        path = self._claim_of(self._own)
        try:
            # As it stands, without a scratch file: it is read behind the gate alone, and of the living alone.
            path.write_text(json.dumps({"who": who, "names": sorted(self._names)}), encoding="utf-8")
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror or error}. Free some space.") from error

    def _claim_of(self, name: str) -> Path:
        return self._folder / f"{name}.claim"

    def _lock_of(self, name: str) -> Path:
        return self._folder / f"{name}.lock"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While the block runs, no other process looks at claims or changes them."""
        gate = try_lock(self._lock_of("gate"), PATIENCE)
        if gate is None:
            raise StorageError(
                f"Another process has locked {self._lock_of('gate')} for {PATIENCE:.0f} seconds and does not go on. "
                "End that process, and run the same command again."
            )
        try:
            yield
        finally:
            free_lock(gate)
