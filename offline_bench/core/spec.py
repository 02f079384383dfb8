"""`Spec`: the text that names a plug-in with its parameters, `name(key=value)`; and chains of them, `a > b(key=1)`."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from offline_bench.core.errors import SpecError

NAME = re.compile(r"[a-z][a-z0-9]*(?:[-+_.][a-z0-9]+)*")
ARROW = " > "
OPENING, CLOSING, QUOTES = "([{", ")]}", "'\""
KEPT = 4096  # names that are read once: thousands of runs share a few texts
NO_VALUE = re.compile(r"\w+\s*=\s*(?=[,)])")


@dataclass(frozen=True)
class Spec:
    """A component's name and parameters; `str()` is the canonical text, keys sorted, values literal."""

    name: str
    parameters: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        inner = ", ".join(f"{key}={value!r}" for key, value in sorted(self.parameters))
        return f"{self.name}({inner})" if inner else self.name


class _UnreadableError(ValueError):
    """Why a text is no spec, and where in it."""

    def __init__(self, at: int, why: str) -> None:
        super().__init__(why)
        self.at = at


def parse_spec(text: str, whole: str = "", start: int = 0) -> Spec:
    """Read `name` or `name(key=value, ...)`. Raises `SpecError` that shows `text` with the place marked.

    Where `text` is a stage of the chain `whole`, which has it at `start`, the place is marked in that.
    """
    try:
        return _parse(" ".join(text.splitlines()))
    except _UnreadableError as error:
        raise SpecError(f"cannot read this spec: {error}\n{mark_place(whole or text, start + error.at)}") from error


def mark_place(text: str, at: int) -> str:
    """`text` as one line, and below it a mark at the character `at`."""
    return f"    {' '.join(text.splitlines())}\n    {' ' * at}^"


def _parse(text: str) -> Spec:
    match = NAME.match(text.strip())
    offset = len(text) - len(text.lstrip())
    if match is None:
        _refuse(offset, "a spec starts with a name in lower case, such as random(low=0)")
    rest_at = offset + match.end()
    rest = text[rest_at:].rstrip()
    if not rest:
        return Spec(match.group())
    if not rest.startswith("("):
        _refuse(rest_at, "only parameters in parentheses may follow the name")
    return Spec(match.group(), _parse_parameters(text, rest_at, rest))


def _parse_parameters(text: str, rest_at: int, rest: str) -> tuple[tuple[str, Any], ...]:
    try:
        call = ast.parse(f"f{rest}", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        at = min(rest_at + max((getattr(error, "offset", None) or 2) - 2, 0), len(text))
        # Where a value is missing, some Pythons point at its key and others behind it.
        bare = NO_VALUE.match(text, at)
        _refuse(bare.end() if bare else at, "this is not key=value, ...")

    def place(node: ast.expr | ast.keyword) -> int:
        # ast counts columns in UTF-8 bytes, and one more for the f that stands for the name.
        return rest_at + len(rest.encode()[: node.col_offset - 1].decode())

    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        _refuse(rest_at, "write one pair of parentheses with key=value, ...")
    if call.args:
        _refuse(place(call.args[0]), "parameters are given by name: key=value")
    parameters: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            _refuse(place(keyword), "write key=value here")
        if keyword.arg in parameters:
            _refuse(place(keyword), f"{keyword.arg} is given twice")
        try:
            value = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            value = ...
        if not _is_literal(value):
            _refuse(place(keyword.value), "write a finite number, 'text', True, None or a list of such values")
        parameters[keyword.arg] = value
    return tuple(sorted(parameters.items()))


def _is_literal(value: Any) -> bool:
    # Only what has one text: a set has none, and inf reads back as a name.
    if isinstance(value, list | tuple):
        return all(_is_literal(inner) for inner in value)
    return value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))


def _refuse(at: int, why: str) -> NoReturn:
    raise _UnreadableError(at, why)


@lru_cache(maxsize=KEPT)
def spec_name(text: str) -> str:
    """The name in a canonical text, `atac` in `atac(beta=0.25)`; never raises, for texts read from files.

    Of a chain, the names of its stages: `noisy > clipped` in `noisy(scale=0.5) > clipped(high=1.0, low=0.0)`.
    """
    return ARROW.join(stage_names(text))


def stage_names(text: str) -> list[str]:
    """The names of the stages of a canonical text, one if it is not a chain; never raises."""
    return [stage.partition("(")[0].strip() for _, stage in split_stages(text)]


def split_stages(text: str) -> list[tuple[int, str]]:
    """The stages of a chain, each with the place where it starts: split at each `>` outside brackets and quotes."""
    stages, start, depth, quote, escaped = [], 0, 0, "", False
    for at, mark in enumerate(text):
        if quote:
            quote = "" if mark == quote and not escaped else quote
            escaped = mark == "\\" and not escaped
        elif mark in QUOTES:
            quote = mark
        elif mark in OPENING or mark in CLOSING:
            depth += 1 if mark in OPENING else -1
        elif mark == ">" and depth <= 0:
            stages.append((start, text[start:at]))
            start = at + 1
    return [*stages, (start, text[start:])]
