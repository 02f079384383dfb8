"""Parts of a suite: those of its runs that match patterns such as 'dataset=hopper/*' and 'algorithm=atac'."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import TypeVar

from offline_bench.core.errors import SpecError
from offline_bench.core.registry import unknown_name
from offline_bench.core.spec import spec_name
from offline_bench.runs.record import Run

KEYS = tuple(field.name for field in fields(Run))
SHORT = "offline-bench/"

Told = TypeVar("Told")


def select_runs(runs: Mapping[Run, Told], patterns: Sequence[str]) -> dict[Run, Told]:
    """Those of `runs` that match one pattern of each key given, in their order; all where there are no patterns.

    A pattern is key=text, where the text may have * and ? and [...] as in file names. It is held against the whole
    of a run's value and against its short name: an id without 'offline-bench/', an algorithm without its parameters.
    Raises `SpecError` where a pattern is none, names an unknown key, or matches no run; it says what there is.
    """
    wanted: dict[str, list[str]] = {}
    for pattern in patterns:
        key, text = _split(pattern)
        if not any(_matches(run, key, text) for run in runs):
            raise SpecError(f"--only {pattern}: no run has this {key}. The suite has {_told(runs, key)}.")
        wanted.setdefault(key, []).append(text)
    found = {
        run: told
        for run, told in runs.items()
        if all(any(_matches(run, key, text) for text in texts) for key, texts in wanted.items())
    }
    if not found and runs:
        raise SpecError(f"--only {' --only '.join(patterns)}: each matches some run, but no run matches all of them.")
    return found


def _split(pattern: str) -> tuple[str, str]:
    key, equals, text = pattern.partition("=")
    if not equals or not text:
        raise SpecError(
            f"--only {pattern!r} does not have the form key=text, such as 'dataset=hopper/*' or algorithm=atac"
        )
    if key not in KEYS:
        raise SpecError(f"--only {pattern}: {unknown_name('key', key, KEYS)}")
    return key, text


def _matches(run: Run, key: str, text: str) -> bool:
    return any(fnmatchcase(name, text) for name in _names(run, key))


def _names(run: Run, key: str) -> tuple[str, ...]:
    """What stands at `key`, whole and short."""
    value = str(getattr(run, key))
    if key == "dataset":
        return value, value.removeprefix(SHORT)
    return (value, spec_name(value)) if key in ("curation", "relabeling", "algorithm") else (value,)


def _told(runs: Iterable[Run], key: str) -> str:
    return ", ".join(dict.fromkeys(_names(run, key)[-1] for run in runs))
