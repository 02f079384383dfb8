"""Published numbers to compare with: the facts file `published.toml` of a suite's folder."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline_bench.algorithms import algorithms
from offline_bench.analysis.scores.leaderboard import REFERENCE_ALGORITHM, TRUE_RELABELING
from offline_bench.core.errors import OfflineBenchError, SuiteError
from offline_bench.core.reading import read_toml
from offline_bench.core.registry import unknown_name
from offline_bench.schemes.relabel import relabelings

PUBLISHED = "published.toml"
BEHAVIOR = "behavior"
KEYS = ("source", "reading_error", "algorithm", "control", "pessimistic", "relabelings", "scores")


@dataclass(frozen=True)
class PublishedRow:
    """What was published of one dataset: the data's mean, BC, and the score under each relabeling."""

    dataset: str
    behavior: float
    bc: float
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Published:
    """The facts file of one suite; numbers in points of normalized score.

    reading_error   how far each number may be off
    algorithm       name of the algorithm of the published numbers
    control         name of the algorithm without pessimism, which is to fail where the pessimistic ones survive
    pessimistic     names of those it is held against
    relabelings     canonical texts, in the order in which they are shown
    """

    source: str
    reading_error: float
    algorithm: str
    control: str
    pessimistic: tuple[str, ...]
    relabelings: tuple[str, ...]
    rows: tuple[PublishedRow, ...]

    @property
    def wrong_relabelings(self) -> tuple[str, ...]:
        return tuple(name for name in self.relabelings if name != TRUE_RELABELING)


def true_marks(published: Published | None) -> dict[tuple[str, str], float]:
    """(dataset, algorithm's name) → what a score under the true reward is to reach: the published, less its error."""
    if published is None:
        return {}
    marks = {row.dataset: row.scores.get(TRUE_RELABELING, math.nan) for row in published.rows}
    return {(dataset, published.algorithm): mark - published.reading_error for dataset, mark in marks.items()}


def load_published(folder: Path) -> Published | None:
    """The facts file of a suite's folder; None where it has none.

    Raises `SuiteError` naming the file and the key that is missing, unknown, of another kind or not finite.
    """
    path = folder / PUBLISHED
    if not path.is_file():
        return None
    try:
        content = read_toml(path)
    except (OSError, ValueError) as error:
        raise SuiteError(f"cannot read {path}: {error}") from error
    _check_keys(content, KEYS, str(path))
    error_of = _number(content["reading_error"], f"{path}: reading_error")
    if error_of < 0:
        raise SuiteError(f"{path}: reading_error must be a number from 0, not {error_of:g}")
    texts = _texts(content["relabelings"], f"{path}: relabelings")
    return Published(
        source=_text(content["source"], f"{path}: source"),
        reading_error=error_of,
        algorithm=_algorithm(content["algorithm"], f"{path}: algorithm"),
        control=_algorithm(content["control"], f"{path}: control"),
        pessimistic=tuple(
            _algorithm(name, f"{path}: pessimistic") for name in _texts(content["pessimistic"], f"{path}: pessimistic")
        ),
        relabelings=_canonical(texts, f"{path}: relabelings"),
        rows=_rows(content["scores"], texts, str(path)),
    )


def _rows(scores: Any, texts: tuple[str, ...], where: str) -> tuple[PublishedRow, ...]:
    if not isinstance(scores, dict) or not scores:
        raise SuiteError(f'{where}: [scores] must hold a table per dataset, as "env/tier" = {{ behavior = 1.0, ... }}')
    rows = []
    for dataset, table in scores.items():
        at = f"{where}, [scores] {dataset!r}"
        if not isinstance(table, dict):
            raise SuiteError(f"{at}: must be a table of numbers, not {table!r}")
        _check_keys(table, (BEHAVIOR, REFERENCE_ALGORITHM, *texts), at)
        values = {key: _number(value, f"{at}: {key}") for key, value in table.items()}
        by_relabeling = {str(relabelings.bind(text)): values[text] for text in texts}
        rows.append(PublishedRow(dataset, values[BEHAVIOR], values[REFERENCE_ALGORITHM], by_relabeling))
    return tuple(rows)


def _canonical(texts: tuple[str, ...], where: str) -> tuple[str, ...]:
    try:
        names = tuple(str(relabelings.bind(text)) for text in texts)
    except OfflineBenchError as error:
        raise SuiteError(f"{where}: {error}") from error
    if len(set(names)) < len(names):
        raise SuiteError(f"{where}: each must be named once, not {', '.join(names)}")
    if set(names) <= {TRUE_RELABELING}:
        raise SuiteError(f"{where}: at least one beside {TRUE_RELABELING} is needed")
    return names


def _check_keys(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise SuiteError(f"{where}: {unknown_name('key', key, known)}")
    missing = [key for key in known if key not in table]
    if missing:
        raise SuiteError(f"{where}: {', '.join(missing)} missing")


def _algorithm(value: Any, where: str) -> str:
    name = _text(value, where)
    if name not in algorithms.names():
        raise SuiteError(f"{where}: {unknown_name('algorithm', name, algorithms.names())}")
    return name


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise SuiteError(f"{where} must be a list of texts, not {value!r:.200}")
    return tuple(_text(item, where) for item in value)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise SuiteError(f"{where} must be a text, not {value!r:.200}")
    return value


def _number(value: Any, where: str) -> float:
    if type(value) not in (int, float) or not abs(value) < math.inf or abs(value) > 1e300:
        raise SuiteError(f"{where} must be a finite number, not {value!r:.200}")
    return float(value)
