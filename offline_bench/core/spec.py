"""`Spec`: the text that names a plug-in with its parameters, `name(key=value)`."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from offline_bench.core.errors import SpecError

NAME = re.compile(r"[a-z][a-z0-9]*(?:[-+_.][a-z0-9]+)*")


@dataclass(frozen=True)
class Spec:
    """A component's name and parameters; `str()` is the canonical text, keys sorted, values literal."""

    name: str
    parameters: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        inner = ", ".join(f"{key}={value!r}" for key, value in sorted(self.parameters))
        return f"{self.name}({inner})" if inner else self.name


def parse_spec(text: str) -> Spec:
    """Read `name` or `name(key=value, ...)`. Raises `SpecError` that shows `text` with the place marked."""
    text = " ".join(text.splitlines())
    match = NAME.match(text.strip())
    offset = len(text) - len(text.lstrip())
    if match is None:
        _refuse(text, offset, "a spec starts with a name in lower case, such as random(low=0)")
    rest_at = offset + match.end()
    rest = text[rest_at:].rstrip()
    if not rest:
        return Spec(match.group())
    if not rest.startswith("("):
        _refuse(text, rest_at, "after the name comes nothing, or its parameters in parentheses")
    return Spec(match.group(), _parse_parameters(text, rest_at, rest))


def _parse_parameters(text: str, rest_at: int, rest: str) -> tuple[tuple[str, Any], ...]:
    try:
        call = ast.parse(f"f{rest}", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        offset = getattr(error, "offset", None) or 2
        _refuse(text, min(rest_at + max(offset - 2, 0), len(text)), "this is not key=value, ...")

    def place(node: ast.expr | ast.keyword) -> int:
        # ast counts columns in UTF-8 bytes, and one more for the f that stands for the name.
        return rest_at + len(rest.encode()[: node.col_offset - 1].decode())

    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        _refuse(text, rest_at, "one pair of parentheses with key=value, ... is wanted")
    if call.args:
        _refuse(text, place(call.args[0]), "parameters are given by name: key=value")
    parameters: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            _refuse(text, place(keyword), "a literal key is wanted here")
        if keyword.arg in parameters:
            _refuse(text, place(keyword), f"{keyword.arg} is given twice")
        try:
            value = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            value = ...
        if not _is_literal(value):
            _refuse(text, place(keyword.value), "a finite number, 'text', True, None or a list of these is wanted")
        parameters[keyword.arg] = value
    return tuple(sorted(parameters.items()))


def _is_literal(value: Any) -> bool:
    # Only what has one text: a set has none, and inf reads back as a name.
    if isinstance(value, list | tuple):
        return all(_is_literal(inner) for inner in value)
    return value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))


def _refuse(text: str, at: int, why: str) -> NoReturn:
    raise SpecError(f"cannot read this spec: {why}\n    {text}\n    {' ' * at}^")


def spec_name(text: str) -> str:
    """The name in a canonical text, `atac` in `atac(beta=0.25)`; never raises, for texts read from files."""
    return text.partition("(")[0].strip()
