"""`Seal`: what the arrays of a dataset held at one moment, so that a write into them is seen afterwards.

Write protection stops a slip in NumPy; torch, ctypes and NumPy's own interfaces write through it all the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from offline_bench.core.errors import OfflineBenchError
from offline_bench.data.dataset import Dataset

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Seal:
    """Shape, dtype and checksum of every array of a dataset, by its name; and how many discrete actions there are.

    The checksum is a CRC of 32 bits: made to see accidents, and several times faster than a hash against forgers.
    """

    contents: dict[str, tuple[Any, ...]]

    @classmethod
    def of(cls, data: Dataset) -> Seal:
        """The seal of `data` as it is now: its content, what was computed from that, bounds of actions, sources."""
        contents = {name: (array.shape, array.dtype.str, _checksum(array)) for name, array in _arrays(data)}
        return cls({**contents, "action_space.n": (data.action_space.n,)})

    def find_changes(self, data: Dataset) -> list[str]:
        """Names of the content of `data` that has changed."""
        now = Seal.of(data).contents
        return sorted(name for name, content in self.contents.items() if now.get(name) != content)


@contextmanager
def watch(data: Dataset, refuse: Callable[[str], OfflineBenchError]) -> Iterator[None]:
    """Raise `refuse(names)` if the content of `data` changed in the block, even if the block itself raises.

    `names` says what changed, such as 'rewards, true_rewards'. Two looks at all content: see `measure_loading`.
    """
    seal = Seal.of(data)
    try:
        yield
    except Exception as error:
        changes = seal.find_changes(data)
        if changes:
            raise refuse(", ".join(changes)) from error
        raise
    changes = seal.find_changes(data)
    if changes:
        raise refuse(", ".join(changes))


class SealedCache:
    """The latest datasets that `make` made of one or more texts, given out only while their content is unchanged.

    A plug-in that wrote into one of them was refused; nobody else is to learn from what it wrote.
    """

    def __init__(self, make: Callable[..., Dataset], size: int) -> None:
        self._make = lru_cache(maxsize=size)(lambda *texts: _seal(make(*texts)))

    def __call__(self, *texts: str) -> Dataset:
        data, seal = self._make(*texts)
        if seal.find_changes(data):
            self.cache_clear()
            data, _ = self._make(*texts)
        return data

    def cache_clear(self) -> None:
        """Forget all of them."""
        self._make.cache_clear()


def _seal(data: Dataset) -> tuple[Dataset, Seal]:
    return data, Seal.of(data)


def _arrays(data: Dataset) -> Iterator[tuple[str, Array]]:
    # Not `fields`: what was computed once and kept, such as `episode_of`, is shared with every copy too.
    for prefix, owner in (("", data), ("action_space.", data.action_space), ("sources.", vars(data).get("sources"))):
        for name, value in vars(owner).items() if owner is not None else ():
            if isinstance(value, np.ndarray):
                yield f"{prefix}{name}", value


def _checksum(array: Array) -> int:
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data) if array.size else 0
