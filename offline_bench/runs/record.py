"""`Run`: all that decides a result. `Record`: what came out of one, as one canonical text."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any

from offline_bench.core.errors import RecordError, SpecError
from offline_bench.runs.content import is_count, is_text, list_odd

SCHEMA = 1
STATUSES = ("ok", "diverged", "failed", "skipped")
CHECKSUM = re.compile(r'\A\{\n "checksum": "([0-9a-f]{16})",\n')
_encode = json.JSONEncoder(sort_keys=True).encode
_quote = lru_cache(maxsize=10_000)(json.dumps)


@dataclass(frozen=True, order=True, slots=True)
class Run:
    """All that decides a result. `curation`, `relabeling` and `algorithm` are canonical spec texts.

    `steps` are gradient steps; `episodes` are evaluation episodes.
    Raises `SpecError` naming the field that is no text, or no whole number of 64 bits.
    """

    dataset: str
    curation: str
    relabeling: str
    algorithm: str
    seed: int
    steps: int
    episodes: int

    def __post_init__(self) -> None:
        for name in ("dataset", "curation", "relabeling", "algorithm"):
            if not is_text(getattr(self, name)):
                raise SpecError(f"the {name} of a run is a text, not {getattr(self, name)!r:.80}")
        for name in ("seed", "steps", "episodes"):
            if not is_count(getattr(self, name)):
                raise SpecError(
                    f"the {name} of a run is a whole number from 0 to 2**63 - 1, not {getattr(self, name)!r:.80}"
                )

    @property
    def key(self) -> str:
        """Sixteen hex digits that name this run on disk and in tables."""
        # The canonical JSON of `to_dict`, put together from its texts: thousands of runs have the same few.
        return _hash(
            f'{{"algorithm": {_quote(self.algorithm)}, "curation": {_quote(self.curation)}, '
            f'"dataset": {_quote(self.dataset)}, "episodes": {self.episodes}, '
            f'"relabeling": {_quote(self.relabeling)}, "seed": {self.seed}, "steps": {self.steps}}}'
        )

    def to_dict(self) -> dict[str, Any]:
        """Its fields by name, in their order: as `asdict`, which copies them and takes ten times as long."""
        return {name: getattr(self, name) for name in RUN_FIELDS}

    def __str__(self) -> str:
        parts = [self.dataset, self.curation, self.relabeling, self.algorithm, f"seed {self.seed}"]
        return " · ".join(part for part in parts if part != "full")


Cell = tuple[str, str, str, str, int, int, int]
RUN_FIELDS = tuple(f.name for f in fields(Run))
_PUT = tuple(Run.__dict__[name].__set__ for name in RUN_FIELDS)


def make_runs(cells: Iterable[Cell]) -> list[Run]:
    """The run of each of `cells`: its fields in their order. Raises `SpecError` as `Run` does.

    A value is looked at once, and not once more in every run that has it: there may be a hundred thousand.
    """
    cells = list(cells)
    for place, values in enumerate(map(set, zip(*cells, strict=True))):
        for value in values:
            probe: list[Any] = list(cells[0])
            probe[place] = value
            Run(*probe)
    new, (dataset, curation, relabeling, algorithm, seed, steps, episodes) = object.__new__, _PUT
    runs = []
    for cell in cells:
        run = new(Run)
        dataset(run, cell[0])
        curation(run, cell[1])
        relabeling(run, cell[2])
        algorithm(run, cell[3])
        seed(run, cell[4])
        steps(run, cell[5])
        episodes(run, cell[6])
        runs.append(run)
    return runs


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One evaluation on the way: true returns per episode, and mean losses since the last point."""

    step: int
    returns: list[float]
    losses: dict[str, float]


