"""Predictions: what a suite file says will come out, in a form that the records alone can decide.

They are written before the suite runs, as `[[predictions]]` tables; `verdicts.py` judges them. Two examples:

    [[predictions]]
    name = "top-helps-whatever-the-reward"
    text = "On hopper the best half of the episodes beats all of them, under every reward."
    kind = "difference"                                     # a - b
    where = { dataset = "offline-bench/hopper/medium-v0" }  # holds for a and for b
    a = { curation = "top(p=0.5)" }
    b = { curation = "full" }
    each = "relabeling"                                     # is to hold under each one, not only on average
    expect = "greater"
    than = 0

    [[predictions]]
    name = "coverage-decides-more"
    text = "On hopper coverage decides at least three times as much as reward."
    kind = "share-ratio"                                    # share of `source` over share of `over`, in the runs of a
    source = "coverage"
    over = "reward"
    a = { dataset = "offline-bench/hopper/medium-v0" }
    expect = "greater"
    than = 3

Keys: `name`, `text`, `kind`, `expect` and the kind's own are needed; everything else has the value given here.

kind      which number is formed             needs
          mean               mean(a)         a
          difference         a - b           a, b
          double-difference  (a - b) - (c - d)  a, b, c, d: how much more the first gap is than the second
          share              share of `source` in the variance of a's scores       a, source
          share-difference   the same in a less that in b                          a, b, source
          share-ratio        share of `source` over share of `over` in a           a, source, over
a, b, c, d  selections of runs: tables of dataset, curation, relabeling, algorithm, each a text or a list of texts.
          A text with parentheses is one component exactly; a name alone is every component of that name, whatever
          its parameters (`top`, `td3-plus-bc`). A column left out is not restricted. `a = {}` is every run of `where`.
where     {}: a selection that a, b, c and d are all narrowed to, beside their own
each      []: a column or a list of columns; the prediction is then to hold for every value of them on its own
measure   "score": for mean, difference and double-difference, what is averaged: score, true_return, length, lift
          (score less the score of the data), in_support, concentrability, effective_share. Shares are of the score.
source, over  coverage (the task in it), reward, algorithm, interactions, seed or rest
expect    "greater" or "less" `than` (0; needed for mean, share and share-ratio), or "near" `to` (0), `within` (needed):
          the number lies at most that far from `to`

Means are over cells, each cell's over its seeds; differences are taken between runs that agree in every column that no
selection of the prediction names, and are paired by seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from offline_bench.algorithms import algorithms
from offline_bench.core.errors import OfflineBenchError, SuiteError
from offline_bench.core.registry import Registry, unknown_name
from offline_bench.core.spec import spec_name, stage_names
from offline_bench.runs.record import Run
from offline_bench.schemes.curate import curations
from offline_bench.schemes.relabel import relabelings

NEEDS = {
    "mean": ("a",),
    "difference": ("a", "b"),
    "double-difference": ("a", "b", "c", "d"),
    "share": ("a", "source"),
    "share-difference": ("a", "b", "source"),
    "share-ratio": ("a", "source", "over"),
}
LEVEL_KINDS = ("mean", "share", "share-ratio")
MEASURES = ("score", "true_return", "length", "lift", "in_support", "concentrability", "effective_share")
SOURCES = ("coverage", "reward", "algorithm", "interactions", "seed", "rest")
EXPECTATIONS = ("greater", "less", "near")
COLUMNS = ("dataset", "curation", "relabeling", "algorithm")
REGISTRIES: dict[str, Registry[Any]] = {"curation": curations, "relabeling": relabelings, "algorithm": algorithms}


@dataclass(frozen=True)
class Selection:
    """The runs whose every named column has one of the texts; `columns` is ((column, texts), ...)."""

    columns: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def holds(self, values: Mapping[str, str]) -> bool:
        """Whether a run with these values (column → canonical text) is selected."""
        return all(any(_is_named(values[column], text) for text in texts) for column, texts in self.columns)

    def __and__(self, other: Selection) -> Selection:
        return Selection(self.columns + other.columns)


@dataclass(frozen=True)
class Prediction:
    """One `[[predictions]]` table; the module's docstring says what each key means."""

    name: str
    text: str
    kind: str
    expect: str
    a: Selection
    b: Selection | None = None
    c: Selection | None = None
    d: Selection | None = None
    where: Selection = Selection()
    each: tuple[str, ...] = ()
    measure: str = "score"
    source: str = ""
    over: str = ""
    than: float = 0.0
    to: float = 0.0
    within: float = 0.0

    def selections(self) -> tuple[Selection, ...]:
        """Those of a, b, c, d that are given, each narrowed to `where`."""
        return tuple(one & self.where for one in (self.a, self.b, self.c, self.d) if one is not None)


def load_predictions(tables: Iterable[Any], where: str, runs: Iterable[Run] = ()) -> tuple[Prediction, ...]:
    """The predictions of a suite file: `Suite.predictions`, the path for messages, and the suite's runs.

    With `runs`, a selection that none of them fits is refused, so that a slip is found before the suite runs.
    Raises `SuiteError` that names the file, the prediction and the key.
    """
    known = [{column: str(getattr(run, column)) for column in COLUMNS} for run in runs]
    found: list[Prediction] = []
    for number, table in enumerate(tables, 1):
        name = table.get("name") if isinstance(table, dict) else None
        place = f"{where}, [[predictions]] number {number}" + (f" ({name})" if isinstance(name, str) else "")
        prediction = _read_prediction(table, place)
        if prediction.name in [other.name for other in found]:
            raise SuiteError(f"{place}: an earlier prediction has the same name; give each prediction its own name")
        if known:
            _check_selections(prediction, known, place)
        found.append(prediction)
    return tuple(found)


