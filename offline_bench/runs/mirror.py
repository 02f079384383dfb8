"""Checkpoints at a URL, by fsspec: for nodes that share no folder with this machine."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline_bench.core.errors import MissingExtraError, PlaceError
from offline_bench.core.storage import scratch_folder

SUFFIX = ".safetensors"


def is_url(text: str) -> bool:
    """Whether `text` is a URL, and no path."""
    return "://" in text


@dataclass(frozen=True)
class Mirror:
    """The checkpoints at `url`. Every method raises `PlaceError` where that cannot be reached."""

    url: str

    def check(self) -> None:
        """Raise `MissingExtraError` without the package for URLs of this kind, `PlaceError` where none is taken."""
        with self._reach() as (system, root):
            system.makedirs(root, exist_ok=True)
            system.ls(root)

    def fetch(self, folder: Path, stem: str = "") -> list[str]:
        """Copy the checkpoints there whose names begin with `stem` to `folder`; their names."""
        with self._reach() as (system, root):
            found = sorted(str(path) for path in system.glob(f"{root}/{stem}*{SUFFIX}"))
            for path in found:
                folder.mkdir(parents=True, exist_ok=True)
                system.get_file(path, str(folder / Path(path).name))
        return [Path(path).name for path in found]

    @contextmanager
    def copied_to(self, folder: Path) -> Iterator[None]:
        """Have the checkpoints there in `folder` too; what is deleted of these is deleted there where all ends well."""
        names = self.fetch(folder)
        yield
        for name in names:
            if not (folder / name).exists():
                self.drop(Path(name).stem)

    def drop(self, stem: str) -> None:
        """Delete the checkpoints there whose names begin with `stem`, and what was half sent of them."""
        with self._reach() as (system, root):
            for path in system.glob(f"{root}/{stem}*"):
                system.rm_file(path)

    @contextmanager
    def at_hand(self, name: str) -> Iterator[tuple[Path, Callable[[], None]]]:
        """While the block runs, a place on this machine with what there is of the checkpoint `name`.

        With what to call to send on whatever has changed there since the last call.
        """
        with scratch_folder(Path(tempfile.gettempdir()), "offline-bench-checkpoint") as folder:
            self.fetch(folder, Path(name).stem)
            sent = _look(folder)

            def send() -> None:
                for file, changed in _look(folder).items():
                    if sent.get(file) != changed:
                        self._send(file)
                        sent[file] = changed

            yield folder / name, send

    def _send(self, file: Path) -> None:
        with self._reach() as (system, root):
            # In two steps: a kill amid the first leaves the last checkpoint as it was.
            scratch = f"{root}/{file.name}.{secrets.token_hex(4)}.scratch"
            system.put_file(str(file), scratch)
            system.mv(scratch, f"{root}/{file.name}")

    @contextmanager
    def _reach(self) -> Iterator[tuple[Any, str]]:
        """The file system of the URL, and the path in it."""
        try:
            import fsspec

            yield fsspec.url_to_fs(self.url)
        except ImportError as error:
            raise MissingExtraError(f"checkpoints at {self.url} need a package that is not here: {error}") from error
        except Exception as error:  # each file system raises errors of its own
            raise PlaceError(f"checkpoints at {self.url} cannot be read or written: {error}") from error


def _look(folder: Path) -> dict[Path, tuple[int, int]]:
    """The checkpoints in `folder`, and which state of each that is."""
    return {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in folder.glob(f"*{SUFFIX}")}