@dataclass(frozen=True)
class Record:
    """What came out of one run; raw values only, nothing derived.

    returns, lengths   true return and length of each evaluation episode, at the last step
    curve              the evaluations at the declared steps, the last included
    sketch             where the policy went in state and action, see `sketch.py`; empty where the task has no scale
    support            in_support, concentrability, effective_share, see `support.py`; empty where it was not measured
    data               transitions, episodes and mean_length of what the learner was given, and mean_return, the mean
                       true return of the whole episodes that comes from; best_return, that of the best tenth of
                       these, which records from before it was measured lack
    fingerprints       dataset, policy, relabeling_source, curation_source
    provenance         trainer, device, versions, machine, seconds, processor_seconds, evaluation_seconds; learner,
                       relabeling: what these decided from the data, such as how accurate a learned reward is
    """

    run: Run
    status: str
    reason: str = ""
    returns: list[float] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    curve: list[CurvePoint] = field(default_factory=list)
    sketch: list[float] = field(default_factory=list)
    support: dict[str, float] = field(default_factory=dict)
    data: dict[str, float] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA


RECORD_FIELDS = frozenset(f.name for f in fields(Record))


def to_text(record: Record) -> str:
    """Canonical JSON: keys sorted, one final newline, with a checksum over everything else.

    NaN and infinity become null, as strict JSON has neither; half a character becomes its code.
    """
    content = strict({**asdict(record), "key": record.run.key})
    if not record.support:
        # Records from before it was measured keep their text.
        del content["support"]
    content["checksum"] = _checksum(content)
    return json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n"


def from_text(text: str, where: str) -> Record:
    """Read what `to_text` wrote; `where` names the file in errors.

    Raises `RecordError` where the text is cut short, altered, or of a schema this program does not know.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{where} is cut short or is not JSON ({error}). Delete it to redo its run.") from error
    if not isinstance(content, dict) or type(content.get("schema")) is not int:
        raise RecordError(
            f"{where} is not a record of a run: it has no schema number. Move it out of the results folder."
        )
    if content["schema"] > SCHEMA:
        raise RecordError(
            f"{where} has schema {content['schema']!r:.40}, and this version knows schemas up to {SCHEMA}. Update "
            "offline_bench to read it; it was left as it is."
        )
    checksum = content.pop("checksum", None)
    key = content.pop("key", None)
    if not _is_whole(text) and checksum != _checksum({**content, "key": key}):
        raise RecordError(f"{where} was altered after it was written: its checksum differs. Delete it to redo its run.")
    return _from_content(content, key, where)


def _from_content(content: dict[str, Any], key: str | None, where: str) -> Record:
    wrong = list_odd(content)
    if wrong:
        raise RecordError(
            f"{where} lacks the fields of a record: {', '.join(wrong)} must be of another type. Delete it to redo its "
            "run."
        )
    expected = RECORD_FIELDS
    if set(content) | {"support"} != expected or content["status"] not in STATUSES:
        odd = sorted(set(content) - expected | expected - set(content) - {"support"}) or [content["status"]]
        raise RecordError(f"{where} does not have the fields of a record: {', '.join(odd)}. Delete it to redo its run.")
    try:
        run = Run(**content["run"])
        curve = [CurvePoint(**point) for point in content["curve"]]
    except (TypeError, SpecError) as error:
        raise RecordError(f"{where} lacks the fields of a record ({error}). Delete it to redo its run.") from error
    if run.key != key:
        raise RecordError(f"{where} says its key is {key}, but its run has {run.key}. Delete it to redo its run.")
    return Record(**{**content, "run": run, "curve": curve})


def _is_whole(text: str) -> bool:
    """Whether `text` is as `to_text` wrote it: then its checksum is that of its lines in one."""
    found = CHECKSUM.match(text)
    if found is None or not text.endswith("\n}\n"):
        return False
    flat = " ".join(map(str.lstrip, text[found.end() : -1].split("\n")))
    for layout, mark in (("[ ", "["), (" ]", "]"), ("{ ", "{"), (" }", "}")):
        flat = flat.replace(layout, mark)
    # A text with such a mark within it, or laid out by another hand, is looked at by what it says.
    return _hash("{" + flat) == found[1]


def _checksum(content: dict[str, Any]) -> str:
    return _hash(_encode(content))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def strict(value: Any) -> Any:
    """`value` as strict JSON can hold it: NaN and infinity as None, half a character as its code."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {strict(key): strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [strict(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