def _read_prediction(table: Any, place: str) -> Prediction:
    known = {field.name for field in fields(Prediction)}
    if not isinstance(table, dict):
        raise SuiteError(f"{place}: must be a table, not {table!r}")
    for key in table:
        if key not in known:
            raise SuiteError(f"{place}: {unknown_name('key', key, known)}")
    kind = _read_choice(table, "kind", tuple(NEEDS), place)
    _check_keys(table, kind, place)
    for key in ("name", "text"):
        if not isinstance(table[key], str) or not table[key].strip():
            raise SuiteError(f"{place}: {key} must be a text, not {table[key]!r}")
    each = table.get("each", [])
    columns = each if isinstance(each, list) else [each]
    for column in columns:
        if column not in COLUMNS:
            raise SuiteError(f"{place}: each must be one of {', '.join(COLUMNS)}, not {column!r}")
    expect = _read_choice(table, "expect", EXPECTATIONS, place)
    chosen: dict[str, Any] = {"kind": kind, "expect": expect, "each": tuple(columns)}
    choices = {"measure": MEASURES, "source": SOURCES, "over": SOURCES}
    chosen |= {key: _read_choice(table, key, allowed, place) for key, allowed in choices.items() if key in table}
    chosen |= {key: _read_selection(table[key], key, place) for key in ("a", "b", "c", "d", "where") if key in table}
    chosen |= {key: _read_number(table[key], key, place) for key in ("than", "to", "within") if key in table}
    return Prediction(name=table["name"], text=table["text"], **chosen)


def _check_keys(table: Mapping[str, Any], kind: str, place: str) -> None:
    """Every key that the kind and the expectation need is there, and none that they would ignore."""
    near = table.get("expect") == "near"
    needed = ["name", "text", "expect", *NEEDS[kind]]
    if near:
        needed.append("within")
    elif kind in LEVEL_KINDS:
        needed.append("than")
    for key in needed:
        if key not in table:
            raise SuiteError(f"{place}: {key} is missing; {kind} needs {', '.join(needed)}")
    idle = {"b", "c", "d", "source", "over"} - set(NEEDS[kind])
    idle |= {"than"} if near else {"to", "within"}
    idle |= {"measure"} if kind.startswith("share") else set()
    for key in sorted(idle & set(table)):
        raise SuiteError(f"{place}: kind {kind} with expect {table['expect']!r} does not use {key}; take it out")


def _read_choice(table: Mapping[str, Any], key: str, allowed: Sequence[str], place: str) -> str:
    value = table.get(key)
    if value not in allowed:
        raise SuiteError(f"{place}: {key} must be one of {', '.join(allowed)}, not {value!r:.200}")
    return str(value)


def _read_number(value: Any, key: str, place: str) -> float:
    number = type(value) in (int, float) and value == value and (type(value) is float or abs(value) < 2**1023)
    if not number or (key == "within" and value < 0):
        raise SuiteError(f"{place}: {key} must be a number{' from 0' * (key == 'within')}, not {value!r:.80}")
    return float(value)


def _read_selection(value: Any, key: str, place: str) -> Selection:
    if not isinstance(value, dict):
        raise SuiteError(f"{place}: {key} must be a table of {', '.join(COLUMNS)}, not {value!r:.200}")
    columns = []
    for column, given in value.items():
        if column not in COLUMNS:
            raise SuiteError(f"{place}: {key}: {unknown_name('column', column, COLUMNS)}")
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise SuiteError(f"{place}: {key}.{column} must be a text or a list of texts, not {given!r:.200}")
        columns.append((column, tuple(_canonical(column, text, f"{place}: {key}.{column}") for text in texts)))
    return Selection(tuple(columns))


def _canonical(column: str, text: str, place: str) -> str:
    """A component's text as records have it, closed by `()` where it has no parameters: so it differs from a name."""
    if column not in REGISTRIES:
        return text
    registry = REGISTRIES[column]
    try:
        if "(" not in text:
            for name in stage_names(text):
                registry.function(name)
            return spec_name(text)
        bound = str(registry.bind(text))
    except OfflineBenchError as error:
        raise SuiteError(f"{place}: {error}") from error
    return bound if "(" in bound else f"{bound}()"


def _is_named(value: str, text: str) -> bool:
    """Whether the canonical text `value` is what `text` names: itself, or any of its name."""
    if text.endswith("()"):
        return value == text.removesuffix("()")
    return value == text or ("(" not in text and spec_name(value) == text)


def _check_selections(prediction: Prediction, known: Sequence[Mapping[str, str]], place: str) -> None:
    for key in ("a", "b", "c", "d"):
        selection = getattr(prediction, key)
        if selection is None:
            continue
        narrowed = selection & prediction.where
        if not any(narrowed.holds(values) for values in known):
            raise SuiteError(f"{place}: {key} (with where) matches none of the suite's runs: {dict(narrowed.columns)}")
